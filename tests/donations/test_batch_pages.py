"""The batch's pages: what each person may do and see, rows by form and by script, and the end."""

from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from donations.admin import batch_forms
from donations.desk import batches, promises, rows
from donations.models import Batch, BatchRow, Donor, Gift
from donations.rules import instalments, slip_code
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money
from tests import builders
from tests.donations.test_batches import check, opened

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def sam() -> User:
    return builders.staff("Staff", name="Sam Whitcomb")


def url(name: str, *ids: int) -> str:
    return reverse(f"admin:donations_batch_{name}", args=ids)


def fields(**given: Any) -> dict[str, Any]:
    """A check as the page sends it."""
    return {"attempt": str(uuid4()), "kind": "check", "amount": "25", "received_on": "t", "check_number": "1", **given}


def header(**given: Any) -> dict[str, Any]:
    defaults = {"attempt": str(uuid4()), "kind": "checks", "expected_count": "2", "expected_total": "125.00"}
    return {**defaults, "deposit_on": "t", "fund": str(builders.fund().pk), **given}


# --- the header and the list ------------------------------------------------------------------------------------------


def test_the_header_comes_first_and_leads_to_the_rows(sam: User) -> None:
    client, form = signed_in(sam), header()
    answer = client.post(url("add"), form)
    client.post(url("add"), form)
    batch = Batch.objects.get()
    assert answer["Location"] == url("change", batch.pk)
    assert (batch.expected_count, batch.expected_total_minor, batch.opened_by) == (2, 12_500, sam)
    assert batch.deposit_on == clock.today()


def test_a_wrong_header_says_where(sam: User) -> None:
    answer = signed_in(sam).post(url("add"), header(expected_total="12,5", deposit_on="13/45"))
    words = answer.content.decode()
    assert "“12,5” is not clear" in words
    assert "Enter a day like 11/20" in words
    assert 'value="12,5"' in words
    assert not Batch.objects.exists()


def test_the_list_is_cheap_and_says_how_to_begin(
    sam: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(sam)
    assert "Open the first batch" in client.get(url("changelist")).content.decode()
    for _ in range(5):
        check(opened(sam), sam)
    with django_assert_max_num_queries(8):
        answer = client.get(url("changelist"))
    assert answer.content.decode().count("1 of 2") == 5


# --- rows -------------------------------------------------------------------------------------------------------------


def test_the_script_keeps_a_row_as_it_is_typed(sam: User) -> None:
    client, batch, ana = signed_in(sam), opened(sam), builders.donor(name="Ana Silva")
    form = fields(amount="25,5", check_number="", donor_text="sil")
    half = client.post(url("save_row", batch.pk), form, headers=JSON).json()
    assert half["is_finished"] is False
    assert half["errors"]["amount"] == "Enter an amount like 25 or 1,250.50."
    assert half["errors"]["donor"] == "Nobody is picked for “sil” yet: choose from the list or make a new one."
    assert half["values"]["amount"] == "25,5"

    form |= {"amount": "125.00", "check_number": "#000123", "donor": str(ana.pk), "donor_text": "Ana Silva"}
    done = client.post(url("save_row", batch.pk), form, headers=JSON).json()
    assert (done["is_finished"], done["errors"]) == (True, {})
    assert "Ana Silva" in done["row"]
    assert "day it was received" in done["gift_date"]
    assert "<strong>1</strong> of 2" in done["bar"]
    row = BatchRow.objects.get()
    assert (row.amount_minor, row.check_number, row.donor, row.unread) == (12_500, "123", ana, {})


def test_a_page_loaded_again_shows_what_was_typed(sam: User) -> None:
    client, batch = signed_in(sam), opened(sam)
    client.post(url("save_row", batch.pk), fields(amount="9.9.9", donor_text="sil"), headers=JSON)
    words = client.get(url("change", batch.pk)).content.decode()
    assert 'value="9.9.9"' in words
    assert 'value="sil"' in words
    assert "Row 1" in words


def test_a_card_number_in_a_row_is_refused_and_not_kept(sam: User) -> None:
    client, batch = signed_in(sam), opened(sam)
    client.post(url("save_row", batch.pk), fields(note="4242 4242 4242 4242"), headers=JSON)
    row = BatchRow.objects.get()
    assert "4242" not in f"{row.note}{row.unread}"
    assert row.unread


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("11/20", (2026, 11, 20)),
        ("1120", (2026, 11, 20)),
        ("12/28", (2025, 12, 28)),
        ("1/2/27", (2027, 1, 2)),
        ("2026-11-01", (2026, 11, 1)),
        ("t", (2026, 11, 23)),
        ("y", (2026, 11, 22)),
    ],
)
def test_days_as_people_type_them(typed: str, day: tuple[int, int, int]) -> None:
    with time_machine.travel("2026-11-23T15:00:00+00:00", tick=False):
        found = batch_forms.DayField(required=False).clean(typed)
        assert (found.year, found.month, found.day) == day
        assert batch_forms.DayField(may_come=True).clean("12/28").year == 2026, "a check can be postdated"


