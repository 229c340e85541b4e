"""Payment intents: one payment from its first thought to its end, through as many attempts as it takes."""

from typing import Any

from sandbox import errors, fees, ids, keys, params
from sandbox.api import attempts, events, intents, listing, payment_methods, visibility
from sandbox.api.call import Call, pick
from sandbox.params import BOOLEAN, INTEGER, TEXT, TEXTS, clearable, enum, required
from sandbox.store import Body

CARD_OPTIONS = params.group(
    capture_method=enum("manual"),
    moto=BOOLEAN,
    network=TEXT,
    request_three_d_secure=enum("any", "automatic", "challenge"),
    setup_credential_usage=enum("installment", "recurring", "unscheduled"),
    setup_future_usage=clearable(enum("none", "off_session", "on_session")),
    stored_credential_usage=enum("installment", "recurring", "unscheduled"),
    statement_descriptor_suffix_kana=TEXT,
    statement_descriptor_suffix_kanji=TEXT,
)
SHARED: params.Spec = {
    "allowed_payment_method_types": TEXTS,
    "capture_method": enum("automatic", "automatic_async"),
    "excluded_payment_method_types": TEXTS,
    "expand": TEXTS,
    "payment_method": TEXT,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": params.group(card=CARD_OPTIONS, link=params.ANYTHING),
    "receipt_email": clearable(TEXT),
    "setup_future_usage": clearable(enum("off_session", "on_session")),
    "shipping": clearable(params.SHIPPING),
}
CONFIRMING: params.Spec = {
    "confirmation_token": TEXT,
    "error_on_requires_action": BOOLEAN,
    "mandate": TEXT,
    "mandate_data": params.ANYTHING,
    "off_session": params.Param("enum", choices=("true", "false", "one_off", "recurring")),
    "radar_options": params.ANYTHING,
    "return_url": TEXT,
    "use_stripe_sdk": BOOLEAN,
}
WRITTEN: params.Spec = {
    "amount": INTEGER,
    "currency": TEXT,
    "customer": TEXT,
    "description": clearable(params.Param("text", longest=1000)),
    "metadata": params.METADATA,
    "payment_method_configuration": TEXT,
    "statement_descriptor": params.Param("text", longest=22),
    "statement_descriptor_suffix": params.Param("text", longest=22),
}
CREATE: params.Spec = {
    **SHARED,
    **CONFIRMING,
    **WRITTEN,
    "amount": required(INTEGER),
    "currency": required(TEXT),
    "automatic_payment_methods": params.group(enabled=required(BOOLEAN), allow_redirects=enum("always", "never")),
    "confirm": BOOLEAN,
    "confirmation_method": enum("automatic", "manual"),
}
UPDATE: params.Spec = {**SHARED, **WRITTEN}
CONFIRM: params.Spec = {
    **SHARED,
    **CONFIRMING,
    "amount_to_confirm": INTEGER,
    "client_secret": TEXT,
    "expected_payment_method_type": TEXT,
}
BROWSER_ONLY = {"client_secret", "expected_payment_method_type"}
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELLABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
NOT_BESIDE_ALLOWED = ("automatic_payment_methods", "excluded_payment_method_types", "payment_method_configuration")
ALWAYS_WRITABLE = {"description", "metadata", "receipt_email", "expand", "shipping"}


def create(call: Call) -> Body:
    asked = check(CREATE, call.params)
    currency = fees.check_currency(asked["currency"])
    fees.check_amount(asked["amount"], currency)
    if not asked.get("automatic_payment_methods", {"enabled": True})["enabled"]:
        raise errors.bad_request(
            "The sandbox imitates automatic payment methods only.", param="automatic_payment_methods"
        )
    identifier = ids.new("pi")
    intent = _blank(call, identifier, asked["amount"], currency)
    intent["confirmation_method"] = asked.get("confirmation_method", "automatic")
    strays = [name for name in CONFIRMING if name in asked and name not in ("radar_options", "use_stripe_sdk")]
    if strays and not asked.get("confirm"):
        raise errors.bad_request(f"{strays[0]} can only be set when `confirm` is `true`.", param=strays[0])
    if is_moto(asked) and not asked.get("confirm"):
        raise _moto_too_early()
    intent["automatic_payment_methods"] = automatic(asked)
    _write(call, intent, {name: value for name, value in asked.items() if not asked.get("confirm") or name in WRITTEN})
    call.store.add(intent, {})
    events.emit(call, "payment_intent.created", intent)
    return _confirm(call, intent, asked) if asked.get("confirm") else intent


