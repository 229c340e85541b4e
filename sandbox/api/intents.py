"""What payment intents and setup intents have in common: who may see one, and which payment method is meant."""

import hmac

from sandbox import errors, keys
from sandbox.api import confirmation_tokens, payment_methods
from sandbox.api.call import Call
from sandbox.store import Body

NAMES = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


def found(call: Call, kind: str, identifier: str, secret: str | None) -> Body:
    """The intent of this id; a browser must know its client secret. Raises StripeError."""
    intent = call.store.get(kind, identifier, param="intent", in_path=True)
    if call.key_kind == keys.PUBLISHABLE and secret is None:
        keys.require_secret(call.key_kind)
    if secret is not None and not hmac.compare_digest(secret.encode(), intent["client_secret"].encode()):
        raise errors.bad_request(
            f"The client_secret provided does not match the client_secret associated with the {NAMES[kind]}.",
            code=f"{kind}_invalid_parameter",
            param="client_secret",
        )
    return intent


def chosen_method(call: Call, intent: Body, asked: Body) -> Body | None:
    """The payment method that the parameters name, made if need be; None when they name none."""
    if "confirmation_token" in asked:
        return confirmation_tokens.use(call, asked["confirmation_token"], intent)
    if "payment_method_data" in asked:
        return payment_methods.from_data(call, asked["payment_method_data"], "payment_method_data")
    if "payment_method" in asked:
        method = payment_methods.resolve(call, asked["payment_method"])
        payment_methods.check_usable(call, method, intent["customer"])
        return method
    return None
