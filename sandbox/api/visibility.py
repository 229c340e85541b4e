"""What a browser may see of a payment intent; the rest is the account's business."""

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


def seen_by(call: Call, intent: Body) -> Body:
    """The whole intent for the secret key, the public part of it for a browser."""
    return intent if call.key_kind == keys.SECRET else {name: intent[name] for name in PUBLIC}
