"""A visitor of the giving pages without a browser: an address and cookies of their own, the page's own fields."""

import itertools
import re
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client

from sandbox.server import Sandbox

_numbers = itertools.count(1)
JSON = "application/json"


class Visitor(Client):
    """Sends the form as the page's script does (`send`) or as a browser without scripts (`send_plainly`)."""

    def __init__(self, address: str = "", **options: Any) -> None:
        # Limits count by address, over all tests of a run.
        number = next(_numbers)
        super().__init__(**options, REMOTE_ADDR=address or f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    def page(self, path: str = "/give/") -> str:
        return self.get(path).content.decode()

    def attempt(self, path: str = "/give/") -> str:
        """The hidden id of a freshly rendered form."""
        found = re.search(r'name="attempt" value="([^"]+)"', self.page(path))
        assert found
        return found.group(1)

    def send(self, **changes: str) -> Any:
        """The reply to the script's request."""
        return self.post("/give/", fields(**changes), headers={"accept": JSON})

    def send_plainly(self, **changes: str) -> HttpResponse:
        """The reply to a form sent without scripts."""
        return self.post("/give/", fields(**changes))  # type: ignore[return-value]


def fields(**changes: str) -> dict[str, str]:
    """A valid form: $25 once, from an e-mail address that nobody else has."""
    form = {
        "attempt": str(uuid4()),
        "frequency": "once",
        "amount": "2500",
        "other_amount": "",
        "name": "Ana Silva",
        "email": f"ana{next(_numbers)}@example.org",
        "country": "US",
        "tribute": "",
    }
    return {**form, **changes}


def intents(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The PaymentIntents at Stripe, newest first."""
    return list(sandbox.store.newest_first("payment_intent"))


def asked(sandbox: Sandbox) -> int:
    """How often anything was asked of Stripe."""
    return len(sandbox.journal.after())