@pytest.mark.parametrize("typed", ["13/45", "2/30", "soon", "99", "0000", "2026-13-01"])
def test_days_that_are_none(typed: str) -> None:
    with pytest.raises(ValidationError, match="Enter a day like"):
        batch_forms.DayField().clean(typed)


def test_each_kind_asks_its_own_facts(sam: User) -> None:
    batch = opened(sam, kind="property")
    answer = signed_in(sam).get(url("change", batch.pk))
    shown = {part["field"].name for part in answer.context["facts"] if not part["is_hidden"]}
    assert shown == {"ticker", "quantity", "property_description", "credited_on", "sent_by", "postmarked_on"} | {
        "received_on",
        "reference",
        "internal_value_minor",
    }
    assert "check_number" not in {part["field"].name for part in answer.context["facts"]}


def test_a_supporter_is_found_by_the_code_of_a_reply_slip(sam: User) -> None:
    ana, campaign = builders.donor(name="Ana Silva"), builders.campaign()
    client = signed_in(sam)
    found = client.get(url("find"), {"q": str(slip_code.SlipCode(ana.pk, campaign.code))}).json()
    assert (found["found"][0]["id"], found["campaign"]) == (str(ana.pk), str(campaign.pk))
    assert client.get(url("find"), {"q": "silva"}).json()["found"][0]["name"] == "Ana Silva"


def test_a_new_supporter_in_place(sam: User) -> None:
    client = signed_in(sam)
    made = client.post(url("new_supporter"), {"name": "Zora Neale", "postal_code": "04000", "email": "Z@example.org"})
    zora = Donor.objects.get(name="Zora Neale")
    assert (made.json()["id"], zora.email, zora.kind) == (str(zora.pk), "z@example.org", "individual")
    again = client.post(url("new_supporter"), {"name": "zora neale", "postal_code": "04000"})
    assert (again.status_code, again.json()["known"]["id"]) == (422, str(zora.pk))
    sure = {"name": "Zora Neale", "postal_code": "04000", "is_sure": "on"}
    assert client.post(url("new_supporter"), sure).status_code == 200
    same = client.post(url("new_supporter"), {"name": "Zed", "email": "z@example.org", "is_sure": "on"})
    assert "has this e-mail" in same.json()["errors"]["email"]
    assert "Enter a name" in client.post(url("new_supporter"), {}).json()["errors"]["name"]


