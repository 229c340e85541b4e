"""People for tests of members: they give, and they sign in as people do, with the code from their letter."""

import itertools
import re
from datetime import UTC, date, datetime

from django.http import HttpResponseBase
from django.test import Client

from donations import gateway, gifts
from donations.models import Gift, Receipt
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders

CODE_PAGE = "/accounts/login/code/"
CONFIRM_PAGE = "/accounts/login/code/confirm/"
_count = itertools.count(1)


def gave(email: str, amount_minor: int = 2500, *, on: date | None = None, **fields: object) -> Gift:
    """A card gift, booked as in life: donor, ledger and all. on: the day of the charge."""
    number = next(_count)
    gift = builders.pending_gift(donor_email=email, amount_minor=amount_minor, **fields)
    day = on or clock.today()
    charged_at = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    charge = gateway.Charge(
        f"ch_members_{number}",
        amount_minor,
        gift.currency,
        charged_at,
        builders.movement(f"txn_members_{number}", amount_minor, 103, currency=gift.currency, created_at=charged_at),
    )
    payment = gateway.Payment(
        id=f"pi_members_{number}",
        status="succeeded",
        amount_minor=amount_minor,
        currency=gift.currency,
        client_secret="",
        metadata={},
        charge=charge,
        card=gateway.Card(f"pm_members_{number}", "visa", "4242", 12, 2028),
        customer_id="",
    )
    return gifts.settle(gift.pk, payment)


def receipted(gift: Gift) -> Receipt:
    """The gift's receipt, numbered and rendered."""
    issue.issue_due()
    receipt = Receipt.objects.get(gift=gift)
    builders.drawn(receipt.pk)
    return receipt


def letters(email: str) -> list[OutgoingEmail]:
    """What we have written to this address about accounts, oldest first."""
    return list(OutgoingEmail.objects.filter(to=email, key__startswith="account:").order_by("pk"))


def code_in(letter: OutgoingEmail) -> str:
    found = re.search(r"^Your sign-in code is ([A-Z]{4}-[A-Z]{4})$", letter.text, re.MULTILINE)
    assert found, letter.text
    return found[1]


def ask_for_code(client: Client, email: str, **extra: str) -> HttpResponseBase:
    return client.post(CODE_PAGE, {"email": email, **extra})


def sign_in(client: Client, email: str, **extra: str) -> HttpResponseBase:
    """Ask for a code and type it; the answer to that."""
    assert ask_for_code(client, email, **extra).status_code == 302
    return client.post(CONFIRM_PAGE, {"code": code_in(letters(email)[-1]), **extra})
