"""The fictional newsroom keeps the same rules as the real one."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.test import Client
from pypdf import PdfReader
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from donations.books import months, tie_out
from donations.desk import returned
from donations.models import (
    Attempt,
    BankLine,
    Batch,
    Campaign,
    Difference,
    Donor,
    DonorNote,
    Fund,
    Gift,
    GiftImport,
    GiftOrigin,
    LedgerEntry,
    Payout,
    PhoneCall,
    Plan,
    PrintRun,
    Promise,
    PromisePart,
    PromisePayment,
    Receipt,
    ReceiptBook,
    ReceiptDue,
    ReceiptPdf,
    Reversal,
    SafeHarbor,
    StripeEvent,
    Tag,
    Way,
)
from donations.receipts import print_run
from nonprofit import clock
from nonprofit.models import AuditEntry, Organization, OutgoingEmail, User
from nonprofit.money import Money

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
    assert set(states) == set(Gift.Status.values)
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


def test_a_token_something_of_value_and_a_no_are_there_with_their_papers() -> None:
    told = Counter(
        Receipt.objects.filter(snapshot__has_key="benefits").values_list("snapshot__benefits__treatment", flat=True)
    )
    assert set(told) >= {"insubstantial", "valued", "waived"}
    assert not SafeHarbor.objects.filter(year__gte=clock.today().year - 3, verified_at__isnull=True).exists()
    assert not ReceiptDue.objects.exclude(trouble="").exists()


def test_every_state_of_the_desk_is_there() -> None:
    assert set(Gift.objects.values_list("kind", flat=True)) == set(Gift.Kind.values)
    assert set(Donor.objects.values_list("kind", flat=True)) == set(Donor.Kind.values) - {"unknown"}
    assert dict(Batch.objects.values_list("status").annotate(count=Count("pk")).order_by()) == {
        "open": 1,
        "closed": Batch.objects.filter(closed_by__isnull=False).count(),
        "discarded": 1,
    }
    assert Batch.objects.filter(overridden_by__isnull=False, status="closed").count() == 1
    assert Batch.objects.exclude(bank_reference="").exists()
    half_typed = Batch.objects.get(status="open")
    assert half_typed.rows.filter(donor=None).count() == 1
    assert half_typed.rows.count() < half_typed.expected_count
    assert set(Batch.objects.values_list("kind", flat=True)) == set(Batch.Kind.values)
    assert set(Promise.objects.values_list("kind", flat=True)) == set(Promise.Kind.values)
    assert PromisePayment.objects.count() == 2
    assert PromisePart.objects.filter(written_off_on__isnull=False).count() == 1
    assert PromisePart.objects.filter(due_on__lt=clock.today()).with_paid().unpaid().exists()
    assert Donor.objects.filter(merged_into__email="ana@example.org").count() == 1
    assert Donor.objects.filter(is_deceased=True).exists()
    assert Donor.objects.filter(is_not_contacted=True).exists()
    assert Tag.objects.count() == DonorNote.objects.exclude(text__contains="D-0").count() == 3
    assert PhoneCall.objects.get().gift.kind == "phone"
    brought = GiftImport.objects.get()
    assert brought.state == "applied"
    assert Counter(brought.rows.values_list("state", flat=True)) == {"ready": 18, "faulty": 2}


def test_what_came_back_has_both_lines_and_a_void_receipt_and_one_supporter_is_not_told_yet() -> None:
    reversals = Reversal.objects.select_related("gift")
    assert Counter(one.reason for one in reversals) == {"bounced": 3, "wrong_entry": 1}
    for one in reversals:
        lines = one.gift.ledger_entries.values_list("kind", "amount_minor")
        fee = [("bank_fee", -1200)] if one.reason == "bounced" else []
        amount = one.gift.amount_minor
        assert sorted(lines) == sorted([*fee, ("gift", amount), ("reversal", -amount)])
        assert one.gift.paper.void.receipt_id == one.gift.paper.pk
    assert [one.gift.donor_name for one in returned.to_tell()] == ["Lucille Novak", "Stanley Winslow"]
    letter = OutgoingEmail.objects.get(template="check_returned")
    assert letter.to == "owen.lindgren@example.com"
    replacement = Gift.objects.get(donor_name="Harold Quimby", detail__check_number="0003")
    assert replacement.status == "settled"


def test_letters_to_people_without_e_mail_were_printed_or_wait_for_the_printer() -> None:
    run = PrintRun.objects.get()
    assert run.mailed_at is not None
    assert run.receipts.count() >= 15
    sheets = print_run.waiting().sheets
    assert 5 <= len(sheets) <= 15


RECEIVED = ["settled", "reversed", "refunded", "disputed", "lost"]


def test_each_received_gift_is_booked_once_with_its_fee() -> None:
    settled = Gift.objects.settled()
    lines = LedgerEntry.objects.order_by()
    # Services, and goods nobody valued, are in no ledger; what was taken back keeps its first line.
    received = Gift.objects.filter(status__in=RECEIVED)
    of_money = received.filter(amount_minor__gt=0)
    assert lines.filter(kind="gift").count() == of_money.count()
    assert lines.filter(kind="property").count() == settled.filter(detail__internal_value_minor__gt=0).count()
    by_card = received.filter(kind__in=["card", "phone"], origin__isnull=True)
    assert lines.filter(kind="fee").count() == by_card.count() + GiftOrigin.objects.count()
    assert not lines.filter(kind="gift").exclude(amount_minor=F("gift__amount_minor")).exists()
    card_lines = lines.filter(gift__in=by_card, kind__in=["gift", "fee"])
    assert not card_lines.exclude(donor=F("gift__donor"), fund=F("gift__fund"), booked_on=F("gift__gift_on")).exists()
    booked = lines.filter(kind__in=["gift", "reversal", "refund", "dispute"]).aggregate(sum=Sum("amount_minor"))["sum"]
    assert booked == settled.aggregate(sum=Sum(F("amount_minor") - F("refunded_minor")))["sum"]
    assert by_card.filter(attempts__outcome=Attempt.Outcome.SUCCEEDED).count() == by_card.count()
    assert AuditEntry.objects.filter(action="settle", target_type="gift").count() == by_card.count()
    assert not LedgerEntry.objects.filter(gift__isnull=False).exclude(gift__status__in=RECEIVED).exists()


def test_each_received_gift_has_its_one_paper_and_a_letter_where_there_is_an_address() -> None:
    settled = Gift.objects.settled()
    # The sponsor's own grant of which no adviser is known, and who wants no letters: nobody gets one.
    without = settled.filter(receipt__isnull=True, origin__isnull=True)
    assert [(gift.kind, gift.donor_name) for gift in without] == [("daf", "Fidelity Charitable")]
    assert (
        Receipt.objects.count()
        == ReceiptPdf.objects.count()
        == settled.filter(origin__isnull=True).count()
        - 1
        + Reversal.objects.count()
        + Gift.objects.filter(status__in=["refunded", "disputed", "lost"]).count()
        + Receipt.objects.filter(replaces__isnull=False).count()
    )
    assert not ReceiptDue.objects.exists()
    letters = OutgoingEmail.objects.filter(receipt_pdf__isnull=False)
    with_address = ReceiptPdf.objects.exclude(receipt__gift__donor_email="")
    assert letters.count() >= with_address.count() > 900
    assert letters.filter(status="failed").count() == 1
    assert letters.filter(status="sent", sent_at__isnull=False).count() == letters.count() - 1
    assert not letters.filter(status="queued").exists()
    own = Q(receipt__snapshot__recipient__isnull=True) | Q(receipt__snapshot__recipient__is="donor")
    to_others = ReceiptPdf.objects.filter(own, email__isnull=False).exclude(email__to=F("receipt__gift__donor_email"))
    assert not to_others.exists()
    assert not ReceiptPdf.objects.filter(email__isnull=False).exclude(file=F("email__attachment")).exists()


def test_receipt_numbers_have_no_gap_and_follow_the_order_of_issue() -> None:
    for book in ReceiptBook.objects.order_by("year"):
        receipts = list(Receipt.objects.filter(series=book.series, year=book.year).order_by("sequence"))
        assert [receipt.sequence for receipt in receipts] == list(range(1, book.last_number + 1))
        assert [receipt.issued_at for receipt in receipts] == sorted(receipt.issued_at for receipt in receipts)
        assert {clock.local_date(receipt.issued_at).year for receipt in receipts} == {book.year}
        assert all(receipt.number == receipt.snapshot["number"] for receipt in receipts)
    books = Receipt.objects.values("series", "year").distinct().count()
    assert books == ReceiptBook.objects.count() >= 5


def test_plans_have_a_gift_for_each_date_and_the_next_one_ahead() -> None:
    today = clock.today()
    for plan in Plan.objects.filter(status=Plan.Status.ACTIVE):
        assert plan.next_due_on is not None
        assert plan.started_on is not None
        assert plan.next_due_on >= today
        months = (plan.next_due_on.year - plan.started_on.year) * 12 + plan.next_due_on.month - plan.started_on.month
        given = plan.gifts.count()
        assert given == (months if plan.interval == "month" else months // 12)


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
    # Who died before, or became another record, or only promised, has given nothing.
    assert Donor.objects.filter(gifts__isnull=True).count() < 5


def test_ana_has_a_rich_history_and_everybody_of_the_staff_can_sign_in() -> None:
    ana = Donor.objects.get(email="ana@example.org")
    assert ana.user is not None
    assert ana.gifts.count() > 15
    assert set(ana.gifts.settled().values_list("kind", flat=True)) == {"card", "phone", "check", "stock", "in_kind"}
    assert set(ana.soft_credits.values_list("gift__kind", flat=True)) == {"daf", "match"}
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


def test_ana_sees_all_of_it_in_her_portal(client: Client) -> None:
    client.force_login(User.objects.get(email="ana@example.org"), backend="django.contrib.auth.backends.ModelBackend")
    shown = client.get("/portal/").content.decode()
    for words in (
        "Check 1042",
        "12 shares of HBRL",
        "Six oak chairs",
        "recommended by you",
        "to match your gift",
        "through ActBlue",
    ):
        assert words in shown, words
    assert "by phone" in shown
    assert "1,041" not in shown, "what the books carry her shares at"


def test_the_pages_stand(client: Client) -> None:
    assert Organization.objects.get().name == "The Harbor Light"
    assert "Keep the light on in Port Haven" in client.get("/").content.decode()
    ways = client.get("/ways/").content.decode()
    assert "Donor-advised fund" in ways
    assert "{address}" not in ways


def test_the_books_tie_but_for_one_deposit_that_nobody_knows() -> None:
    assert [(row.kind, row.theirs_minor) for row in Difference.objects.open()] == [("bank_line_unknown", 75_00)]
    last = (clock.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    clearing, bank, receipts = tie_out.equations(last)
    assert (clearing.ties, bank.difference, receipts.ties) == (True, Money(75_00), True)
    assert months.open_months()[0] == last
    paid = Payout.objects.filter(status="paid")
    assert paid.count() > 50
    assert BankLine.objects.filter(payout__in=paid).count() > 50