def test_buttons_of_a_row(sam: User) -> None:
    client, batch, ana = signed_in(sam), opened(sam), builders.donor()
    first, second = check(batch, sam, donor_id=ana.pk), check(batch, sam, donor_id=ana.pk)
    words = client.get(url("change", batch.pk)).content.decode()
    assert "Looks like" in words
    accepted = client.post(url("accept_row", batch.pk, second.pk), headers=JSON).json()
    assert "another one, as you said" in accepted["row"]
    assert client.post(url("remove_row", batch.pk, first.pk), headers=JSON).json()["said"] == "The row is removed."
    later = {**second.facts(), "check_on": clock.today().replace(year=clock.today().year + 1)}
    rows.save(batch.pk, rows.Typed(attempt=second.attempt, donor_id=ana.pk, amount_minor=2_500, facts=later), sam)
    said = client.post(url("aside_row", batch.pk, second.pk), headers=JSON).json()["said"]
    assert said.startswith("Put aside: it waits in B-")


def test_a_row_of_a_closed_batch_is_refused_in_words(sam: User) -> None:
    batch = closed(sam)
    answer = signed_in(sam).post(url("save_row", batch.pk), fields(), headers=JSON)
    assert answer.status_code == 409
    assert "reverse the gift" in answer.json()["refused"]


# --- the end ----------------------------------------------------------------------------------------------------------


def closed(sam: User) -> Batch:
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    check(batch, sam, donor_id=builders.donor(name="Ana Silva", email=None).pk)
    return batches.close(batch.pk, sam)


def test_the_summary_says_what_is_missing_and_closing_books(sam: User) -> None:
    client, batch = signed_in(sam), opened(sam, expected_count=1, expected_total=Money(2_500))
    row = check(batch, sam, facts={"check_number": ""})
    words = client.get(url("summary", batch.pk)).content.decode()
    assert "Row 1: Check number is missing." in words
    assert "disabled" in words
    assert "not closed yet" in client.post(url("close", batch.pk), follow=True).content.decode()
    assert not Gift.objects.exists()
    typed = rows.Typed(
        attempt=row.attempt, donor_id=row.donor_id, amount_minor=2_500, facts={**row.facts(), "check_number": "5"}
    )
    rows.save(batch.pk, typed, sam)
    answer = client.post(url("close", batch.pk), follow=True)
    words = answer.content.decode()
    assert "1 gift is booked" in words
    assert Gift.objects.get().public_id in words
    assert "Deposit slip (PDF)" in words
    slip = client.get(url("slip", batch.pk))
    assert slip.content.startswith(b"%PDF")
    client.post(url("bank", batch.pk), {"reference": "DEP 1123"})
    assert Batch.objects.get().bank_reference == "DEP 1123"


def test_finance_lets_it_close_by_a_reason(sam: User) -> None:
    batch = opened(sam)
    check(batch, sam)
    client = signed_in(builders.staff("Finance", name="Fiona Adeyemi"))
    assert "Why it may differ" in client.get(url("change", batch.pk)).content.decode()
    assert "Enter a reason" in client.post(url("override", batch.pk), {}, follow=True).content.decode()
    client.post(url("override", batch.pk), {"reason": "One check is in the safe."})
    words = client.get(url("summary", batch.pk)).content.decode()
    assert "Fiona Adeyemi lets it close although it does not agree: One check is in the safe." in words
    assert "1 gift is booked" in client.post(url("close", batch.pk), follow=True).content.decode()


def test_wires_have_no_slip(sam: User) -> None:
    batch = opened(sam, kind="wires", expected_count=1, expected_total=Money(2_500))
    check(batch, sam, kind="wire", facts={"credited_on": clock.today()})
    batches.close(batch.pk, sam)
    client = signed_in(sam)
    assert "Deposit slip" not in client.get(url("summary", batch.pk)).content.decode()
    assert client.get(url("slip", batch.pk)).status_code == 404


# --- the wrong person -------------------------------------------------------------------------------------------------

