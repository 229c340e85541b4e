"""The staff's desk: who sees what, what is found, and that lists stay cheap."""

import re
from datetime import date

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from donations.admin import search
from donations.admin.forms import AmountsField, MoneyField
from donations.models import Donor, Gift, StripeEvent
from nonprofit import clock
from nonprofit.models import User
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def desk(group: str, client: Client | None = None, **fields: object) -> Client:
    """A browser in which somebody of that group is signed in."""
    opened = client or Client()
    opened.force_login(builders.staff(group, **fields), backend="django.contrib.auth.backends.ModelBackend")
    return opened


def shown(client: Client, query: str) -> set[str]:
    """The gifts on the list's page, by what their donors are called."""
    answer = client.get("/admin/donations/gift/", {"q": query})
    assert answer.status_code == 200
    return {gift.donor_name for gift in answer.context["cl"].result_list}


# --- who may come in ----------------------------------------------------------------------------------------------


def test_strangers_are_sent_to_sign_in_and_come_back(client: Client) -> None:
    answer = client.get("/admin/donations/gift/", follow=True)
    assert answer.redirect_chain[0][0] == "/admin/login/?next=/admin/donations/gift/"
    assert answer.redirect_chain[1][0] == "/accounts/login/code/?next=/admin/donations/gift/"


