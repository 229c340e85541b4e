"""Signing in: with the code that is mailed, as people do; or at once, where signing in is not what is tested."""

import re

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from nonprofit.models import OutgoingEmail, User
from tests.faults.books import wait


def sign_in(page: Page, user: User, then: str) -> None:
    """This browser holds a session of the user's, who has proven no address by it, and shows the page `then`."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": settings.BASE_URL}])
    page.goto(then)


def sign_in_by_code(page: Page, email: str, then: str = "/portal/") -> None:
    """Asked on the way to `then`, they sign in with the code that was mailed."""
    page.goto(then)
    page.locator("input[name=email]").fill(email)
    page.locator("main form button").first.click()
    page.wait_for_selector("input[name=code]")
    letters = OutgoingEmail.objects.filter(template="sign_in_code", to=email, status="sent")
    wait(letters.exists)
    found = re.search(r"code is ([A-Z]{4}-[A-Z]{4})", letters.latest("pk").text)
    assert found
    page.locator("input[name=code]").fill(found.group(1))
    page.locator("main form button").first.click()
    page.wait_for_url(f"**{then}")
