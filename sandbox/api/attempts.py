"""What happens when a card is charged: success, decline, a challenge by 3-D Secure, or a long wait."""

from sandbox import cards, errors
from sandbox.api import charges, events, next_actions, payment_methods, visibility
from sandbox.api.call import Call
from sandbox.store import Body

# Seconds; in life it takes weeks.
DISPUTED_AFTER = 3.0


def begin(
    call: Call, intent: Body, method: Body, *, off_session: bool, is_moto: bool, return_url: str | None, by_sdk: bool
) -> Body:
    """The intent after one attempt. Raises StripeError (which keeps what was written) when it was declined."""
    # Mail and telephone orders are out of the scope of strong customer authentication.
    if not is_moto and payment_methods.must_authenticate(call, method):
        if off_session:
            raise fail(call, intent, method, cards.DECLINES["authentication_required"], authenticated=False)
        return _challenge(call, intent, method, return_url=return_url, by_sdk=by_sdk)
    return finish(call, intent, method, authenticated=False)


def _challenge(call: Call, intent: Body, method: Body, *, return_url: str | None, by_sdk: bool) -> Body:
    """The bank asks; `authenticate` is how the answer comes back."""
    intent |= {"payment_method": method["id"], "last_payment_error": None}
    next_actions.ask(call, intent, return_url=return_url, by_sdk=by_sdk)
    events.emit(call, "payment_intent.requires_action", intent)
    return intent


def authenticate(call: Call, intent: Body, source: str, *, passed: bool) -> Body:
    """The challenge was answered. Raises StripeError when it was answered already, or with the wrong source."""
    next_actions.check_source(call, intent, source)
    method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
    intent["next_action"] = None
    if not passed:
        return _not_authenticated(call, intent, method)
    try:
        return finish(call, intent, method, authenticated=True)
    except errors.StripeError:
        return call.store.get("payment_intent", intent["id"], param="intent")


def _not_authenticated(call: Call, intent: Body, method: Body) -> Body:
    code = "payment_intent_authentication_failure"
    intent["last_payment_error"] = {
        "code": code,
        "doc_url": errors.DOCS + code.replace("_", "-"),
        "message": next_actions.NOT_AUTHENTICATED,
        "payment_method": method,
        "type": "invalid_request_error",
    }
    intent |= {"status": "requires_payment_method", "payment_method": None}
    call.store.save(intent)
    events.emit(call, "payment_intent.payment_failed", intent)
    return intent


def finish(call: Call, intent: Body, method: Body, *, authenticated: bool) -> Body:
    """Past any challenge: the bank decides. Raises StripeError when it declines."""
    payment_methods.remember(call, method, used=True)
    if decline := payment_methods.decline_of(call, method):
        raise fail(call, intent, method, cards.DECLINES[decline], authenticated=authenticated)
    if fault := call.faults.strike("processing", path="/v1/payment_intents"):
        intent |= {"status": "processing", "payment_method": method["id"], "next_action": None}
        intent["processing"] = {"card": {"customer_notification": None}, "type": "card"}
        call.store.save(intent)
        events.emit(call, "payment_intent.processing", intent)
        call.later("pay" if fault.outcome == "succeeded" else "refuse", intent["id"], fault.seconds)
        return intent
    return succeed(call, intent, method, authenticated=authenticated)


def succeed(call: Call, intent: Body, method: Body, *, authenticated: bool) -> Body:
    """The money is ours: charge, saved card, fee, and the events in the order Stripe sends them."""
    if intent["customer"] and intent["setup_future_usage"]:
        payment_methods.attach_to(call, method, intent["customer"])
        payment_methods.remember(call, method, set_up=True)
    charge = charges.add(call, intent, method, decline=None, authenticated=authenticated)
    intent |= {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": method["id"],
        "processing": None,
        "status": "succeeded",
    }
    call.store.save(intent)
    events.emit(call, "charge.succeeded", charge)
    events.emit(call, "payment_intent.succeeded", intent)
    if payment_methods.card_of(call, method).dispute:
        call.later("dispute", charge["id"], DISPUTED_AFTER)
    if fault := call.faults.strike("late_fee", path="/v1/payment_intents"):
        call.later("settle_fee", charge["id"], fault.seconds)
    else:
        charges.settle_fee(call, charge["id"])
    return intent


def fail(call: Call, intent: Body, method: Body, decline: cards.Decline, *, authenticated: bool) -> errors.StripeError:
    """Writes the failed charge and its events; the error reply to raise."""
    charge = charges.add(call, intent, method, decline=decline, authenticated=authenticated)
    error: Body = {
        "advice_code": decline.advice,
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": errors.DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "network_decline_code": "05",
        "payment_method": method,
        "type": "card_error",
    }
    if decline.param:
        error["param"] = decline.param
    intent |= {
        "last_payment_error": error,
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    call.store.save(intent)
    events.emit(call, "charge.failed", charge)
    events.emit(call, "payment_intent.payment_failed", intent)
    extra = {key: value for key, value in error.items() if key not in ("code", "doc_url", "message", "param", "type")}
    extra["payment_intent"] = visibility.seen_by(call, intent)
    return errors.StripeError(402, "card_error", decline.message, decline.code, decline.param, extra, keeps=True)
