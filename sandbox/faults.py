"""Trouble on demand: what may be asked for under /_test/faults, and who it hits."""

import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any

WEBHOOK_KINDS = ("duplicate", "delay", "reorder", "drop")
API_KINDS = ("down", "close", "slow", "fail", "timeout_after")
PAYMENT_KINDS = ("processing", "late_fee", "refund_pending")
MAIL_KINDS = ("mail",)
KINDS = WEBHOOK_KINDS + API_KINDS + PAYMENT_KINDS + MAIL_KINDS


@dataclass(slots=True)
class Fault:
    """One kind of trouble. `count`: how many more times it strikes (None: until cleared).

    `path`, `method`: only API requests whose path contains this text (for mail: the stage, which is connect, hangup,
    rcpt or data). `types`: only events of these types.
    """

    kind: str
    count: int | None = None
    path: str = ""
    method: str = ""
    types: list[str] = field(default_factory=list)
    times: int = 2  # duplicate: how many copies in all
    threads: int = 1  # duplicate: sent by so many threads at once
    size: int = 2  # reorder: so many events are gathered and sent backwards
    seconds: float = 0.0  # delay, slow, timeout_after, processing, late_fee, refund_pending
    status: int = 500  # fail
    code: int = 451  # mail: the SMTP reply
    outcome: str = "succeeded"  # processing, refund_pending: or "failed"
    id: int = 0
    struck: int = 0

    def suits(self, *, path: str = "", method: str = "", event: str = "") -> bool:
        return (
            self.path in path
            and (not self.method or self.method.upper() == method)
            and (not self.types or event in self.types)
        )


class UnknownFault(ValueError):
    """Somebody asked for trouble that we cannot make."""


class Faults:
    """The faults in force. `strike` uses one up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._next_id = 1

    def add(self, kind: str, **settings: Any) -> Fault:
        """Raises UnknownFault when the kind or a setting does not exist or has the wrong type."""
        if kind not in KINDS:
            raise UnknownFault(f"kind must be one of {', '.join(KINDS)}")
        known = {item.name: item.type for item in fields(Fault)}
        for name, value in settings.items():
            if name not in known or name in ("kind", "id", "struck"):
                raise UnknownFault(f"unknown setting {name!r}")
            if not _fits(getattr(Fault(kind), name), value, name):
                raise UnknownFault(f"{name} has the wrong type: {value!r}")
        fault = Fault(kind, **settings)
        with self._lock:
            fault.id = self._next_id
            self._next_id += 1
            self._faults.append(fault)
        return fault

    def strike(self, *kinds: str, path: str = "", method: str = "", event: str = "") -> Fault | None:
        """The first fault of these kinds that suits, one use of it taken; None when nothing is wrong."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.suits(path=path, method=method, event=event):
                    fault.struck += 1
                    if fault.count is not None:
                        fault.count -= 1
                        if fault.count <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def clear(self, *kinds: str) -> None:
        with self._lock:
            self._faults = [fault for fault in self._faults if kinds and fault.kind not in kinds]


def _fits(default: Any, value: Any, name: str) -> bool:
    if name == "count":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if isinstance(default, list):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return type(value) is type(default) and (not isinstance(value, int) or value > 0)
