"""The fictional newsroom keeps the same rules as the real one."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.test import Client
from pypdf import PdfReader
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from donations.models import (
    Attempt,
    Campaign,
    Donor,
    Fund,
    Gift,
    LedgerEntry,
    Plan,
    Receipt,
    ReceiptBook,
    ReceiptPdf,
    StripeEvent,
    Way,
)
from nonprofit import clock
from nonprofit.models import AuditEntry, Organization, OutgoingEmail, User

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module", autouse=True)
def seeded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Seeded once for all tests here, which only look; gone afterwards. What the command printed."""
    out = StringIO()
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("seed", "--people", "100", stdout=out)
        yield out.getvalue()
        transaction.set_rollback(True)


def test_it_says_what_it_does_and_is_done_once(seeded: str) -> None:
    before = (Gift.objects.count(), AuditEntry.objects.count(), User.objects.count())
    again = StringIO()
    call_command("seed", stdout=again)
    assert "ana@example.org" in seeded
    assert "done in" in seeded
    assert again.getvalue() == "Already filled in; nothing changed.\n"
    assert (Gift.objects.count(), AuditEntry.objects.count(), User.objects.count()) == before


def test_production_is_refused(settings: Settings) -> None:
    settings.MODE = "production"
    with pytest.raises(CommandError, match="production"):
        call_command("seed")


def test_every_state_a_page_can_show_is_there() -> None:
    states = Counter(Gift.objects.values_list("status", flat=True))
    assert set(states) == set(Gift.Status.values) - {"reversed"}
    assert states["settled"] > 900
    assert set(Gift.objects.settled().values_list("frequency", flat=True)) == {"once", "monthly", "yearly"}
    assert Gift.objects.get(status="failed").attempts.count() == 2
    for told in (Q(covered_fee_minor__gt=0), ~Q(tribute=""), ~Q(note=""), Q(is_name_hidden=True)):
        assert Gift.objects.settled().filter(told).exists()
    assert set(Plan.objects.values_list("status", flat=True)) == set(Plan.Status.values)
    assert OutgoingEmail.objects.filter(status="failed").count() == 1
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"done", "unmatched", "failed"}
    assert (Way.objects.count(), Campaign.objects.count(), Campaign.objects.filter(is_default=True).count()) == (
        8,
        2,
        1,
    )
    assert Fund.objects.filter(is_offered=True).count() == 4


def test_each_received_gift_is_booked_once_with_its_fee() -> None:
    settled = Gift.objects.settled()
    lines = LedgerEntry.objects.order_by()
    assert lines.filter(kind="gift").count() == settled.count() == lines.values("gift").distinct().count()
    assert lines.filter(kind="fee").count() == settled.count()
    assert not lines.filter(kind="gift").exclude(amount_minor=F("gift__amount_minor")).exists()
    assert not lines.exclude(donor=F("gift__donor"), fund=F("gift__fund"), booked_on=F("gift__gift_on")).exists()
    booked = lines.filter(kind="gift").aggregate(sum=Sum("amount_minor"))["sum"]
    assert booked == settled.aggregate(sum=Sum("amount_minor"))["sum"]
    assert settled.filter(attempts__outcome=Attempt.Outcome.SUCCEEDED).count() == settled.count()
    assert AuditEntry.objects.filter(action="settle", target_type="gift").count() == settled.count()
    assert not LedgerEntry.objects.exclude(gift__status="settled").exists()


def test_each_received_gift_has_one_receipt_with_paper_and_letter() -> None:
    settled = Gift.objects.settled()
    assert Receipt.objects.count() == settled.count() == ReceiptPdf.objects.count()
    assert settled.filter(receipt__pdf__email__isnull=False).count() == settled.count()
    letters = OutgoingEmail.objects.filter(receipt_pdf__isnull=False)
    assert letters.filter(status="sent", sent_at__isnull=False).count() == settled.count() - 1
    assert not letters.filter(status="queued").exists()
    assert not ReceiptPdf.objects.exclude(email__to=F("receipt__gift__donor_email")).exists()
    assert not ReceiptPdf.objects.exclude(file=F("email__attachment")).exists()


def test_receipt_numbers_have_no_gap_and_follow_the_order_of_issue() -> None:
    for book in ReceiptBook.objects.order_by("year"):
        receipts = list(Receipt.objects.filter(series=book.series, year=book.year).order_by("sequence"))
        assert [receipt.sequence for receipt in receipts] == list(range(1, book.last_number + 1))
        assert [receipt.issued_at for receipt in receipts] == sorted(receipt.issued_at for receipt in receipts)
        assert {clock.local_date(receipt.issued_at).year for receipt in receipts} == {book.year}
        assert all(receipt.number == receipt.snapshot["number"] for receipt in receipts)
    assert Receipt.objects.values("year").distinct().count() == ReceiptBook.objects.count() == 4


def test_plans_have_a_gift_for_each_date_and_the_next_one_ahead() -> None:
    today = clock.today()
    for plan in Plan.objects.filter(status=Plan.Status.ACTIVE).annotate(given=Count("gifts")):
        assert plan.next_due_on is not None
        assert plan.started_on is not None
        assert plan.next_due_on >= today
        months = (plan.next_due_on.year - plan.started_on.year) * 12 + plan.next_due_on.month - plan.started_on.month
        assert plan.given == (months if plan.interval == "month" else months // 12)


def test_nothing_happens_in_the_future() -> None:
    now = clock.now()
    assert not Gift.objects.filter(Q(started_at__gt=now) | Q(changed_at__gt=now) | Q(settled_at__gt=now)).exists()
    assert not Receipt.objects.filter(issued_at__gt=now).exists()
    assert not OutgoingEmail.objects.filter(Q(sent_at__gt=now) | Q(queued_at__gt=now)).exists()


def test_people_write_their_names_in_many_scripts_and_the_paper_shows_them() -> None:
    for name in ("Łukasz Żółtowski", "李秀英", "عمر الحسيني"):
        receipt = Receipt.objects.filter(gift__donor_name=name).select_related("pdf__file").first()
        assert receipt is not None
        paper = "".join(p.extract_text() for p in PdfReader(BytesIO(bytes(receipt.pdf.file.content))).pages)
        assert receipt.number in paper
    assert Donor.objects.count() > 90
    assert not Donor.objects.filter(gifts__isnull=True).exists()


def test_ana_has_a_rich_history_and_everybody_of_the_staff_can_sign_in() -> None:
    ana = Donor.objects.get(email="ana@example.org")
    assert ana.user is not None
    assert ana.gifts.count() > 15
    assert ana.plans.get().status == Plan.Status.ACTIVE
    people = {user.email: user for user in User.objects.all()}
    assert set(people) == {f"{name}@example.org" for name in ("ana", "staff", "entry", "finance", "admin")}
    assert not any(user.has_usable_password() for user in people.values())
    assert {email for email, user in people.items() if not user.is_staff} == {"ana@example.org"}
    assert {user.groups.get().name for user in people.values() if user.is_staff} == {
        "Data entry",
        "Staff",
        "Finance",
        "Administrator",
    }


def test_the_pages_stand(client: Client) -> None:
    assert Organization.objects.get().name == "The Harbor Light"
    assert "Keep the light on in Port Haven" in client.get("/").content.decode()
    ways = client.get("/ways/").content.decode()
    assert "Donor-advised fund" in ways
    assert "{address}" not in ways