def check(spec: params.Spec, given: Body) -> dict[str, Any]:
    """Like params.check; names the parameter that this API version took away by its own error."""
    if "payment_method_types" in given:
        raise errors.bad_request(
            "The `payment_method_types` parameter is no longer supported. Use dynamic payment methods, or "
            "`allowed_payment_method_types` or `excluded_payment_method_types`.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    # Stripe, "Adds the allowed payment method types parameter", changelog of 2026-07-29 (read 2026-11-27).
    if "allowed_payment_method_types" in given and (others := [name for name in NOT_BESIDE_ALLOWED if name in given]):
        raise errors.bad_request(
            f"You cannot pass both `allowed_payment_method_types` and `{others[0]}`.",
            param="allowed_payment_method_types",
        )
    return params.check(spec, given)


def automatic(asked: Body) -> Body | None:
    """What the intent says of automatic payment methods; nothing where those that are allowed were named."""
    if "allowed_payment_method_types" in asked:
        return None
    redirects = asked.get("automatic_payment_methods", {}).get("allow_redirects", "always")
    return {"allow_redirects": redirects, "enabled": True}


def is_moto(asked: Body) -> bool:
    """Whether it is asked for as an order by mail or telephone."""
    return bool(asked.get("payment_method_options", {}).get("card", {}).get("moto"))


def _moto_too_early() -> errors.StripeError:
    name = "payment_method_options[card][moto]"
    return errors.bad_request(f"{name} can only be set by the server when the payment is confirmed.", param=name)


def _blank(call: Call, identifier: str, amount: int, currency: str) -> Body:
    nothing = (
        "allowed_payment_method_types application application_fee_amount canceled_at cancellation_reason customer "
        "customer_account description excluded_payment_method_types last_payment_error latest_charge next_action "
        "on_behalf_of payment_method processing receipt_email review setup_future_usage shipping source "
        "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
    )
    return {
        **dict.fromkeys(nothing.split()),
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": ids.client_secret(identifier),
        "created": call.now,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_configuration_details": {"id": "pmc_sandbox0000000000000000", "parent": None},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def _write(call: Call, intent: Body, asked: Body) -> None:
    """Puts the given parameters into the intent, checking whatever they refer to."""
    if asked.get("customer"):
        call.store.get("customer", asked["customer"], param="customer")
    if "metadata" in asked:
        intent["metadata"] = params.merged_metadata(intent["metadata"], asked["metadata"])
    if options := asked.get("payment_method_options"):
        card = {**intent["payment_method_options"]["card"], **options.get("card", {})}
        card.pop("moto", None)
        intent["payment_method_options"] = {"card": card}
    if asked.get("shipping"):
        given = asked["shipping"]
        address = payment_methods.billing_details({"address": given["address"]})["address"]
        names = ("carrier", "name", "phone", "tracking_number")
        intent["shipping"] = {"address": address, **{name: given.get(name) for name in names}}
    intent |= pick(
        asked,
        *("allowed_payment_method_types", "amount", "capture_method", "customer", "description"),
        *("excluded_payment_method_types", "receipt_email", "setup_future_usage", "statement_descriptor"),
        "statement_descriptor_suffix",
    )
    if method := intents.chosen_method(call, intent, asked):
        intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def found(call: Call, identifier: str, secret: str | None) -> Body:
    """The intent of this id; a browser must know its client secret. Raises StripeError."""
    return intents.found(call, "payment_intent", identifier, secret)


def retrieve(call: Call, identifier: str) -> Body:
    asked = params.check({"client_secret": TEXT, "expand": TEXTS}, call.params)
    return visibility.seen_by(call, found(call, identifier, asked.get("client_secret")))


def update(call: Call, identifier: str) -> Body:
    asked = check(UPDATE, call.params)
    if is_moto(asked):
        raise _moto_too_early()
    intent = call.store.get("payment_intent", identifier, param="intent", in_path=True)
    blocked = [name for name in asked if name not in ALWAYS_WRITABLE]
    if blocked and intent["status"] not in OPEN:
        raise errors.unexpected_state(
            f"This PaymentIntent's {blocked[0]} could not be updated because it has a status of {intent['status']}. "
            f"You may only update the {blocked[0]} of a PaymentIntent with one of the following statuses: "
            f"{', '.join(OPEN)}.",
            intent,
        )
    if "currency" in asked:
        intent["currency"] = fees.check_currency(asked["currency"])
    amount: int = asked["amount"] if "amount" in asked else intent["amount"]
    if "amount" in asked or "currency" in asked:
        fees.check_amount(amount, intent["currency"])
    _write(call, intent, asked)
    return call.store.save(intent)


def confirm(call: Call, identifier: str) -> Body:
    given = call.params
    if call.key_kind == keys.SECRET and (strays := sorted(BROWSER_ONLY & set(given))):
        raise errors.unknown(strays)
    asked = check(CONFIRM, given)
    if is_moto(asked) and call.key_kind != keys.SECRET:
        raise _moto_too_early()
    intent = found(call, identifier, asked.get("client_secret"))
    return visibility.seen_by(call, _confirm(call, intent, asked))


def _confirm(call: Call, intent: Body, asked: Body) -> Body:
    status = intent["status"]
    if status == "succeeded":
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            visibility.seen_by(call, intent),
        )
    if status not in OPEN:
        raise errors.unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one "
            "of the following statuses may be confirmed: requires_confirmation, requires_action.",
            visibility.seen_by(call, intent),
        )
    if asked.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise errors.bad_request("The amount to confirm is not the PaymentIntent's.", param="amount_to_confirm")
    _write(call, intent, {key: value for key, value in asked.items() if key not in WRITTEN})
    _check_usage(intent)
    if not intent["payment_method"]:
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent "
            f"with {intent['customer'] or 'a customer'}, specify a payment method attached to this customer along with "
            "the customer ID.",
            visibility.seen_by(call, intent),
        )
    method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
    return attempts.begin(
        call,
        intent,
        method,
        off_session=asked.get("off_session", "false") != "false" or bool(asked.get("error_on_requires_action")),
        is_moto=is_moto(asked),
        return_url=asked.get("return_url"),
        by_sdk=asked.get("use_stripe_sdk", False) or call.key_kind == keys.PUBLISHABLE,
    )


