"""Papers made by the dozen: one that cannot be drawn stops no other, and is made once somebody put it right."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from donations.models import Receipt, ReceiptPdf, RenderTrouble
from donations.receipts import issue, making, render
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders

pytestmark = pytest.mark.django_db
# What the renderer says of a paper it cannot draw, and what nobody foresaw.
TROUBLES = [
    (render.RenderError("", "a picture is missing"), "a picture is missing"),
    (ZeroDivisionError("of Ana Silva"), "ZeroDivisionError"),
]


def drawing_without(number: str, error: Exception) -> pytest.MonkeyPatch:
    """Until undone, the renderer fails on the paper of that number and draws every other."""
    draw = render.pdf

    def pdf(snapshot: Mapping[str, object]) -> bytes:
        if snapshot["number"] == number:
            raise error
        return draw(snapshot)

    patch = pytest.MonkeyPatch()
    patch.setattr(render, "pdf", pdf)
    return patch


def kept(ids: list[int]) -> list[int]:
    """Those whose PDF is stored and whose letter waits with it."""
    found = ReceiptPdf.objects.filter(receipt__in=ids).select_related("receipt", "file", "email").order_by("receipt")
    for one in found:
        assert bytes(one.file.content).startswith(b"%PDF")
        assert one.email == OutgoingEmail.objects.get(key=one.receipt.mail_key)
        assert one.email.attachment == one.file
    return [one.receipt_id for one in found]


@pytest.mark.parametrize(("error", "reason"), TROUBLES)
def test_one_that_cannot_be_drawn_stops_no_other_of_its_batch(error: Exception, reason: str) -> None:
    for number in range(5):
        builders.booked_gift(donor_email=f"ana{number}@example.org")
    ids = issue.issue_due()
    bad = Receipt.objects.get(pk=ids[2])
    others = [pk for pk in ids if pk != bad.pk]
    assert (len(ids), bad.series) == (5, "R")

    patch = drawing_without(bad.number, error)
    try:
        assert making.prepare_all(ids) == 4
        assert kept(ids) == others
        assert OutgoingEmail.objects.filter(template="receipt").count() == 4
        assert [(one.receipt, one.reason, one.tries) for one in RenderTrouble.objects.all()] == [(bad, reason, 1)]
        assert list(making.unmade()) == []
        # Nobody waits for ever: it is tried again by itself, and fails as before.
        with clock.standing_at(clock.now() + making.AGAIN + timedelta(minutes=1)):
            assert list(making.unmade()) == [bad]
            assert making.prepare_all(ids) == 0
        assert [(one.receipt, one.reason, one.tries) for one in RenderTrouble.objects.all()] == [(bad, reason, 2)]
    finally:
        patch.undo()

    assert making.try_again(RenderTrouble.objects.get().pk, "staff:1")
    assert making.prepare_all(ids) == 1
    assert kept(ids) == ids
    assert OutgoingEmail.objects.filter(template="receipt").count() == 5
    assert not RenderTrouble.objects.exists()
    assert (Receipt.objects.get(pk=bad.pk).number, Receipt.objects.count()) == (bad.number, 5)
    assert making.prepare_all(ids) == 0
