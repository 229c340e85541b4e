"""Cards saved at Stripe without a charge: SetupIntents made and fetched. Stripe attaches the card to the customer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import stripe

from donations.gateway.cards import Card, read_card
from donations.gateway.client import client, decline_reason, identifier, translated_errors

if TYPE_CHECKING:
    from stripe.params import SetupIntentCreateParams

EXPAND = ["payment_method"]


@dataclass(frozen=True, slots=True)
class Setup:
    """A SetupIntent as it stands at Stripe now. card: what was saved, or is being saved. error_code: why it was not."""

    id: str
    status: str
    client_secret: str
    customer_id: str
    card: Card | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    error_code: str = ""

    @property
    def is_saved(self) -> bool:
        return self.status == "succeeded" and self.card is not None


def create_setup(*, customer_id: str, key: str, metadata: Mapping[str, str]) -> Setup:
    """Begin to save a card for charges that recur without the supporter; the browser confirms it ("confirmSetup").

    On the page: elements with mode "setup", a currency, and allowedPaymentMethodTypes ["card"], as here.
    """
    params: SetupIntentCreateParams = {
        "customer": customer_id,
        "usage": "off_session",
        "allowed_payment_method_types": ["card"],
        "payment_method_options": {"card": {"setup_credential_usage": "recurring"}},
        "metadata": dict(metadata),
        "expand": EXPAND,
    }
    with translated_errors():
        return _setup(client().v1.setup_intents.create(params, {"idempotency_key": key}))


def save_card(*, customer_id: str, token: str, key: str, metadata: Mapping[str, str], is_moto: bool) -> Setup:
    """Save the card that Stripe's field turned into `token` (a ConfirmationToken, used up by this) on a staff page.

    is_moto: mail order or telephone order, which the bank need not ask its customer about; such a SetupIntent is made
    and confirmed in one call. Stripe, "Mail order telephone order", "Collect a card for future payments",
    https://docs.stripe.com/payments/payment-intents/moto (read 2026-11-26). Asked again with its key it is the same
    one. Raises CardDeclined, GatewayRefused, and GatewayUnavailable when nobody knows whether it was saved.
    """
    params: SetupIntentCreateParams = {
        "customer": customer_id,
        "usage": "off_session",
        "confirm": True,
        "confirmation_token": token,
        # No way of paying that leads away from the page, so that nobody has to name an address to come back to.
        "allowed_payment_method_types": ["card"],
        "payment_method_options": {"card": {"setup_credential_usage": "recurring"}},
        "metadata": dict(metadata),
        "expand": EXPAND,
    }
    if is_moto:
        params["payment_method_options"]["card"]["moto"] = True
    with translated_errors():
        return _setup(client().v1.setup_intents.create(params, {"idempotency_key": key}))


def retrieve_setup(setup_id: str) -> Setup:
    """The SetupIntent as Stripe has it now, with its card."""
    with translated_errors():
        return _setup(client().v1.setup_intents.retrieve(setup_id, {"expand": EXPAND}))


def _setup(intent: stripe.SetupIntent) -> Setup:
    error = intent.last_setup_error
    return Setup(
        id=intent.id,
        status=intent.status,
        client_secret=intent.client_secret or "",
        customer_id=identifier(intent.customer),
        card=read_card(intent.payment_method),
        metadata=intent.metadata.to_dict() if intent.metadata else {},
        error_code=decline_reason(error.code, getattr(error, "decline_code", None)) if error is not None else "",
    )
