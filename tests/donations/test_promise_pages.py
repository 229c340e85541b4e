"""The promises' pages at the desk: the worklist and its totals, each deed, and the wrong person at every door."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from donations.desk import matches, promises
from donations.models import Donor, Employer, Gift, Promise, PromisePart, PromisePayment
from donations.rules.instalments import Schedule, State
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from nonprofit.money import Money
from tests import builders
from tests.donations.test_admin import desk
from tests.donations.test_promises import ACTOR, check, finance, part, parts, pledge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def url(name: str, *args: object) -> str:
    return reverse(f"admin:donations_promise_{name}", args=args)


def text(answer: Any) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", answer.content.decode())


def nameless(kind: str = "stock") -> Gift:
    unknown, _ = Donor.objects.get_or_create(name="Unidentified", defaults={"kind": "unknown"})
    return check(unknown, 0, kind=kind)


def worklist(client: Client, **query: str) -> list[PromisePart]:
    answer = client.get(reverse("admin:donations_promisepart_changelist"), query)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


# --- the worklist ----------------------------------------------------------------------------------------------------


def test_the_worklist_tells_what_is_due_when_and_what_it_comes_to() -> None:
    today = clock.today()
    late = part(pledge("100", schedule=Schedule(first_on=today - timedelta(days=3))))
    now = part(pledge("200", schedule=Schedule(first_on=today)))
    later = part(pledge("300", schedule=Schedule(first_on=today + timedelta(days=70))))
    never = part(pledge("", kind="stock", schedule=Schedule(), description="100 ACME"))
    paid, lost = pledge("50"), pledge("70")
    promises.pay(part(paid).pk, check(paid.donor, 50_00).pk, ACTOR)
    promises.write_off(lost, "gone", finance())
    promises.pay(late.pk, check(late.promise.donor, 40_00).pk, ACTOR)
    client = desk("Staff")

    assert worklist(client) == [late, now, later, never]
    for when, due in (("overdue", late), ("this month", now), ("later", later), ("no date", never)):
        assert worklist(client, when=when) == [due]
    assert worklist(client, stands="paid") == [part(paid)]
    assert worklist(client, stands="written_off") == [part(lost)]
    assert worklist(client, kind="stock") == [never]
    assert worklist(client, q=never.promise.public_id) == [never]
    assert len(worklist(client, stands="all")) == 6

    answer = client.get(reverse("admin:donations_promisepart_changelist"), {"stands": "all"})
    (totals,) = answer.context["totals"]
    assert (totals.promised, totals.received, totals.open, totals.written_off) == (
        Money(720_00),
        Money(90_00),
        Money(560_00),
        Money(70_00),
    )


def test_totals_keep_currencies_apart() -> None:
    pledge("100")
    pledge("50", currency="eur")
    totals = PromisePart.objects.with_paid().totals()
    assert [(one.open, one.parts) for one in totals] == [(Money(50_00, "eur"), 1), (Money(100_00), 1)]


def test_the_worklist_asks_the_same_few_questions_however_long(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(6):
        pledge("1200", schedule=Schedule("monthly", date(2026, 12, 1), 12))
    client = desk("Finance")
    # Session and user, the person's rights twice over, the count, the page, the totals and the organisation's name.
    with django_assert_num_queries(8):
        assert len(worklist(client)) == 50


def test_the_desk_says_what_is_overdue() -> None:
    client = desk("Staff")

    def figure() -> list[Any]:
        figures = client.get("/admin/").context["figures"]
        return [(one.value, one.note) for one in figures if one.label == "Promises overdue"]

    assert figure() == []
    pledge("100", schedule=Schedule("own", own=((date(2026, 1, 1), None), (date(2026, 2, 1), None))))
    pledge("50", kind="bequest", schedule=Schedule(first_on=date(2026, 1, 1)))
    assert figure() == [("2", "$100.00 promised")]
    assert [one for one in desk("Data entry").get("/admin/").context["figures"] if "Promises" in one.label] == []


# --- made ------------------------------------------------------------------------------------------------------------


def typed(alice: Donor, **fields: str) -> dict[str, str]:
    return {
        "attempt": "7f0c0f7e-6f0e-4d0e-9a55-0d1f4be3b1a7",
        "donor": alice.public_id,
        "kind": "pledge",
        "amount": "1,000",
        "every": "quarterly",
        "first_on": "2026-12-31",
        "count": "4",
        "fund": str(builders.fund().pk),
        "promised_on": "2026-11-20",
        **fields,
    }


def test_a_pledge_is_made_from_the_supporters_page() -> None:
    alice, client = builders.donor(name="Alice Archer"), desk("Staff")
    page = client.get(reverse("admin:donations_donor_change", args=[alice.pk])).content.decode()
    assert url("new_of", alice.pk) in page
    form = client.get(url("new_of", alice.pk)).content.decode()
    assert f"{alice.public_id} Alice Archer" in form
    assert "Bequest" not in form

    for _ in range(2):
        answer = client.post(
            url("new_of", alice.pk), typed(alice, donor=f"{alice.public_id} Alice Archer"), follow=True
        )
        assert "It counts as received only when gifts come" in text(answer)
    made = Promise.objects.get()
    assert [(one.due_on, one.amount_minor) for one in parts(made)] == [
        (date(2026, 12, 31), 250_00),
        (date(2027, 3, 31), 250_00),
        (date(2027, 6, 30), 250_00),
        (date(2027, 9, 30), 250_00),
    ]
    assert "Promises, not counted as received" in text(
        client.get(reverse("admin:donations_donor_change", args=[alice.pk]))
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"donor": "Nobody Atall"}, "No supporter fits"),
        ({"donor": "Archer"}, "Several supporters fit"),
        ({"amount": "lots"}, "Enter an amount in numbers"),
        ({"amount": ""}, "Say how much was promised"),
        ({"first_on": ""}, "Say when the first part is due"),
        ({"every": "own", "own": "soon 500"}, "does not begin with a date"),
        ({"every": "own", "own": "2026-12-24 500\n2027-01-24 400"}, "do not come to the whole promise"),
        ({"note": "card 4242 4242 4242 4242"}, "looks like a card number"),
    ],
)
def test_what_is_typed_wrongly_is_named_and_the_rest_is_kept(wrong: dict[str, str], says: str) -> None:
    alice = builders.donor(name="Alice Archer")
    builders.donor(name="Adam Archer")
    answer = desk("Staff").post(url("new"), typed(alice, description="Grant 77", **wrong))
    assert answer.status_code == 200
    assert says in text(answer)
    assert 'value="Grant 77"' in answer.content.decode()
    assert Promise.objects.count() == 0


def test_own_dates_with_amounts() -> None:
    alice = builders.donor(name="Alice Archer")
    desk("Staff").post(url("new"), typed(alice, every="own", own="2027-01-24 400\n2026-12-24 600.00\n"))
    assert [(str(one.due_on), one.amount_minor) for one in parts(Promise.objects.get())] == [
        ("2026-12-24", 600_00),
        ("2027-01-24", 400_00),
    ]


# --- paid ------------------------------------------------------------------------------------------------------------


def test_a_gift_is_chosen_for_a_part_and_let_go_again() -> None:
    made = pledge()
    mine, other = check(made.donor), check(builders.donor())
    client = desk("Staff")
    page = client.get(url("paid_by", part(made).pk))
    assert mine.public_id in text(page)
    assert other.public_id not in text(page)
    client.post(url("paid_by", part(made).pk), {"gift": other.pk})
    assert PromisePayment.objects.count() == 0
    answer = client.post(url("paid_by", part(made).pk), {"gift": mine.pk}, follow=True)
    assert f"{mine.public_id} pays this part." in text(answer)
    assert part(made).state == State.PAID
    gift_page = text(client.get(reverse("admin:donations_gift_change", args=[mine.pk])))
    assert "this gift pays it" in gift_page

    client.post(url("detach", PromisePayment.objects.get().pk), {"reason": "another pledge"})
    assert part(made).state == State.OPEN


def test_no_gift_to_choose_says_where_it_comes_from() -> None:
    page = text(desk("Staff").get(url("paid_by", part(pledge()).pk)))
    assert "No received gift waits to be attached" in page


def test_a_fund_grant_asks_for_the_tick() -> None:
    made = pledge()
    grant = check(builders.donor(name="Fidelity Charitable", kind="daf_sponsor"), kind="daf")
    grant.soft_credits.create(donor=made.donor, role="advisor")
    client, where = desk("Staff"), url("paid_by", part(made).pk)
    assert "do not mention the pledge, and the donor claims no deduction" in text(client.get(where))
    assert "confirm that" in text(client.post(where, {"gift": grant.pk}))
    assert part(made).state == State.OPEN
    client.post(where, {"gift": grant.pk, "is_unmentioned": "on"})
    assert part(made).state == State.PAID
    assert PromisePayment.objects.get().papers_checked_by.startswith("staff:")


def test_a_part_is_changed_written_off_and_expected_again() -> None:
    made = pledge()
    client, pk = desk("Administrator"), part(made).pk
    client.post(url("change_part", pk), {"due_on": "2027-02-01", "amount": "350"})
    assert (part(made).due_on, part(made).amount_minor) == (date(2027, 2, 1), 350_00)
    assert "This field is required" in text(client.post(url("write_off_part", pk), {"reason": ""}))
    assert "1 part: written off." in text(client.post(url("write_off", made.pk), {"reason": "moved"}, follow=True))
    assert part(made).state == State.WRITTEN_OFF
    page = text(client.get(reverse("admin:donations_promise_change", args=[made.pk])))
    assert re.search(r"written off on .*: moved", page)
    answer = client.post(url("take_back", pk), {"reason": "back again"}, follow=True)
    assert "1 part: expected again." in text(answer)
    assert part(made).state == State.OPEN
    assert "There was nothing left to do." in text(client.post(url("take_back", pk), {"reason": "x"}, follow=True))


# --- matches ---------------------------------------------------------------------------------------------------------


def test_a_match_is_expected_from_the_gifts_page() -> None:
    gift, client = check(builders.donor(name="Bob"), 250_00), desk("Staff")
    page = client.get(reverse("admin:donations_gift_change", args=[gift.pk])).content.decode()
    assert url("match", gift.pk) in page
    assert "One of the two" in text(client.post(url("match", gift.pk), {"amount": "250"}))
    for name in ("Acme Corp", "ACME corp"):
        client.post(url("match", gift.pk), {"new_employer": name, "amount": "200", "expected_on": "2027-01-15"})
    made = Promise.objects.get()
    assert (made.donor.name, part(made).amount, part(made).due_on) == ("Acme Corp", Money(200_00), date(2027, 1, 15))
    assert Employer.objects.count() == 1
    page = text(client.get(reverse("admin:donations_gift_change", args=[gift.pk])))
    assert "matches this gift" in page


def test_employers_are_kept_with_their_form() -> None:
    client = desk("Staff")
    form = {"name": "Acme Corp", "donor": "", "form_url": "https://acme.example/match", "note": ""}
    client.post(reverse("admin:donations_employer_add"), form)
    acme = Employer.objects.get()
    assert (acme.name, acme.form_url, acme.donor) == ("Acme Corp", "https://acme.example/match", None)
    again = client.post(reverse("admin:donations_employer_add"), form | {"name": "ACME CORP"})
    assert again.status_code == 200
    assert Employer.objects.count() == 1
    company = builders.donor(name="Acme Corporation", kind="company")
    change = reverse("admin:donations_employer_change", args=[acme.pk])
    client.post(change, form | {"donor": company.public_id})
    acme.refresh_from_db()
    assert acme.donor == company
    assert f"{company.public_id} Acme Corporation" in client.get(change).content.decode()
    assert "open" in text(client.get(reverse("admin:donations_employer_changelist")))


# --- who may ---------------------------------------------------------------------------------------------------------

RIGHTS = {
    "new": {"Staff", "Administrator"},
    "match": {"Staff", "Administrator"},
    "whose": {"Staff", "Administrator"},
    "change_part": {"Staff", "Administrator"},
    "send_link": {"Staff", "Administrator"},
    "paid_by": {"Staff", "Administrator"},
    "detach": {"Staff", "Administrator"},
    "write_off_part": {"Finance", "Administrator"},
    "take_back": {"Finance", "Administrator"},
    "write_off": {"Finance", "Administrator"},
}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("group", ["", "Data entry", "Staff", "Finance", "Administrator"])
def test_the_wrong_person_is_refused_at_every_page(group: str, method: str) -> None:
    made = pledge()
    gift = check(made.donor)
    payment = promises.pay(part(made).pk, gift.pk, ACTOR)
    rows: dict[str, list[int]] = {
        "new": [],
        "match": [gift.pk],
        "whose": [nameless().pk],
        "write_off": [made.pk],
        "detach": [payment.pk],
    }
    before = AuditEntry.objects.count()
    client = desk(group)
    for name, groups in RIGHTS.items():
        where = url(name, *rows.get(name, [part(made).pk]))
        answer = getattr(client, method)(where)
        assert (answer.status_code == 403) == (group not in groups), (name, answer.status_code)
        assert Client().post(where).status_code == 302
    assert AuditEntry.objects.count() == before
    sees = group in ("Staff", "Finance", "Administrator")
    for address in ("promisepart/", f"promise/{made.pk}/change/", f"promisepart/{part(made).pk}/change/", "promise/"):
        answer = client.get(f"/admin/donations/{address}")
        assert (answer.status_code == 403) == (not sees), address


def test_who_may_not_see_amounts_sees_none_in_the_worklist() -> None:
    made = pledge("777")
    user = User.objects.get(pk=builders.staff("").pk)
    user.user_permissions.add(Permission.objects.get(codename="view_promise"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for where in (
        reverse("admin:donations_promisepart_changelist"),
        reverse("admin:donations_promise_change", args=[made.pk]),
    ):
        page = text(client.get(where))
        assert "pledge" in page
        assert "777" not in page


def test_a_will_is_private() -> None:
    made = pledge("90000", kind="bequest", description="The house")
    staff, administrator = desk("Staff"), desk("Administrator")
    page = reverse("admin:donations_promise_change", args=[made.pk])
    supporter = reverse("admin:donations_donor_change", args=[made.donor_id])
    assert worklist(staff) == []
    assert "bequest" not in text(staff.get(supporter)).lower()
    assert staff.get(page).status_code == 302
    assert staff.get(url("paid_by", part(made).pk)).status_code == 404
    assert desk("Finance").post(url("write_off", made.pk), {"reason": "x"}).status_code == 404
    assert worklist(administrator) == [part(made)]
    assert "The house" in text(administrator.get(page))
    assert made.public_id in text(administrator.get(supporter))
    assert "Bequest intention" in text(administrator.get(url("new")))
    # Nor does the audit log tell the figure.
    assert AuditEntry.objects.get(action="add promise").after == {"kind": "bequest"}


def test_matches_and_promises_are_one_click_from_the_worklist() -> None:
    gift = check(builders.donor(name="Bob"))
    made = matches.expect_match(gift.pk, Employer.objects.create(name="Acme Corp"), actor=ACTOR)
    client = desk("Staff")
    rows = client.get(reverse("admin:donations_promisepart_changelist")).content.decode()
    page = reverse("admin:donations_promise_change", args=[made.pk])
    assert page in rows
    assert client.get(reverse("admin:donations_promisepart_change", args=[part(made).pk])).headers["Location"] == page
    assert client.get("/admin/donations/promisepart/x/change/").status_code == 404