GETS = ("change", "header", "summary", "slip")
POSTS = ("save_row", "close", "override", "discard", "bank")


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("Staff", {"add", "find", "change", "header", "summary", "slip", "save_row", "close", "discard", "bank"}),
        ("Data entry", {"add", "find", "change", "header", "summary", "save_row"}),
        ("Finance", {"change", "summary", "slip", "close", "override", "discard", "bank"}),
        ("", set()),
    ],
)
def test_everybody_may_just_what_is_theirs(sam: User, group: str, may: set[str]) -> None:
    client = signed_in(builders.staff(group))
    done, allowed = closed(sam), set()
    open_one = opened(sam)
    row = check(open_one, sam)
    for name in ("add", "find"):
        if client.get(url(name)).status_code == 200:
            allowed.add(name)
    for name in GETS:
        if client.get(url(name, done.pk if name == "slip" else open_one.pk)).status_code == 200:
            allowed.add(name)
    for name in POSTS:
        if client.post(url(name, done.pk if name == "bank" else open_one.pk), {}).status_code != 403:
            allowed.add(name)
    assert allowed == may
    for name in ("remove_row", "accept_row", "aside_row"):
        code = client.post(url(name, open_one.pk, row.pk), headers=JSON).status_code
        assert (code != 403) == ("save_row" in may), name
    assert client.post(url("new_supporter"), {"name": "x"}).status_code == (200 if "save_row" in may else 403)


def test_supporters_and_strangers_come_nowhere(sam: User) -> None:
    batch = opened(sam)
    for client in (Client(), signed_in(User.objects.create_user("ana@example.org"))):
        for name in GETS:
            assert client.get(url(name, batch.pk)).status_code == 302
        for name in POSTS:
            assert client.post(url(name, batch.pk)).status_code == 302
    assert Batch.objects.get().status == "open"


def test_amounts_are_for_those_who_may_see_them_and_those_who_type(sam: User) -> None:
    noor = builders.staff("Data entry")
    theirs = closed(sam)
    own = opened(noor, expected_count=1, expected_total=Money(2_500))
    check(own, noor)
    batches.close(own.pk, sam)
    client = signed_in(noor)
    assert "$25.00" not in client.get(url("summary", theirs.pk)).content.decode()
    assert client.get(url("slip", theirs.pk)).status_code == 403
    assert "$25.00" in client.get(url("summary", own.pk)).content.decode()
    being_typed = opened(sam)
    check(being_typed, sam)
    assert "$25.00" in client.get(url("change", being_typed.pk)).content.decode()
    assert "Expected total" not in client.get(url("changelist")).content.decode()


def test_only_posts_change_anything(sam: User) -> None:
    batch = opened(sam)
    row, client = check(batch, sam), signed_in(builders.staff("Administrator"))
    for name in POSTS:
        assert client.get(url(name, batch.pk)).status_code == 405
    for name in ("remove_row", "accept_row", "aside_row"):
        assert client.get(url(name, batch.pk, row.pk)).status_code == 405


# --- promises ---------------------------------------------------------------------------------------------------------


def test_a_row_pays_what_its_supporter_promised(sam: User) -> None:
    ana, client = builders.donor(name="Ana Silva"), signed_in(sam)
    what = promises.Promised(
        attempt=uuid4(),
        kind="pledge",
        donor=ana,
        amount=Money(2_500),
        schedule=instalments.Schedule(),
        fund=builders.fund(),
        promised_on=clock.today(),
    )
    part = promises.promise(what, actor="staff:1").parts.get()
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    offered = client.get(url("promises"), {"donor": str(ana.pk), "kind": "check"}).json()["parts"]
    assert [one["id"] for one in offered] == [str(part.pk)]
    other = builders.donor()
    form = fields(donor=str(other.pk), promise_part=str(part.pk))
    client.post(url("save_row", batch.pk), form, headers=JSON)
    assert BatchRow.objects.get().promise_part is None, "somebody else's promise"
    client.post(url("save_row", batch.pk), {**form, "donor": str(ana.pk)}, headers=JSON)
    batches.close(batch.pk, sam)
    assert part.payments.get().gift == Gift.objects.get()
    assert client.get(url("promises"), {"donor": ana.pk}).json()["parts"] == []
    assert signed_in(builders.staff("Finance")).get(url("promises"), {"donor": ana.pk}).status_code == 403
