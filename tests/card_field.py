"""What Stripe's card field does in a browser, for tests without one."""

import json

import stripe
from django.conf import settings

GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"


def token(number: str) -> str:
    """The id of a ConfirmationToken for a typed card, as `stripe.createConfirmationToken` brings it back."""
    api = stripe.StripeClient(settings.STRIPE_PUBLISHABLE_KEY, base_addresses={"api": settings.STRIPE_API_BASE})
    card = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    made = api.raw_request("post", "/v1/confirmation_tokens", payment_method_data={"type": "card", "card": card})
    return str(json.loads(made.body)["id"])
