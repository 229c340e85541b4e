"""Payment methods: cards typed in a browser, or Stripe's `pm_card_…` names."""

import time
from typing import Any

from sandbox import cards, errors, ids, keys, params
from sandbox.api import events, listing
from sandbox.api.call import Call
from sandbox.store import Body

CARD = params.group(
    number=params.TEXT,
    exp_month=params.INTEGER,
    exp_year=params.INTEGER,
    cvc=params.TEXT,
    token=params.TEXT,
    networks=params.ANYTHING,
)
DATA_FIELDS: params.Spec = {
    "type": params.required(params.enum("card")),
    "card": CARD,
    "allow_redisplay": params.enum("always", "limited", "unspecified"),
    "billing_details": params.BILLING,
    "metadata": params.METADATA,
    "radar_options": params.ANYTHING,
}
DATA = params.Param("object", fields=DATA_FIELDS)
UPDATE: params.Spec = {
    "allow_redisplay": params.enum("always", "limited", "unspecified"),
    "billing_details": params.BILLING,
    "card": params.group(exp_month=params.INTEGER, exp_year=params.INTEGER, networks=params.ANYTHING),
    "expand": params.EXPAND,
    "metadata": params.METADATA,
}
RAW_CARD = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue processing use Stripe.js, "
    "the Stripe mobile bindings, or Stripe Elements. For more information, see "
    "https://docs.stripe.com/security/guide. If you are qualified to handle card data directly, see "
    "https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)
USED_BEFORE = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)


def create(call: Call) -> Body:
    asked = params.check({**DATA_FIELDS, "expand": params.EXPAND}, call.params)
    return from_data(call, asked)


def from_data(call: Call, data: Body, where: str = "") -> Body:
    """A new payment method from card data. Raises StripeError: only a browser may send card numbers."""
    given: Body | None = data.get("card")
    if not given:
        raise errors.missing(f"{where}[card]" if where else "card")
    if token := given.get("token"):
        card = cards.BY_NAME.get(token.replace("tok_", "pm_card_", 1))
        if card is None:
            raise errors.no_such("token", token, param="card[token]")
        return _new(call, card, data, month=12, year=_this_month(call)[0] + 3)
    if call.key_kind != keys.PUBLISHABLE:
        raise errors.bad_request(RAW_CARD, status=402)
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise errors.missing(f"card[{name}]")
    card = cards.by_number(given["number"])
    year = cards.check_expiry(given["exp_month"], given["exp_year"], today=_this_month(call))
    if "cvc" in given:
        cards.check_cvc(given["cvc"], card)
    return _new(call, card, data, month=given["exp_month"], year=year, has_cvc="cvc" in given)


def _this_month(call: Call) -> tuple[int, int]:
    now = time.gmtime(call.now)
    return now.tm_year, now.tm_mon


def _new(call: Call, card: cards.Card, data: Body, *, month: int, year: int, has_cvc: bool = True) -> Body:
    billing = billing_details(data.get("billing_details") or {})
    address = billing["address"]
    body: Body = {
        "id": ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": data.get("allow_redisplay", "unspecified"),
        "billing_details": billing,
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": "unchecked" if address["line1"] else None,
                "address_postal_code_check": "unchecked" if address["postal_code"] else None,
                "cvc_check": "unchecked" if has_cvc else None,
            },
            "country": card.country,
            "display_brand": "american_express" if card.brand == "amex" else card.brand,
            "exp_month": month,
            "exp_year": year,
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": data.get("metadata") or {},
        "radar_options": {},
        "type": "card",
    }
    return call.store.add(body, {"card": card.number, "set_up": False, "used": False})


