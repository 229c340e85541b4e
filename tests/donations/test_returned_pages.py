"""The desk's pages for gifts that come back: found, looked at, done, told, and only by those who may."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from donations.models import Gift, Reversal
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.donations import mailbag
from tests.donations.test_admin import desk
from tests.donations.test_returned import bounce, letters
from tests.donations.test_reversals import books

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def page(gift: Gift, name: str) -> str:
    return f"/admin/donations/reversal/of-gift/{gift.pk}/{name}/"


TYPED = {"on": "", "bank_fee": "12", "note": "NSF"}


def test_finance_finds_the_check_looks_and_then_books_it() -> None:
    gift = mailbag.record(donor=builders.donor(name="Ana Silva", email="ana@example.org"))
    mailbag.record(check_number="9999")
    client = desk("Finance")
    found = client.get("/admin/donations/reversal/find/", {"q": "1042"}).content.decode()
    assert page(gift, "returned") in found
    assert found.count("Returned by the bank</a>") == 1

    typed = {**TYPED, "on": clock.today().isoformat()}
    looked = client.post(page(gift, "returned"), {**typed, "step": "look"}).content.decode()
    for part in ("-$50.00", "-$12.00", "No receipt has been issued", "came back from the bank", "ana@example.org"):
        assert part in looked, part
    assert not Reversal.objects.exists()

    changed = client.post(page(gift, "returned"), {**typed, "step": "change"}).content.decode()
    assert 'value="12"' in changed
    assert 'value="NSF"' in changed

    done = client.post(page(gift, "returned"), {**typed, "step": "do"}, follow=True)
    assert done.redirect_chain == [(f"/admin/donations/gift/{gift.pk}/change/", 302)]
    assert "booked as returned" in done.content.decode()
    assert books(gift) == [("bank_fee", -1200), ("gift", 5000), ("reversal", -5000)]
    again = client.post(page(gift, "returned"), {**typed, "step": "do"}, follow=True)
    assert "was taken back on" in again.content.decode()
    assert Reversal.objects.count() == len(letters(gift)) == 1


@pytest.mark.parametrize(
    ("name", "typed", "trouble"),
    [
        ("returned", {"on": "2099-01-01", "note": "my words"}, "lies ahead"),
        ("returned", {"on": "soon", "note": "my words"}, "Enter a valid date"),
        ("returned", {"on": "2026-01-01", "bank_fee": "12,50", "note": "my words"}, "not clear"),
        ("wrong", {"wrong": "", "note": "my words"}, "This field is required"),
        ("wrong", {"wrong": "nsf", "note": "my words"}, "Select a valid choice"),
        ("wrong", {"wrong": "wrong_date", "note": ""}, "This field is required"),
    ],
)
@pytest.mark.parametrize("step", ["look", "do"])
def test_a_mistake_is_named_and_nothing_typed_is_lost(
    name: str, typed: dict[str, str], trouble: str, step: str
) -> None:
    gift = mailbag.record()
    shown = desk("Finance").post(page(gift, name), {**typed, "step": step}).content.decode()
    assert trouble in shown
    if typed["note"]:
        assert 'value="my words"' in shown
    assert "This will happen" not in shown
    assert not Reversal.objects.exists()


def test_the_list_of_people_to_tell_and_the_desk_that_leads_to_it() -> None:
    gift = mailbag.record(donor=builders.donor(name="Bob Hale", email=None, phone="(555) 010-0199"))
    client = desk("Finance")
    typed = {**TYPED, "on": clock.today().isoformat(), "step": "do"}
    assert "Please tell the supporter" in client.post(page(gift, "returned"), typed, follow=True).content.decode()
    assert "Returned gifts to tell people of" in client.get("/admin/").content.decode()
    shown = client.get("/admin/donations/reversal/to-tell/").content.decode()
    for part in ("Bob Hale", "has no e-mail", "(555) 010-0199", "$50.00"):
        assert part in shown, part
    told = f"/admin/donations/reversal/of-gift/{gift.pk}/told/"
    assert "say in a few words" in client.post(told, {"how": " "}, follow=True).content.decode()
    assert "noted" in client.post(told, {"how": "Called"}, follow=True).content.decode()
    assert "Nobody waits to be told" in client.get("/admin/donations/reversal/to-tell/").content.decode()
    assert client.get(told).status_code == 405


def test_the_wrong_person_is_refused_everywhere_and_nothing_happens() -> None:
    gift = mailbag.record()
    supporter = Client()
    supporter.force_login(
        User.objects.create_user("x@example.org"), backend="django.contrib.auth.backends.ModelBackend"
    )
    typed = {**TYPED, "on": clock.today().isoformat(), "step": "do", "wrong": "other", "how": "Called"}
    names = ("find/", "to-tell/", f"of-gift/{gift.pk}/returned/", f"of-gift/{gift.pk}/wrong/", "")
    for group in ("Staff", "Data entry", ""):
        client = desk(group)
        for name in names:
            assert client.get(f"/admin/donations/reversal/{name}").status_code == 403, (group, name)
            assert client.post(f"/admin/donations/reversal/{name}", typed).status_code == 403, (group, name)
        assert client.post(f"/admin/donations/reversal/of-gift/{gift.pk}/told/", typed).status_code == 403
        assert "Returned gifts" not in client.get("/admin/").content.decode()
    for client in (Client(), supporter):
        for name in names:
            assert client.post(f"/admin/donations/reversal/{name}", typed).status_code in (302, 403)
    assert not Reversal.objects.exists()
    assert books(gift) == [("gift", 5000)]


def test_reversals_stand_in_a_list_with_their_books() -> None:
    gift = mailbag.record()
    reversal = bounce(gift)
    client = desk("Finance")
    assert "returned by the bank" in client.get("/admin/donations/reversal/").content.decode()
    shown = client.get(f"/admin/donations/reversal/{reversal.pk}/change/").content.decode()
    for part in ("-$50.00", "-$12.00", "NSF", "reverse gift"):
        assert part in shown, part


def test_from_the_gifts_own_page_and_back() -> None:
    gift, card = mailbag.record(), builders.booked_gift()
    client = desk("Finance")
    shown = client.get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    assert page(gift, "returned") in shown
    assert page(gift, "wrong") in shown
    assert "If it came back" not in client.get(f"/admin/donations/gift/{card.pk}/change/").content.decode()
    assert "If it came back" not in desk("Staff").get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    bounce(gift)
    shown = client.get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    assert "returned by the bank" in shown
    assert "If it came back" not in shown


def test_who_may_not_see_amounts_may_not_take_back() -> None:
    gift = mailbag.record()
    user = builders.staff("")
    user.user_permissions.add(Permission.objects.get(codename="reverse_gift"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(page(gift, "returned")).status_code == 403


def test_the_ledger_sums_what_was_asked_for_and_never_adds_property_or_fees() -> None:
    gift = mailbag.record()
    mailbag.record("stock")
    mailbag.record("check", check_number="7", amount_minor=2500)
    bounce(gift)
    client = desk("Finance")
    assert "Sums" not in client.get("/admin/donations/ledgerentry/").content.decode()
    today = clock.today().isoformat()
    answer = client.get("/admin/donations/ledgerentry/", {"booked_on_from": today})
    (panel,) = answer.context["panels"]
    assert [(kind, lines, str(money)) for kind, lines, money in panel.rows] == [
        ("gift", "2", "$75.00"),
        ("reversal", "1", "-$50.00"),
        ("property", "1", "$5,123.00"),
        ("bank's fee", "1", "-$12.00"),
    ]
    (panel,) = client.get("/admin/donations/ledgerentry/", {"kind__exact": "bank_fee"}).context["panels"]
    assert [str(row[2]) for row in panel.rows] == ["-$12.00"]
