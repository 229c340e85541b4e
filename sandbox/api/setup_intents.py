"""Setup intents: a card saved for later charges, with the bank's yes and without a charge."""

from typing import Any

from sandbox import cards, errors, ids, keys, params
from sandbox.api import events, intents, listing, next_actions, payment_intents, payment_methods, visibility
from sandbox.api.call import Call, pick
from sandbox.params import BOOLEAN, TEXT, TEXTS, clearable, enum
from sandbox.store import Body

CARD_OPTIONS = params.group(
    moto=BOOLEAN,
    network=TEXT,
    request_three_d_secure=enum("any", "automatic", "challenge"),
    setup_credential_usage=enum("installment", "recurring", "unscheduled"),
)
SHARED: params.Spec = {
    "allowed_payment_method_types": TEXTS,
    "expand": TEXTS,
    "payment_method": TEXT,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": params.group(card=CARD_OPTIONS, link=params.ANYTHING),
}
WRITTEN: params.Spec = {
    "customer": TEXT,
    "description": clearable(params.Param("text", longest=1000)),
    "excluded_payment_method_types": TEXTS,
    "metadata": params.METADATA,
    "payment_method_configuration": TEXT,
}
CONFIRMING: params.Spec = {
    "confirmation_token": TEXT,
    "mandate_data": params.ANYTHING,
    "return_url": TEXT,
    "use_stripe_sdk": BOOLEAN,
}
CREATE: params.Spec = {
    **SHARED,
    **WRITTEN,
    **CONFIRMING,
    "automatic_payment_methods": params.group(
        enabled=params.required(BOOLEAN), allow_redirects=enum("always", "never")
    ),
    "confirm": BOOLEAN,
    "usage": enum("off_session", "on_session"),
}
UPDATE: params.Spec = {**SHARED, **WRITTEN}
CONFIRM: params.Spec = {**SHARED, **CONFIRMING, "client_secret": TEXT, "expected_payment_method_type": TEXT}
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
NOT_AUTHENTICATED = "setup_intent_authentication_failure"


def create(call: Call) -> Body:
    asked = payment_intents.check(CREATE, call.params)
    if not asked.get("automatic_payment_methods", {"enabled": True})["enabled"]:
        raise errors.bad_request(
            "The sandbox imitates automatic payment methods only.", param="automatic_payment_methods"
        )
    strays = [name for name in CONFIRMING if name in asked and name != "use_stripe_sdk"]
    if strays and not asked.get("confirm"):
        raise errors.bad_request(f"{strays[0]} can only be set when `confirm` is `true`.", param=strays[0])
    intent = _blank(call, asked.get("usage", "off_session"))
    intent["automatic_payment_methods"] = payment_intents.automatic(asked)
    _write(call, intent, {name: value for name, value in asked.items() if not asked.get("confirm") or name in WRITTEN})
    call.store.add(intent, {})
    events.emit(call, "setup_intent.created", intent)
    return _confirm(call, intent, asked) if asked.get("confirm") else intent


def _blank(call: Call, usage: str) -> Body:
    identifier = ids.new("seti")
    nothing = (
        "allowed_payment_method_types application cancellation_reason customer customer_account description "
        "excluded_payment_method_types flow_directions last_setup_error latest_attempt mandate next_action "
        "on_behalf_of payment_method single_use_mandate"
    )
    return {
        **dict.fromkeys(nothing.split()),
        "id": identifier,
        "object": "setup_intent",
        "client_secret": ids.client_secret(identifier),
        "created": call.now,
        "livemode": False,
        "metadata": {},
        "payment_method_configuration_details": {"id": "pmc_sandbox0000000000000000", "parent": None},
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": usage,
    }


def _write(call: Call, intent: Body, asked: Body) -> None:
    if asked.get("customer"):
        call.store.get("customer", asked["customer"], param="customer")
    if "metadata" in asked:
        intent["metadata"] = params.merged_metadata(intent["metadata"], asked["metadata"])
    card = {**intent["payment_method_options"]["card"], **asked.get("payment_method_options", {}).get("card", {})}
    card.pop("moto", None)
    intent["payment_method_options"] = {"card": card}
    intent |= pick(asked, "allowed_payment_method_types", "customer", "description", "excluded_payment_method_types")
    if method := intents.chosen_method(call, intent, asked):
        intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def found(call: Call, identifier: str, secret: str | None) -> Body:
    """The intent of this id; a browser must know its client secret. Raises StripeError."""
    return intents.found(call, "setup_intent", identifier, secret)


def retrieve(call: Call, identifier: str) -> Body:
    asked = params.check({"client_secret": TEXT, "expand": TEXTS}, call.params)
    return visibility.seen_by(call, found(call, identifier, asked.get("client_secret")))


def update(call: Call, identifier: str) -> Body:
    asked = payment_intents.check(UPDATE, call.params)
    intent = call.store.get("setup_intent", identifier, param="intent", in_path=True)
    blocked = [name for name in asked if name not in ("description", "metadata", "expand")]
    if blocked and intent["status"] not in OPEN:
        raise errors.unexpected_state(
            f"You cannot update this SetupIntent's {blocked[0]} because it has a status of {intent['status']}.", intent
        )
    _write(call, intent, asked)
    return call.store.save(intent)


