"""What people give is for those who may see it: nobody else meets a sum on any page, in any search or by any filter."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.models import Gift
from nonprofit.admin_parts import Column, Panel
from nonprofit.models import User
from nonprofit.money import Money
from tests import builders, one_of_each
from tests.test_permissions import addresses

pytestmark = pytest.mark.django_db
# Every way in which SUM is written: "$7,777.19", "7777.19", "777719".
WRITTEN = re.compile(r"7,?777\.19|777719")
SEE = "seeamounts_gift"


@pytest.fixture
def rows(settings: Settings) -> dict[str, Any]:
    settings.REQUIRE_STAFF_MFA = False
    return one_of_each.rows()


def reader(*, sees: bool) -> Client:
    """A browser of somebody who may look at everything, amounts or not."""
    user = User.objects.create_user("reader@example.org", is_staff=True)
    looks = Permission.objects.filter(codename__startswith="view_")
    user.user_permissions.add(*looks, *Permission.objects.filter(codename=SEE) if sees else ())
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def told(client: Client, rows: dict[str, Any]) -> dict[str, str]:
    """What each page that opens tells of SUM."""
    found = {}
    for address in addresses(rows):
        answer = client.get(address.path)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/"):
            continue
        text = re.sub(r"csrfmiddlewaretoken[^>]*|<script.*?</script>", "", answer.getvalue().decode(), flags=re.S)
        if match := WRITTEN.search(text):
            found[address.name] = text[max(0, match.start() - 80) : match.end() + 20]
    return found


def test_no_page_tells_a_sum_to_those_who_may_not_see_it(rows: dict[str, Any]) -> None:
    leaks = told(reader(sees=False), rows)
    assert not leaks, "\n".join(f"{name}: {text!r}" for name, text in leaks.items())


def test_those_who_may_see_them_do(rows: dict[str, Any]) -> None:
    pages = told(reader(sees=True), rows)
    for page in ("gift_changelist", "gift_change", "donor_change", "plan_change", "ledgerentry_changelist"):
        assert f"donations_{page}" in pages, page


def test_a_receipts_pdf_is_for_those_who_may_see_its_sum(rows: dict[str, Any]) -> None:
    client = reader(sees=False)
    for name in ("donations_receipt_pdf", "donations_printrun_pdf"):
        row = rows["donations_receipt" if "receipt" in name else "donations_printrun"]
        assert client.get(reverse(f"admin:{name}", args=[row])).status_code == 403, name


@pytest.mark.parametrize("sees", [True, False])
def test_nobody_finds_out_a_sum_by_asking_for_it(rows: dict[str, Any], sees: bool) -> None:
    client = reader(sees=sees)

    def asked(path: str) -> tuple[int, bool]:
        answer = client.get(f"/admin/donations/{path}")
        gift = Gift.objects.get(pk=rows["donations_gift"])
        return answer.status_code, gift.public_id in answer.content.decode()

    assert asked("gift/?q=$7777.19") == (200, sees)
    assert asked("ledgerentry/?q=$7777.19") == (200, sees)
    assert asked("gift/?amount_minor__gte=700000")[0] == (200 if sees else 400)
    columns = client.get("/admin/donations/gift/").context["cl"]
    assert ("amount_shown" in columns.list_display) is sees
    assert ("amount_shown" in columns.sortable_by) is sees


def test_the_desk_counts_gifts_without_their_sum(rows: dict[str, Any]) -> None:
    builders.booked_gift(amount_minor=2500)
    notes = {figure.label: figure.note for figure in reader(sees=False).get("/admin/").context["figures"]}
    assert notes["Gifts received today"] == ""


def test_a_panel_without_amounts_keeps_what_tells_none() -> None:
    columns = [Column("Year"), Column("Received"), Column("In words"), Column("Before", is_amount=True)]
    panel = Panel("Giving", columns, [("2026", Money(2500), "$25 in all", 2500)], "", ("All", "", "", ""))
    bare = panel.without_amounts()
    assert [column.name for column in bare.columns] == ["Year"]
    assert (bare.rows, bare.foot) == ([["2026"]], ["All"])
    assert [len(line) for line in (*bare.cells, bare.foot_cells)] == [1, 1]
