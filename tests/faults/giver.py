"""A supporter without a browser: fetches the page, sends the form, and pays at the stand-in Stripe."""

import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.stack import Stack


@dataclass
class Giver:
    """One visitor with their own cookies. Amounts in major units, as typed."""

    stack: Stack
    email: str = "ana@example.org"
    name: str = "Ana Łukasz 李"
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # Proxies named in the environment are not for loopback.
        self.http.trust_env = False

    def page(self) -> dict[str, str]:
        """The hidden fields of a freshly rendered giving page."""
        html = self.http.get(f"{self.stack.url}/give/", timeout=20).text
        return {
            name: match.group(1)
            for name in ("csrfmiddlewaretoken", "attempt")
            if (match := re.search(rf'name="{name}"[^>]*value="([^"]+)"', html))
        }

    def send(self, fields: dict[str, str], **changes: str) -> requests.Response:
        """Send the form as the page's script does."""
        form = {
            "frequency": "once",
            "amount": "other",
            "other_amount": "25",
            "name": self.name,
            "email": self.email,
            "country": "US",
            "tribute": "",
            **fields,
            **changes,
        }
        headers = {"Accept": "application/json", "Referer": f"{self.stack.url}/give/"}
        return self.http.post(f"{self.stack.url}/give/", data=form, headers=headers, timeout=60)

    def start(self, **changes: str) -> dict[str, Any]:
        """A started gift: what the server tells the page's script."""
        answer = self.send(self.page(), **changes)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def pay(self, started: dict[str, Any], method: str = "pm_card_visa") -> requests.Response | None:
        """Confirm the payment at the stand-in; None when it took the request and never answered."""
        payment = started["client_secret"].split("_secret_")[0]
        try:
            return self.http.post(
                f"{self.stack.sandbox_url}/v1/payment_intents/{payment}/confirm",
                data={"payment_method": method, "return_url": self.stack.url + started["thanks_url"]},
                headers={"Authorization": f"Bearer {self.stack.site.keys.stripe_secret}"},
                timeout=10,
            )
        except (requests.ConnectionError, requests.Timeout):
            return None

    def give(self, **changes: str) -> dict[str, Any]:
        """Start and pay."""
        started = self.start(**changes)
        answer = self.pay(started)
        assert answer is not None
        assert answer.status_code == 200, answer.text
        return started

    def status(self, started: dict[str, Any]) -> dict[str, Any]:
        """What the thank-you page is told."""
        answer = self.http.get(f"{self.stack.url}{started['thanks_url']}status/", timeout=20)
        told: dict[str, Any] = answer.json()
        return told
