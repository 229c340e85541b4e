"""What a browser may see of a payment or setup intent; the rest is the account's business."""

from sandbox import keys
from sandbox.api.call import Call
from sandbox.store import Body

PUBLIC = [
    "id",
    "object",
    "allowed_payment_method_types",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "excluded_payment_method_types",
    "last_payment_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
]

PUBLIC_OF_SETUP = [
    "id",
    "object",
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "cancellation_reason",
    "client_secret",
    "created",
    "description",
    "excluded_payment_method_types",
    "last_setup_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_configuration_details",
    "payment_method_types",
    "status",
    "usage",
]


def seen_by(call: Call, intent: Body) -> Body:
    """The whole intent for the secret key, the public part of it for a browser."""
    if call.key_kind == keys.SECRET:
        return intent
    public = PUBLIC_OF_SETUP if intent["object"] == "setup_intent" else PUBLIC
    return {name: intent[name] for name in public}
