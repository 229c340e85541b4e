"""Gifts by the million, on a small scale: repeatable, whole, and refused where they do not belong."""

import hashlib
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from pytest_django.fixtures import Settings

from donations.models import Campaign, Donor, Fund, Gift, GiftDetail, LedgerEntry, Plan, Receipt, ReceiptBook, Reversal
from donations.rules import kinds
from tests import builders

pytestmark = pytest.mark.django_db
ROWS = (Donor, Plan, Gift, GiftDetail, LedgerEntry, Reversal, Receipt)


@pytest.fixture(autouse=True)
def newsroom() -> None:
    builders.campaign()
    builders.fund(code="200-INV", name="Investigations")


def generate(seed: int = 7) -> str:
    said = StringIO()
    call_command(
        "generate", "--donors=400", "--gifts=1500", f"--seed={seed}", "--until=2026-11-22", verbosity=0, stdout=said
    )
    return said.getvalue()


COUNTED_ON = ("id", "recorded_at", "receipt_id")


def checksum() -> str:
    """Of every column of every row. Plans, donors and the like are numbered from where the tables stood.

    Receipts number themselves by the database, which does not count back when a run is.
    """
    whole = hashlib.sha256()
    for model in ROWS:
        # When the row was written is the only other thing that the seed does not decide.
        columns = [f.attname for f in model._meta.concrete_fields if f.attname not in COUNTED_ON]
        for row in model._default_manager.order_by("pk").values_list(*columns).iterator():
            whole.update(repr(row).encode())
    return whole.hexdigest()


def once(seed: int) -> str:
    """The checksum after one run that is taken back."""
    with transaction.atomic():
        generate(seed)
        found = checksum()
        transaction.set_rollback(True)
    return found


def test_the_same_seed_gives_the_same_rows() -> None:
    first, again, other = (once(seed) for seed in (7, 7, 8))
    assert not Gift.objects.exists()
    assert first == again
    assert first != other


def test_what_is_generated_is_whole() -> None:
    said = generate()
    assert Donor.objects.count() == 400
    assert Gift.objects.count() == 1500
    assert "1,500 gifts" in said
    assert "a second" in said
    settled = Gift.objects.settled()
    assert 1300 < settled.count() < 1490
    # Every supporter gave something, nobody gave before they were there, nothing lies in the future.
    assert not Donor.objects.annotate(given=Count("gifts", Q(gifts__status="settled"))).filter(given=0).exists()
    assert settled.filter(gift_on__lt="2020-11-01").count() == settled.filter(gift_on__gt="2026-11-22").count() == 0
    assert settled.filter(gift_on__month__in=[11, 12]).count() > 3 * settled.filter(gift_on__month__in=[7, 8]).count()
    kept = set(settled.values_list("kind", flat=True))
    assert {"card", "check", "daf", "stock"} <= kept


def test_the_books_add_up() -> None:
    generate()
    received = Gift.objects.settled().aggregate(sum=Sum("amount_minor"))["sum"]
    booked = LedgerEntry.objects.filter(kind__in=["gift", "reversal"]).aggregate(sum=Sum("amount_minor"))["sum"]
    assert received == booked > 0
    assert Reversal.objects.count() == Gift.objects.filter(status="reversed").count() > 0
    assert not Gift.objects.filter(kind__in=["stock", "crypto", "in_kind"]).exclude(amount_minor=0).exists()
    for detail in GiftDetail.objects.select_related("gift"):
        asked = kinds.KINDS[detail.gift.kind].asks
        given = {name for name, value in detail.facts().items() if value not in (None, "")}
        assert given <= set(asked), (detail.gift.kind, given - set(asked))
        assert not kinds.missing(detail.gift.kind, detail.facts()), detail.gift.kind
    for book in ReceiptBook.objects.all():
        numbers = Receipt.objects.filter(series=book.series, year=book.year).order_by("sequence")
        assert list(numbers.values_list("sequence", flat=True)) == list(range(1, book.last_number + 1))


def test_indexes_and_keys_stand_as_before() -> None:
    def standing() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
                    UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
                    WHERE connamespace = 'public'::regnamespace ORDER BY 1"""
            )
            # The database may write the same cast in another place.
            return [re.sub(r"::(character varying|text)(\[\])?|[()]", "", row[0]) for row in cursor.fetchall()]

    before = standing()
    generate()
    assert standing() == before
    # The next gift has a number of its own.
    assert builders.booked_gift().pk > 1500


def test_it_refuses_what_cannot_be(settings: Settings) -> None:
    generate()
    with pytest.raises(CommandError, match="Seed 7 was used here before"):
        generate()
    with pytest.raises(CommandError, match="at least as many gifts as supporters"):
        call_command("generate", "--donors=10", "--gifts=9", "--seed=9")
    settings.MODE = "production"
    with pytest.raises(CommandError, match="MODE=production"):
        generate(9)
    assert Gift.objects.count() == 1500


def test_it_needs_a_newsroom() -> None:
    Campaign.objects.all().delete()
    Fund.objects.all().delete()
    with pytest.raises(CommandError, match="There is no fund"):
        generate()
    assert not Donor.objects.exists()
