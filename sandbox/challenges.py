"""The 3-D Secure page's own questions: what is being paid, and how the supporter answered."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sandbox import errors, fees
from sandbox.answer import Answer, not_found
from sandbox.api import attempts, next_actions, payment_intents, setup_intents
from sandbox.api.call import Call
from sandbox.dispatch import Request
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def answer(sandbox: "Sandbox", request: Request) -> Answer:
    """GET tells the question; POST {source, client_secret, passed} ends the challenge."""
    if request.method == "GET":
        given: dict[str, Any] = {name: values[-1] for name, values in parse_qs(request.query).items()}
    elif request.method == "POST" and "application/json" in request.headers.get("Content-Type", ""):
        given = _json(request.body)
    else:
        return not_found()
    call = sandbox.call()
    try:
        with sandbox.store.transaction():
            intent = _challenged(call, str(given.get("client_secret")), str(given.get("source")))
            reply = _shown(intent) if request.method == "GET" else _ended(call, intent, given)
    except errors.StripeError as error:
        return Answer.json({"error": str(error)}, status=error.status)
    sandbox.wake()
    return Answer.json(reply)


def _json(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _challenged(call: Call, secret: str, source: str) -> Body:
    found = setup_intents.found if secret.startswith("seti_") else payment_intents.found
    intent = found(call, secret.split("_secret_")[0], secret)
    next_actions.check_source(call, intent, source)
    return intent


def _shown(intent: Body) -> Body:
    if intent["object"] == "setup_intent":
        return {"question": "Your bank asks you to confirm that this card may be saved for later payments."}
    return {
        "question": f"Your bank asks you to confirm a payment of {fees.shown(intent['amount'], intent['currency'])}."
    }


def _ended(call: Call, intent: Body, given: dict[str, Any]) -> Body:
    address = (intent["next_action"].get("redirect_to_url") or {}).get("return_url")
    source = call.store.hidden(intent["id"])["source"]
    kind: str = intent["object"]
    authenticate = setup_intents.authenticate if kind == "setup_intent" else attempts.authenticate
    after = authenticate(call, intent, source, passed=given.get("passed") is True)
    if not address:
        return {"return_url": None}
    outcome = {
        kind: intent["id"],
        f"{kind}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if after["status"] == "succeeded" else "failed",
    }
    return {"return_url": f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(outcome)}"}
