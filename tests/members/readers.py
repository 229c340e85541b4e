"""Readers of the newsletter for tests: they ask, open their letters, and press buttons."""

import re

from django.http import HttpResponseBase
from django.test import Client

from members.models import ConsentEntry, NewsletterSubscription
from nonprofit import pseudonyms
from nonprofit.models import OutgoingEmail

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMhISE="


def ask(client: Client, email: str, **more: str) -> HttpResponseBase:
    """The sign-up box, sent."""
    return client.post("/newsletter/", {"email": email, **more})


def letters(email: str, template: str = "newsletter_confirm") -> list[OutgoingEmail]:
    return list(OutgoingEmail.objects.filter(to=email, template=template).order_by("pk"))


def path_in(letter: OutgoingEmail, use: str) -> str:
    """The path of the letter's link for "confirm", "leave" or "preferences"."""
    found = re.search(rf"(/newsletter/{use}/\S+/)", letter.text)
    assert found, letter.text
    return found[1]


def join(client: Client, email: str) -> NewsletterSubscription:
    """Asked, and confirmed from the newest letter."""
    ask(client, email)
    assert client.post(path_in(letters(email)[-1], "confirm")).status_code == 200
    row = NewsletterSubscription.objects.get(email=email, purpose="newsletter")
    assert row.status == "confirmed"
    return row


def states() -> list[tuple[str, str, str]]:
    rows = NewsletterSubscription.objects.order_by("email", "pk")
    return list(rows.values_list("email", "purpose", "status"))


def log(email: str) -> list[tuple[str, str]]:
    """What the log says of the address, oldest first: list and what."""
    entries = ConsentEntry.objects.filter(pseudonym=pseudonyms.of(email)).order_by("pk")
    return list(entries.values_list("purpose", "what"))
