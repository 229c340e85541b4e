"""What every API operation is handed: the store, the options, and who asked."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.options import Options
from sandbox.store import Body, Store


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `now`: seconds since 1970. `params`: nested, as the form parser made them."""

    store: Store
    options: Options
    faults: Faults
    base_url: str
    clock: Clock
    now: int
    key_kind: str = "secret"
    request_id: str | None = None
    idempotency_key: str | None = None
    params: Body = field(default_factory=dict)

    def later(self, name: str, target: str, seconds: float) -> None:
        """Plans a job of sandbox.jobs for this object."""
        at = self.clock.time() + seconds
        self.store.execute("INSERT INTO jobs (at, name, target) VALUES (?, ?, ?)", at, name, target)


def pick(params: Body, *names: str) -> dict[str, Any]:
    """Those of the named parameters that were given."""
    return {name: params[name] for name in names if name in params}
