"""The control panel under /_test/: what tests and the front page's buttons can ask of the sandbox."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox import errors, happenings
from sandbox.answer import Answer, not_found
from sandbox.dispatch import Request
from sandbox.faults import UnknownFault
from sandbox.happenings import Refused

if TYPE_CHECKING:
    from sandbox.server import Sandbox

MAIL_STAGES = ("connect", "hangup", "rcpt", "data")
LISTED = (
    *("payment_intent", "charge", "refund", "dispute", "payout", "balance_transaction"),
    *("customer", "payment_method", "setup_intent", "subscription", "invoice", "event"),
)


def answer(sandbox: "Sandbox", request: Request) -> Answer:
    handler = HANDLERS.get((request.method, request.path.removeprefix("/_test/").rstrip("/")))
    if handler is None:
        return not_found("control")
    try:
        return Answer.json(handler(sandbox, _given(request)))
    except (Refused, UnknownFault, errors.StripeError) as error:
        return Answer.json({"error": str(error)}, status=400)


def _given(request: Request) -> dict[str, Any]:
    """JSON bodies only: a form of some other site cannot send one without asking first."""
    if request.method != "POST":
        return {name: values[-1] for name, values in parse_qs(request.query).items()}
    if "application/json" not in request.headers.get("Content-Type", ""):
        raise Refused("the body must be JSON, with its content type")
    try:
        given = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Refused("the body is not JSON") from error
    if not isinstance(given, dict):
        raise Refused("the body must be a JSON object")
    return given


def _state(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    kinds = [given["kind"]] if "kind" in given else list(LISTED)
    state: dict[str, Any] = {f"{kind}s": list(sandbox.store.newest_first(kind)) for kind in kinds}
    state["deliveries"] = _deliveries(sandbox, {})
    return state


def _deliveries(sandbox: "Sandbox", _given: dict[str, Any]) -> Any:
    rows = sandbox.store.query("SELECT * FROM deliveries ORDER BY seq")
    return [{**dict(row), "log": json.loads(row["log"])} for row in rows]


def _requests(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    after = given.get("after", "0")
    if not after.isdigit():
        raise Refused("after must be a number")
    return {"requests": sandbox.journal.after(int(after))}


def _faults(sandbox: "Sandbox", _given: dict[str, Any]) -> Any:
    return {"faults": sandbox.faults.listed()}


def _add_fault(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    settings = dict(given)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str):
        raise Refused("kind is missing")
    sandbox.faults.add(kind, **settings)
    return _faults(sandbox, {})


def _clear_faults(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    sandbox.faults.clear(*([given["kind"]] if "kind" in given else []))
    return _faults(sandbox, {})


def _add_mail_fault(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    settings = dict(given)
    stage = settings.pop("stage", "rcpt")
    if stage not in MAIL_STAGES:
        raise Refused(f"stage must be one of {', '.join(MAIL_STAGES)}")
    sandbox.faults.add("mail", path=stage, **settings)
    return _faults(sandbox, {})


def _clear_mail_faults(sandbox: "Sandbox", _given: dict[str, Any]) -> Any:
    sandbox.faults.clear("mail")
    return _faults(sandbox, {})


def _resend(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    event = sandbox.store.get("event", str(given.get("event", "")), param="event")
    return {"deliveries": sandbox.deliverer.resend(event["id"])}


def _set_webhook(sandbox: "Sandbox", given: dict[str, Any]) -> Any:
    url, secret = given.get("url", ""), given.get("secret", sandbox.options.webhook_secret)
    if not (isinstance(url, str) and isinstance(secret, str)):
        raise Refused("url and secret must be texts")
    sandbox.set_webhook(url, secret)
    return {"url": url}


def _reset(sandbox: "Sandbox", _given: dict[str, Any]) -> Any:
    sandbox.reset()
    return {"reset": True}


def _happening(name: str) -> "Handling":
    return lambda sandbox, given: happenings.happen(sandbox, name, given)


Handling = Callable[["Sandbox", dict[str, Any]], Any]
HANDLERS: dict[tuple[str, str], Handling] = {
    ("GET", "state"): _state,
    ("GET", "deliveries"): _deliveries,
    ("GET", "requests"): _requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "smtp"): _add_mail_fault,
    ("DELETE", "smtp"): _clear_mail_faults,
    ("POST", "resend"): _resend,
    ("POST", "webhook"): _set_webhook,
    ("POST", "reset"): _reset,
    ("POST", "clock"): happenings.set_clock,
    **{("POST", name): _happening(name) for name in happenings.HAPPENINGS},
}
