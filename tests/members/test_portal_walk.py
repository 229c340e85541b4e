"""Every address of the portal, tried by a stranger and with another person's ids: nobody finds anything of anyone else.

The addresses come from the resolver, so a new page is found by itself; it fails here until somebody says what stands in
its address.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from donations.models import Donor, DonorEmail, Plan
from members import email_letters, emails
from members.models import EmailChange, Fulfilment, Membership, MembershipPerson
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people
from tests.members.membership import levels, tote

pytestmark = pytest.mark.django_db
# Pages that are for whoever holds a signed link from their own mailbox.
BY_LINK = {"email_not_me"}


@pytest.fixture
def bob() -> dict[str, Any]:
    """Somebody with one of everything, and what his pages say that nobody else may read. Keys: parts of addresses."""
    friend, _ = levels()
    user = User.objects.create_user("bob@example.org")
    donor = builders.donor(
        name="Bob Quillfeather", email="bob@example.org", user=user, phone="555 0177", address_line1="77 Secret Lane"
    )
    plan = builders.plan(donor=donor, amount_minor=7777, fund=builders.fund())
    gift = people.gave("bob@example.org", 77_719, donor_name="Bob Quillfeather", address_line1="77 Secret Lane")
    receipt = people.receipted(gift)
    sent = Fulfilment.objects.create(donor=donor, level_benefit=tote(friend), due_on=clock.today())
    person = MembershipPerson.objects.create(donor=donor, name="Berta Quillfeather", added_by="supporter")
    further = DonorEmail.objects.create(donor=donor, email="bob.work@example.org")
    change = emails.ask(user.pk, EmailChange.Kind.MAIN, "bob.new@example.org")
    assert Membership.objects.get(donor=donor).state == "current"
    assert Plan.objects.get(donor=donor).pk == plan.pk
    return {
        "donor": donor,
        "number": [receipt.number],
        "plan_id": [plan.pk],
        "what": ["amount", "pause", "stop", "restart", "skip", "day", "card", "fund", "interval", "resume"],
        "pk": [person.pk, further.pk, sent.pk],
        "token": [email_letters._signer(email_letters.CONFIRM).sign(str(change.pk)), "1.x"],
        "due_on": ["2026-12-15"],
    }


# What of Bob's must stand on no page of anybody else's: names, places, addresses, amounts, and his receipt's number.
SECRETS = ("Quillfeather", "Secret Lane", "555 0177", "bob@", "bob.work@", "bob.new@", "777.19", "77.77", "$77")


def routes() -> list[tuple[str, str]]:
    return [(route, name) for route, name in _patterns(get_resolver()) if route.startswith("portal/")]


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.name or ""


def addresses(his: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, path) of every address under /portal/, filled in with everything of Bob's that fits."""
    for route, name in routes():
        paths = ["/" + route]
        for kind, key in re.findall(r"<(?:(\w+):)?(\w+)>", route):
            values = his.get(key)
            assert values, f"{route}: say in the fixture `bob` what of his {key} is"
            paths = [re.sub(rf"<(?:\w+:)?{key}>", str(value), path) for path in paths for value in values]
            assert kind != "int" or all(isinstance(value, int) for value in values)
        yield from ((name, path) for path in paths)


def body(answer: HttpResponseBase) -> str:
    content = b"".join(answer) if answer.streaming else getattr(answer, "content", b"")
    return content.decode("utf-8", "replace")


def leaks(answer: HttpResponseBase, his: dict[str, Any], path: str) -> list[str]:
    """What of Bob's is in the answer; the address that was asked for may be said back."""
    shown = body(answer).replace(path, "") + str(answer.headers.get("Location", "")).replace(path, "")
    return [secret for secret in (*SECRETS, *his["number"]) if secret in shown]


def his_rows(his: dict[str, Any]) -> list[Any]:
    """Everything of Bob's that a page could change."""
    donor = Donor.objects.get(pk=his["donor"].pk)
    return [
        {field.name: getattr(donor, field.attname) for field in donor._meta.concrete_fields},
        list(Plan.objects.filter(donor=donor).values()),
        list(DonorEmail.objects.filter(donor=donor).values()),
        list(MembershipPerson.objects.filter(donor=donor).values()),
        list(Fulfilment.objects.filter(donor=donor).values()),
        list(Membership.objects.filter(donor=donor).values()),
        list(EmailChange.objects.filter(user=donor.user).values()),
        list(User.objects.filter(donor=donor).values("email", "password", "is_active")),
        list(donor.erasure_requests.values()),
    ]


def walk(client: Client, his: dict[str, Any], *, is_stranger: bool) -> list[str]:
    """Ask for every address, and send to it; what is wrong with the answers."""
    wrong, before = [], his_rows(his)
    for name, path in addresses(his):
        for method in ("get", "post"):
            answer = getattr(client, method)(path, {"reason": "x", "is_sure": "on", "wish": "decline", "confirm": "on"})
            if found := leaks(answer, his, path):
                wrong.append(f"{method} {path}: shows {found}")
            if is_stranger and name not in BY_LINK:
                asks = answer.status_code == 302 and str(answer["Location"]).startswith("/accounts/login/")
                if not asks and answer.status_code != 405:
                    wrong.append(f"{method} {path}: a stranger gets {answer.status_code}")
            if his_rows(his) != before:
                wrong.append(f"{method} {path}: changed something of Bob's")
                before = his_rows(his)
    return wrong


def test_every_portal_page_is_found() -> None:
    names = {name for _, name in routes()}
    assert {"portal", "receipt", "details", "emails", "data_download", "newsletter", "membership"} <= names


def test_a_stranger_finds_nothing(bob: dict[str, Any], client: Client) -> None:
    assert walk(client, bob, is_stranger=True) == []


def test_another_supporter_finds_nothing_with_his_ids(bob: dict[str, Any], client: Client) -> None:
    people.gave("ana@example.org", 2500)
    people.sign_in(client, "ana@example.org")
    assert walk(client, bob, is_stranger=False) == []


def test_somebody_without_a_record_and_staff_find_nothing_either(bob: dict[str, Any], client: Client) -> None:
    User.objects.create_superuser("boss@example.org")
    people.sign_in(client, "boss@example.org")
    assert walk(client, bob, is_stranger=False) == []


def test_the_walk_would_see_it(bob: dict[str, Any], client: Client) -> None:
    client.force_login(bob["donor"].user, backend="django.contrib.auth.backends.ModelBackend")
    # Those that ask Stripe may not do so inside the test's transaction.
    paths = [path for name, path in addresses(bob) if name != "plan_card_saved"]
    seen = {secret for path in paths for secret in leaks(client.get(path), bob, path)}
    assert seen >= {"Quillfeather", "Secret Lane", "bob.work@", "777.19", "$77", *bob["number"]}