def billing_details(given: Body) -> Body:
    address = given.get("address") or {}
    return {
        "address": {key: address.get(key) for key in ("city", "country", "line1", "line2", "postal_code", "state")},
        "email": given.get("email"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tax_id": given.get("tax_id"),
    }


def card_of(call: Call, method: Body) -> cards.Card:
    """The test card behind a payment method."""
    return cards.BY_NUMBER[call.store.hidden(method["id"])["card"]]


def decline_of(call: Call, method: Body) -> str:
    """Why the bank says no to it, "" for yes: as the card was made, or as somebody changed it since."""
    changed: str | None = call.store.hidden(method["id"]).get("decline")
    return card_of(call, method).decline if changed is None else changed


def must_authenticate(call: Call, method: Body) -> bool:
    """Whether the bank wants to ask the supporter about a charge now."""
    hidden = call.store.hidden(method["id"])
    asks = cards.BY_NUMBER[hidden["card"]].authentication if hidden.get("asks") is None else hidden["asks"]
    if asks == "until_set_up":
        return not (method["customer"] and hidden["set_up"])
    return bool(asks)


def behave(call: Call, identifier: str, *, decline: str | None, asks: str | None) -> Body:
    """From now on its charges end like this. decline: a code, or "" for success. asks: "always", or "" for never.

    None leaves that as it is.
    """
    method = call.store.get("payment_method", identifier, param="payment_method")
    facts = {"decline": decline, "asks": asks}
    remember(call, method, **{name: value for name, value in facts.items() if value is not None})
    return method


def replace_card(call: Call, identifier: str, changes: Body) -> Body:
    """The networks told of a new card behind a saved one: the same id with another number or expiry."""
    method = call.store.get("payment_method", identifier, param="payment_method")
    if not method["customer"]:
        raise errors.bad_request("Only cards that are saved for a customer are brought up to date.")
    before = {name: method["card"][name] for name in changes if method["card"][name] != changes[name]}
    method["card"] |= changes
    call.store.save(method)
    events.emit(call, "payment_method.automatically_updated", method, {"card": before})
    return method


def resolve(call: Call, identifier: str, param: str = "payment_method") -> Body:
    """The payment method of this id; a `pm_card_…` name makes a new one, as at Stripe."""
    if identifier in cards.BY_NAME:
        year, month = _this_month(call)
        return _new(call, cards.BY_NAME[identifier], {}, month=month, year=year + 1)
    return call.store.get("payment_method", identifier, param=param)


def check_usable(call: Call, method: Body, customer: str | None) -> None:
    """Raises StripeError when the method is another customer's, or was used up by an earlier payment."""
    if method["customer"] and method["customer"] != customer:
        raise errors.bad_request(
            "The payment method you provided is attached to a customer so for security purposes you must provide the "
            "customer in the request."
            if customer is None
            else f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to the customer.",
            param="payment_method",
        )
    if not method["customer"] and call.store.hidden(method["id"])["used"]:
        raise errors.bad_request(USED_BEFORE, code="payment_method_unexpected_state", param="payment_method")


def remember(call: Call, method: Body, **facts: Any) -> None:
    """Notes what happened to the card and is nobody else's business."""
    call.store.save(method, {**call.store.hidden(method["id"]), **facts})


def attach_to(call: Call, method: Body, customer: str) -> Body:
    """Saves the method for the customer. Raises StripeError when the bank refuses the card."""
    card = card_of(call, method)
    if card.decline and not card.attachable:
        decline = cards.DECLINES[card.decline]
        raise cards.card_error(decline.code, decline.message, decline.param or "", decline_code=decline.decline_code)
    if method["customer"] == customer:
        return method
    checks = method["card"]["checks"]
    for name, result in (
        ("cvc_check", card.cvc_check),
        ("address_postal_code_check", card.zip_check),
        ("address_line1_check", card.line1_check),
    ):
        checks[name] = result if checks[name] else None
    method["customer"] = customer
    call.store.save(method)
    events.emit(call, "payment_method.attached", method)
    return method


def attach(call: Call, identifier: str) -> Body:
    asked = params.check({"customer": params.required(params.TEXT), "expand": params.EXPAND}, call.params)
    method = resolve(call, identifier)
    call.store.get("customer", asked["customer"], param="customer")
    if method["customer"] and method["customer"] != asked["customer"]:
        raise errors.bad_request("The payment method you provided has already been attached to a customer.")
    check_usable(call, method, asked["customer"])
    return attach_to(call, method, asked["customer"])


def detach(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    method = call.store.get("payment_method", identifier, param="payment_method", in_path=True)
    if not method["customer"]:
        raise errors.bad_request(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    method["customer"] = None
    remember(call, method, used=True)
    events.emit(call, "payment_method.detached", method)
    return method


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("payment_method", identifier, param="payment_method", in_path=True)


def update(call: Call, identifier: str) -> Body:
    asked = params.check(UPDATE, call.params)
    method = call.store.get("payment_method", identifier, param="payment_method", in_path=True)
    before = {key: method[key] for key in ("allow_redisplay", "billing_details", "card", "metadata")}
    if "metadata" in asked:
        method["metadata"] = params.merged_metadata(method["metadata"], asked["metadata"])
    if asked.get("billing_details"):
        method["billing_details"] = billing_details({**method["billing_details"], **asked["billing_details"]})
    method["card"] = {**method["card"], **{k: v for k, v in asked.get("card", {}).items() if k != "networks"}}
    method["allow_redisplay"] = asked.get("allow_redisplay", method["allow_redisplay"])
    call.store.save(method)
    events.emit(call, "payment_method.updated", method, {key: old for key, old in before.items() if old != method[key]})
    return method


def list_all(call: Call) -> Body:
    customer = params.check(PAGE, call.params).get("customer")
    return page_of(call, customer, "/v1/payment_methods")


PAGE: params.Spec = {
    "allow_redisplay": params.enum("always", "limited", "unspecified"),
    "customer": params.TEXT,
    "ending_before": params.TEXT,
    "expand": params.EXPAND,
    "limit": params.INTEGER,
    "starting_after": params.TEXT,
    "type": params.enum("card"),
}


def page_of(call: Call, customer: str | None, url: str) -> Body:
    """The methods saved for a customer; none without one, since Stripe lists only attached ones here."""
    asked = params.check(PAGE, call.params)
    return listing.page(
        call, "payment_method", url, asked, lambda body: customer is not None and body["customer"] == customer
    )