def confirm(call: Call, identifier: str) -> Body:
    if call.key_kind == keys.SECRET and (strays := sorted(payment_intents.BROWSER_ONLY & set(call.params))):
        raise errors.unknown(strays)
    asked = payment_intents.check(CONFIRM, call.params)
    intent = found(call, identifier, asked.get("client_secret"))
    return visibility.seen_by(call, _confirm(call, intent, asked))


def _confirm(call: Call, intent: Body, asked: dict[str, Any]) -> Body:
    if intent["status"] not in OPEN:
        raise errors.unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
            visibility.seen_by(call, intent),
        )
    _write(call, intent, {key: value for key, value in asked.items() if key not in WRITTEN})
    if not intent["payment_method"]:
        raise errors.unexpected_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it.",
            visibility.seen_by(call, intent),
        )
    method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
    # Mail and telephone orders are out of the scope of strong customer authentication.
    is_moto = call.key_kind == keys.SECRET and payment_intents.is_moto(asked)
    if not is_moto and payment_methods.must_authenticate(call, method):
        intent["last_setup_error"] = None
        by_sdk = asked.get("use_stripe_sdk", False) or call.key_kind == keys.PUBLISHABLE
        next_actions.ask(call, intent, return_url=asked.get("return_url"), by_sdk=by_sdk)
        events.emit(call, "setup_intent.requires_action", intent)
        return intent
    return _finish(call, intent, method)


def authenticate(call: Call, intent: Body, source: str, *, passed: bool) -> Body:
    """The bank's question was answered. Raises StripeError when it was before, or with the wrong source."""
    next_actions.check_source(call, intent, source)
    method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
    if not passed:
        error = {"code": NOT_AUTHENTICATED, "message": next_actions.NOT_AUTHENTICATED, "payment_method": method}
        doc_url = errors.DOCS + NOT_AUTHENTICATED.replace("_", "-")
        return _fail(call, intent, method, {**error, "doc_url": doc_url, "type": "invalid_request_error"})
    try:
        return _finish(call, intent, method)
    except errors.StripeError:
        return call.store.get("setup_intent", intent["id"], param="intent")


def _finish(call: Call, intent: Body, method: Body) -> Body:
    """The bank decides. A card that may be saved and is refused later is saved here. Raises StripeError."""
    card, decline = payment_methods.card_of(call, method), payment_methods.decline_of(call, method)
    if decline and not card.attachable:
        told = cards.DECLINES[decline]
        error: Body = {
            "advice_code": told.advice,
            "code": told.code,
            "decline_code": told.decline_code,
            "doc_url": errors.DOCS + told.code.replace("_", "-"),
            "message": told.message,
            "network_decline_code": "05",
            "payment_method": method,
            "type": "card_error",
        } | ({"param": told.param} if told.param else {})
        _fail(call, intent, method, error)
        named = ("code", "doc_url", "message", "param", "type")
        extra = {key: value for key, value in error.items() if key not in named}
        extra["setup_intent"] = visibility.seen_by(call, intent)
        raise errors.StripeError(402, "card_error", told.message, told.code, told.param, extra, keeps=True)
    if intent["customer"]:
        payment_methods.attach_to(call, method, intent["customer"])
    payment_methods.remember(call, method, set_up=True)
    intent |= {"last_setup_error": None, "next_action": None, "status": "succeeded"}
    intent["latest_attempt"] = _attempt(call, intent, method, None)["id"]
    call.store.save(intent)
    events.emit(call, "setup_intent.succeeded", intent)
    return intent


def _fail(call: Call, intent: Body, method: Body, error: Body) -> Body:
    intent["latest_attempt"] = _attempt(call, intent, method, error)["id"]
    intent |= {
        "last_setup_error": error,
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    call.store.save(intent)
    events.emit(call, "setup_intent.setup_failed", intent)
    return intent


def _attempt(call: Call, intent: Body, method: Body, error: Body | None) -> Body:
    details = pick(method["card"], "brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return call.store.add(
        {
            "id": ids.new("setatt"),
            "object": "setup_attempt",
            "application": None,
            "created": call.now,
            "customer": intent["customer"],
            "customer_account": None,
            "flow_directions": None,
            "livemode": False,
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {
                "card": {
                    **details,
                    "last4": method["card"]["last4"],
                    "network": method["card"]["brand"],
                    "three_d_secure": None,
                    "wallet": None,
                },
                "type": "card",
            },
            "setup_error": error,
            "setup_intent": intent["id"],
            "status": "failed" if error else "succeeded",
            "usage": intent["usage"],
        }
    )


def cancel(call: Call, identifier: str) -> Body:
    reasons = enum("abandoned", "duplicate", "requested_by_customer")
    asked = params.check({"cancellation_reason": reasons, "expand": TEXTS}, call.params)
    intent = call.store.get("setup_intent", identifier, param="intent", in_path=True)
    if intent["status"] not in OPEN:
        raise errors.unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent "
            f"with one of the following statuses may be canceled: {', '.join(OPEN)}.",
            intent,
        )
    reason = asked.get("cancellation_reason")
    intent |= {"cancellation_reason": reason, "next_action": None, "status": "canceled"}
    call.store.save(intent)
    events.emit(call, "setup_intent.canceled", intent)
    return intent


def list_all(call: Call) -> Body:
    asked = params.check({**params.PAGE, "customer": TEXT, "payment_method": TEXT}, call.params)
    wanted = pick(asked, "customer", "payment_method")
    return listing.page(
        call,
        "setup_intent",
        "/v1/setup_intents",
        asked,
        lambda body: all(body[key] == value for key, value in wanted.items()),
    )
