"""Confirmation tokens: what was typed in a browser, to be confirmed by the server after a review step."""

from sandbox import errors, ids, keys, params
from sandbox.api import payment_methods
from sandbox.api.call import Call
from sandbox.params import TEXT
from sandbox.store import Body

CREATE: params.Spec = {
    "payment_method_data": params.required(payment_methods.DATA),
    "return_url": TEXT,
    "setup_future_usage": params.enum("off_session", "on_session"),
    "shipping": params.SHIPPING,
}
LIVES_SECONDS = 12 * 3600
PREVIEW = ("allow_redisplay", "billing_details", "card", "customer", "type")


def create(call: Call) -> Body:
    """Only browsers make these."""
    if call.key_kind != keys.PUBLISHABLE:
        raise errors.bad_request("Confirmation tokens are created by Stripe.js.")
    asked = params.check(CREATE, call.params)
    method = payment_methods.from_data(call, asked["payment_method_data"], "payment_method_data")
    token: Body = {
        "id": ids.new("ctoken"),
        "object": "confirmation_token",
        "created": call.now,
        "expires_at": call.now + LIVES_SECONDS,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": None,
        "payment_method_options": None,
        "payment_method_preview": {name: method[name] for name in PREVIEW},
        "return_url": asked.get("return_url"),
        "setup_future_usage": asked.get("setup_future_usage"),
        "setup_intent": None,
        "shipping": None,
        "use_stripe_sdk": True,
    }
    return call.store.add(token, {"method": method["id"]})


def use(call: Call, identifier: str, intent: Body) -> Body:
    """The payment method in the token, which is thereby used up. Raises StripeError when it was before, or is old."""
    token = call.store.get("confirmation_token", identifier, param="confirmation_token")
    if token["payment_intent"] or token["setup_intent"] or token["expires_at"] < call.now:
        raise errors.bad_request(
            f"The confirmation token {identifier} has expired or was used before.", param="confirmation_token"
        )
    token[intent["object"]] = intent["id"]
    call.store.save(token)
    if token["setup_future_usage"] and "setup_future_usage" in intent:
        intent["setup_future_usage"] = token["setup_future_usage"]
    return call.store.get("payment_method", call.store.hidden(identifier)["method"], param="confirmation_token")


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("confirmation_token", identifier, param="confirmation_token", in_path=True)