def test_supporters_are_told_that_it_is_not_theirs(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@example.org"), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "This part is for our staff" in answer.content.decode()
    assert "/portal/" in answer.content.decode()


@pytest.mark.parametrize("is_required", [True, False])
def test_the_second_factor_is_asked_for_when_required(settings: Settings, is_required: bool) -> None:
    settings.REQUIRE_STAFF_MFA = is_required
    client = desk("Staff")
    answer = client.get("/admin/", follow=True)
    if is_required:
        assert answer.redirect_chain[-1][0] == reverse("mfa_index")
        assert client.get("/admin/donations/gift/").status_code == 302
    else:
        assert answer.status_code == 200


def test_staff_in_no_group_see_nothing() -> None:
    client = desk("")
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/donations/gift/").status_code == 403


SEEN = {
    "Staff": "donor gift plan receipt receiptdue campaign fund way",
    "Finance": "donor gift plan receipt receiptdue campaign fund way ledgerentry stripeevent",
    "Administrator": "donor gift plan receipt receiptdue campaign fund way ledgerentry stripeevent",
}
FLOOR = {
    "Staff": "outgoingemail",
    "Finance": "outgoingemail auditentry",
    "Administrator": "outgoingemail auditentry user",
}


@pytest.mark.parametrize("group", list(SEEN))
def test_each_group_sees_its_lists_and_no_other(group: str) -> None:
    client = desk(group)
    for app, seen in (("donations", SEEN), ("nonprofit", FLOOR)):
        for model in seen["Administrator"].split():
            expected = 200 if model in seen[group].split() else 403
            assert client.get(f"/admin/{app}/{model}/").status_code == expected, (group, model)
    assert client.get("/admin/members/newslettersubscription/").status_code == 200


@pytest.mark.parametrize("group", list(SEEN))
def test_nobody_adds_changes_or_deletes_money(group: str) -> None:
    gift = builders.receipted_gift()
    client = desk(group, is_superuser=group == "Administrator")
    rows = [gift, gift.donor, gift.paper, gift.ledger_entries.first()]
    for row in rows:
        assert row is not None
        name, pk = row._meta.model_name, row.pk
        before = list(type(row)._default_manager.values())
        if row != gift.donor:  # People are written down by staff: see test_people.
            assert client.get(f"/admin/donations/{name}/add/").status_code == 403
        assert client.post(f"/admin/donations/{name}/{pk}/change/", {"note": "x"}).status_code == 403
        assert client.post(f"/admin/donations/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(f"/admin/donations/{name}/", {"action": "delete_selected", "_selected_action": pk})
        assert list(type(row)._default_manager.values()) == before


# --- what a page shows -----------------------------------------------------------------------------------------------


def test_a_gifts_page_holds_all_that_belongs_to_it() -> None:
    gift = builders.receipted_gift(
        amount_minor=10320, covered_fee_minor=320, note="For the archive", donor_name="Łucja 李"
    )
    text = desk("Finance").get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    for part in (
        "$103.20",
        "$3.20",
        "For the archive",
        "Łucja 李",
        f"ch_{gift.pk}",
        "-$1.03",
        "$102.17",
        gift.paper.number,
    ):
        assert part in text, part
    for part in ("ana@example.org", "waiting to be sent", "succeeded", "settle", "Send the receipt again"):
        assert part in text, part
    assert 'name="_save"' not in text


def test_staff_see_a_gift_without_the_books() -> None:
    gift = builders.receipted_gift()
    text = desk("Staff").get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    assert gift.paper.number in text
    assert "Attempts" in text
    for hidden in ("Ledger", "Audit trail", "Send the receipt again"):
        assert hidden not in text, hidden


def test_html_in_a_name_is_only_text() -> None:
    gift = builders.receipted_gift(donor_name="<script>alert(1)</script>", note="<b>bold</b>")
    client = desk("Finance")
    for address in (
        f"gift/{gift.pk}/change/",
        "gift/",
        f"donor/{gift.donor_id}/change/",
        f"receipt/{gift.paper.pk}/change/",
    ):
        text = client.get(f"/admin/donations/{address}").content.decode()
        assert "<script>alert" not in text
        assert "<b>bold" not in text
        assert "&lt;script&gt;" in text


def test_a_supporters_page_adds_up_by_year() -> None:
    first = builders.booked_gift(amount_minor=2500)
    builders.booked_gift(amount_minor=1550)
    Gift.objects.filter(pk=first.pk).update(gift_on=date(2025, 3, 1))
    text = desk("Staff").get(f"/admin/donations/donor/{first.donor_id}/change/").content.decode()
    plain = re.sub(r"<[^>]+>|\s+", " ", text)
    assert re.search(r"2025\s+1\s+\$25\.00", plain)
    assert re.search(r"2026\s+1\s+\$15\.50", plain)
    assert re.search(r"All\s+2\s+\$40\.50", plain)


def test_the_receipts_bytes_are_those_that_were_issued() -> None:
    receipt = builders.receipted_gift().paper
    url = f"/admin/donations/receipt/{receipt.pk}/pdf/"
    answer = desk("Staff").get(url)
    assert answer.content == bytes(receipt.pdf.file.content)
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-{receipt.number}.pdf"'
    assert desk("").get(url).status_code == 403
    assert Client().get(url).status_code == 302


def test_the_desk_counts_what_waits() -> None:
    builders.booked_gift(amount_minor=2500)
    StripeEvent.objects.create(
        event_id="evt_1", type="x", is_live=False, happened_at=clock.now(), body={}, state="unmatched"
    )
    answer = desk("Finance").get("/admin/")
    figures = {figure.label: (figure.value, figure.is_trouble, figure.note) for figure in answer.context["figures"]}
    expected = {
        "Gifts received today": ("1", False, "$25.00"),
        "Receipts due": ("1", False, ""),
        "Letters given up": ("0", False, ""),
        "Payments that fit no gift": ("1", True, ""),
        "Stripe's events given up": ("0", False, ""),
    }
    assert {label: figures.get(label) for label in expected} == expected
    staff = {figure.label for figure in desk("Staff").get("/admin/").context["figures"]}
    assert staff & set(expected) == {"Gifts received today", "Receipts due", "Letters given up"}


# --- search and filters ----------------------------------------------------------------------------------------------


def test_gifts_are_found_by_whatever_people_say() -> None:
    anna = builders.receipted_gift(donor_name="Anna Müller", donor_email="anna@example.org", amount_minor=2500)
    builders.receipted_gift(donor_name="李秀英", donor_email="li@example.org", amount_minor=5000)
    builders.pending_gift(donor_name="Carla Muller", donor_email="carla@example.com", amount_minor=2500)
    client = desk("Staff")
    everybody = {"Anna Müller", "李秀英", "Carla Muller"}
    for query, found in {
        "": everybody,
        "müller": {"Anna Müller"},
        "ANNA": {"Anna Müller"},
        "李": {"李秀英"},
        "carla@example.com": {"Carla Muller"},
        "$25": {"Anna Müller", "Carla Muller"},
        "25.00": {"Anna Müller", "Carla Muller"},
        "müller $25": {"Anna Müller"},
        "müller 50": set(),
        anna.paper.number: {"Anna Müller"},
        anna.paper.number.replace("-000", "-").lower(): {"Anna Müller"},
        anna.public_id: {"Anna Müller"},
        f"ch_{anna.pk}": {"Anna Müller"},
        str(anna.payment_intent_id): {"Anna Müller"},
        "nobody at all": set(),
        "%": set(),
        "99999999999999999": set(),
        "G-99999999999999": set(),
        "\x00": everybody,
    }.items():
        assert shown(client, query) == found, query


def test_a_name_that_fits_too_many_says_so() -> None:
    Donor.objects.bulk_create([Donor(name=f"Smith {n}") for n in range(search.PEOPLE + 1)])
    text = desk("Staff").get("/admin/donations/gift/", {"q": "smith"}).content.decode()
    assert "Type more of the name" in text


@pytest.mark.parametrize("model", ["receipt", "ledgerentry", "receiptdue", "plan", "donor"])
def test_every_search_box_answers(model: str) -> None:
    gift = builders.receipted_gift()
    client = desk("Finance")
    for query in (
        "ana",
        "silva",
        "$25",
        gift.paper.number,
        gift.public_id,
        gift.donor.public_id if gift.donor else "",
    ):
        answer = client.get(f"/admin/donations/{model}/", {"q": query})
        assert answer.status_code == 200
        wanted = {"receipt": 1, "ledgerentry": 2, "receiptdue": 0, "plan": 0}.get(model, 0 if query == "$25" else 1)
        assert len(answer.context["cl"].result_list) == wanted, query


def test_dates_limit_a_list_and_a_bad_one_is_named() -> None:
    old, new = builders.booked_gift(), builders.booked_gift()
    Gift.objects.filter(pk=old.pk).update(gift_on=date(2025, 12, 31))
    client = desk("Staff")

    def pks(**query: str) -> set[int]:
        return {gift.pk for gift in client.get("/admin/donations/gift/", query).context["cl"].result_list}

    assert pks(gift_on_from="2025-01-01", gift_on_to="2025-12-31") == {old.pk}
    assert pks(gift_on_from="2026-01-01") == {new.pk}
    assert pks(gift_on_to="2026-12-31", status__exact="settled") == {old.pk, new.pk}
    bad = client.get("/admin/donations/gift/", {"gift_on_from": "2026-02-31"})
    assert "Not a date: 2026-02-31" in bad.content.decode()


def test_filters_of_lists_linked_from_pages_are_allowed() -> None:
    gift = builders.booked_gift()
    client = desk("Staff")
    assert client.get("/admin/donations/gift/", {"donor__id__exact": str(gift.donor_id)}).status_code == 200
    # Anything else that reaches into another table stays shut.
    assert client.get("/admin/donations/gift/", {"donor__user__password__startswith": "x"}).status_code == 400


# --- lists stay cheap ------------------------------------------------------------------------------------------------


# Session and user, the person's rights, the count, the page, and the organisation's name; of receipts their print runs.
@pytest.mark.parametrize(
    ("model", "queries"), [("gift", 7), ("donor", 7), ("receipt", 8), ("ledgerentry", 7), ("plan", 7)]
)
def test_lists_ask_the_same_few_questions_however_long(
    django_assert_num_queries: DjangoAssertNumQueries, model: str, queries: int
) -> None:
    for number in range(12):
        builders.receipted_gift(donor_email=f"d{number}@example.org")
    client = desk("Finance")
    with django_assert_num_queries(queries) as asked:
        client.get(f"/admin/donations/{model}/")
    assert not [one["sql"] for one in asked.captured_queries if re.search(r"SELECT DISTINCT|DATE_TRUNC", one["sql"])]
    counts = [one["sql"] for one in asked.captured_queries if "COUNT(" in one["sql"]]
    assert len(counts) == 1
    assert "LIMIT 10001" in counts[0]


def test_a_column_without_an_index_cannot_be_sorted_by_from_the_address() -> None:
    cheap, dear = builders.booked_gift(amount_minor=1000), builders.booked_gift(amount_minor=9000)
    client = desk("Staff")

    def order(column: int) -> list[int]:
        answer = client.get("/admin/donations/gift/", {"o": str(column)})
        return [gift.pk for gift in answer.context["cl"].result_list]

    columns = client.get("/admin/donations/gift/").context["cl"].list_display
    assert order(columns.index("amount_shown")) == [cheap.pk, dear.pk]
    assert order(-columns.index("amount_shown")) == [dear.pk, cheap.pk]
    assert order(columns.index("receipt_number")) == [dear.pk, cheap.pk]
    Gift.objects.filter(pk=cheap.pk).update(status="expired")
    assert order(columns.index("status")) == order(-columns.index("status")) == [dear.pk, cheap.pk]


def test_a_page_of_letters_and_events_comes_without_their_bodies(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    builders.receipted_gift()
    client = desk("Finance")
    for address, heavy, queries in (
        ("nonprofit/outgoingemail", '"html"', 7),
        ("donations/stripeevent", '"body"', 7),
        ("donations/receipt", '"snapshot"', 8),
    ):
        with django_assert_num_queries(queries) as asked:
            client.get(f"/admin/{address}/")
        assert not [one["sql"] for one in asked.captured_queries if heavy in one["sql"]], address


# --- amounts as people type them -------------------------------------------------------------------------------------


def test_amounts_are_typed_in_dollars() -> None:
    field = AmountsField()
    assert field.clean("25 50, 100 1,000") == [2500, 5000, 10000, 100000]
    assert field.clean("7.50; $15") == [750, 1500]
    assert field.prepare_value([2500, 750]) == "25 7.50"
    assert not field.has_changed([2500, 5000], "25 50")
    for bad in ("25,50", "25", "25 25", "a b", "", "1 2 3 4 5 6 7", "-5 10", "2.505 10"):
        with pytest.raises(ValidationError):
            field.clean(bad)
    assert MoneyField(may_be_zero=True).clean("0.00") == 0
    assert MoneyField().clean("50,000") == 5_000_000
    with pytest.raises(ValidationError):
        MoneyField().clean("0")


def test_groups_hold_their_rights_from_the_migration() -> None:
    rights = {group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()}
    assert set(rights) == {"Data entry", "Staff", "Finance", "Administrator"}
    assert "view_ledgerentry" not in rights["Staff"]
    assert {"view_gift", "change_way", "change_campaign"} <= rights["Staff"]
    assert {"view_ledgerentry", "resend_receipt", "retry_stripeevent"} <= rights["Finance"]
    assert rights["Staff"] | rights["Finance"] < rights["Administrator"]
    assert "seeamounts_gift" not in rights["Data entry"]
    assert {right for right in rights["Data entry"] if right.startswith("view_")} == {"view_batch", "view_donor"}
    assert "override_batch" not in rights["Staff"]
    money = ("gift", "ledgerentry", "receipt", "attempt", "plan")
    assert not [
        r for of in rights.values() for r in of if r.startswith(("add_", "change_", "delete_")) and r.endswith(money)
    ]