def _check_usage(intent: Body) -> None:
    """Stripe, "PaymentIntent", stored_credential_usage: not together with setup_future_usage (read 2026-11-26)."""
    name = "payment_method_options[card][stored_credential_usage]"
    if intent["setup_future_usage"] and intent["payment_method_options"]["card"].get("stored_credential_usage"):
        raise errors.bad_request(f"{name} cannot be used together with setup_future_usage.", param=name)


def cancel(call: Call, identifier: str) -> Body:
    reasons = enum("abandoned", "duplicate", "fraudulent", "requested_by_customer")
    asked = params.check({"cancellation_reason": reasons, "expand": TEXTS}, call.params)
    intent = call.store.get("payment_intent", identifier, param="intent", in_path=True)
    if intent["status"] not in CANCELLABLE:
        raise errors.unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELLABLE)}.",
            intent,
        )
    intent |= {
        "canceled_at": call.now,
        "cancellation_reason": asked.get("cancellation_reason"),
        "next_action": None,
        "processing": None,
        "status": "canceled",
    }
    call.store.save(intent)
    events.emit(call, "payment_intent.canceled", intent)
    return intent


def list_all(call: Call) -> Body:
    asked = params.check({**params.PAGE, "customer": TEXT}, call.params)
    customer = asked.get("customer")
    return listing.page(
        call,
        "payment_intent",
        "/v1/payment_intents",
        asked,
        lambda body: customer is None or body["customer"] == customer,
    )
