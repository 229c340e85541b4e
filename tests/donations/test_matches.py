"""Employer matches: the company's promise, its check counted once, and the employee thanked and left alone."""

import re
from typing import Any

import pytest

from donations.desk import batches, matches, promises, returned
from donations.desk.promises import CannotPromise
from donations.models import Donor, Employer, Gift, LedgerEntry, Promise, PromisePart, PromisePayment, SoftCredit
from donations.rules.instalments import State
from nonprofit import clock, mail
from nonprofit.models import OutgoingEmail, User
from nonprofit.money import Money
from tests import builders
from tests.donations.test_batches import check as row_of
from tests.donations.test_batches import opened
from tests.donations.test_promises import ACTOR, at_once, booked, check, finance, killed, part, pledge

pytestmark = pytest.mark.django_db


def expected(amount: Money | None = None, **fields: Any) -> tuple[Gift, Employer, Promise]:
    """Bob's gift of $250.00, which his employer will match."""
    bob = builders.donor(name="Bob")
    gift = booked(bob, "check", "250")
    employer = Employer.objects.create(name="Acme Corp", **fields)
    return gift, employer, matches.expect_match(gift.pk, employer, amount=amount, actor=ACTOR)


def test_a_match_is_the_companys_promise_of_the_same_amount() -> None:
    gift, employer, made = expected()
    employer.refresh_from_db()
    assert employer.donor is not None
    assert (made.kind, made.donor, made.matched_gift) == ("match", employer.donor, gift)
    assert (employer.donor.kind, employer.donor.name) == ("company", "Acme Corp")
    assert (part(made).amount, part(made).state) == (Money(250_00), State.OPEN)
    assert matches.expect_match(gift.pk, employer, actor=ACTOR) == made
    assert Promise.objects.count() == 1
    assert [one.pk for one in promises.open_parts_of(employer.donor)] == [part(made).pk]
    assert gift.donor is not None
    assert [one.pk for one in promises.open_parts_of(gift.donor)] == [part(made).pk]
    # Bob's own next check pays nothing of the company's.
    assert promises.open_parts_of(gift.donor, "check") == []


@pytest.mark.parametrize(
    ("paid", "state", "still"),
    [("250", State.PAID, 0), ("240", State.PARTLY_PAID, 10_00), ("500", State.OVERPAID, 0)],
)
def test_the_companys_check_is_counted_once_and_thanks_the_employee(paid: str, state: State, still: int) -> None:
    gift, employer, made = expected()
    company = Donor.objects.get(employer=employer)
    match = booked(company, "match", paid)
    for _ in range(2):
        promises.pay(part(made).pk, match.pk, ACTOR)

    assert (part(made).state, part(made).open) == (state, Money(still))
    assert list(SoftCredit.objects.values_list("gift", "donor", "role")) == [(match.pk, gift.donor_id, "employee")]
    assert gift.donor is not None
    assert OutgoingEmail.objects.get(template="receipt_matched").to == gift.donor.email
    # In all and of each: the company's money is the company's, and nothing of it is Bob's.
    assert total() == 250_00 + match.amount_minor
    assert (total(gift.donor), total(company)) == (250_00, match.amount_minor)


def total(donor: Donor | None = None) -> int:
    """What the ledger says was given, by this donor or by all."""
    entries = LedgerEntry.objects.filter(kind="gift")
    return sum(entry.amount_minor for entry in (entries.filter(donor=donor) if donor else entries))


def test_a_check_tied_to_the_wrong_match_thanks_nobody_for_it_any_more() -> None:
    gift, employer, made = expected()
    company = Donor.objects.get(employer=employer)
    ann = booked(builders.donor(name="Ann"), "check", "250")
    right = matches.expect_match(ann.pk, employer, actor=ACTOR)
    match = booked(company, "match", "250")
    promises.pay(part(made).pk, match.pk, ACTOR)
    promises.detach(PromisePayment.objects.get().pk, "it matches Ann", ACTOR)
    promises.pay(part(right).pk, match.pk, ACTOR)

    assert [(one.gift, one.donor) for one in SoftCredit.objects.all()] == [(match, ann.donor)]
    mail.send_due()
    letters = OutgoingEmail.objects.filter(template="receipt_matched")
    assert [(one.to, one.status) for one in letters.order_by("pk")] == [
        (gift.donor and gift.donor.email, "stopped"),
        (ann.donor and ann.donor.email, "sent"),
    ]


def test_the_batch_row_may_name_the_employee_first() -> None:
    gift, employer, made = expected()
    assert gift.donor is not None
    match = booked(Donor.objects.get(employer=employer), "match", "250", [(gift.donor, "employee")])
    promises.pay(part(made).pk, match.pk, ACTOR)
    assert SoftCredit.objects.count() == 1
    assert OutgoingEmail.objects.filter(template="receipt_matched").count() == 1


def test_a_match_through_a_platform_pays_if_it_names_the_employee() -> None:
    gift, _, made = expected()
    assert gift.donor is not None
    platform = builders.donor(name="Benevity", kind="foundation")
    stranger, named = booked(platform, "match", "250"), booked(platform, "match", "250", [(gift.donor, "employee")])
    with pytest.raises(CannotPromise):
        promises.pay(part(made).pk, stranger.pk, ACTOR)
    promises.pay(part(made).pk, named.pk, ACTOR)
    assert part(made).state == State.PAID


def test_a_written_off_match_leaves_the_employee_alone() -> None:
    gift, _, made = expected()

    def bobs() -> list[Any]:
        rows = Gift.objects.filter(pk=gift.pk).values(), Donor.objects.filter(name="Bob").values()
        return [list(row) for row in rows]

    before = bobs()
    promises.write_off(made, "the company refused", finance())
    assert part(made).state == State.WRITTEN_OFF
    assert bobs() == before
    assert total(gift.donor) == 250_00
    assert SoftCredit.objects.count() == 0


def test_what_cannot_be_matched_is_said() -> None:
    employer = Employer.objects.create(name="Acme Corp")
    bob = builders.donor(name="Bob")
    for gift, says in (
        (builders.pending_gift(), "has not been received"),
        (check(bob, kind="match"), "is a match itself"),
        (check(bob, 0, kind="stock"), "Say how much the company will give"),
    ):
        with pytest.raises(CannotPromise, match=says):
            matches.expect_match(gift.pk, employer, actor=ACTOR)
    own = Employer.objects.create(name="Bob's own", donor=bob)
    with pytest.raises(CannotPromise, match=re.escape("the company's own")):
        matches.expect_match(check(bob).pk, own, actor=ACTOR)
    assert Promise.objects.count() == 0
    assert Donor.objects.filter(kind="company").count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_match_expected_twice_at_once_is_one_promise_and_one_company() -> None:
    gift, employer = check(builders.donor(name="Bob")), Employer.objects.create(name="Acme Corp")
    assert at_once(3, lambda: matches.expect_match(gift.pk, employer, actor=ACTOR)) == []
    assert (Promise.objects.count(), PromisePart.objects.count()) == (1, 1)
    assert Donor.objects.filter(kind="company").count() == 1


@pytest.mark.django_db(transaction=True)
def test_killed_while_expecting_a_match_no_company_was_made() -> None:
    gift, employer = check(builders.donor(name="Bob")), Employer.objects.create(name="Acme Corp")
    killed(lambda: matches.expect_match(gift.pk, employer, actor=ACTOR))
    assert Promise.objects.count() == 0
    assert Donor.objects.filter(kind="company").count() == 0


# --- by way of a batch -----------------------------------------------------------------------------------------------


def closed(donor: Donor, kind: str, **fields: Any) -> Gift:
    """The gift of a batch of one row, which pays the part it names."""
    builders.campaign()
    sam = User.objects.get(pk=builders.staff("Staff").pk)
    batch = opened(sam, expected_count=1, expected_total=Money(fields["amount_minor"]))
    row = row_of(batch, sam, donor_id=donor.pk, kind=kind, **fields)
    batches.close(batch.pk, sam)
    row.refresh_from_db()
    assert row.gift is not None
    return row.gift


@pytest.mark.django_db(transaction=True)
def test_the_companys_check_in_a_batch_pays_the_match() -> None:
    gift, employer, made = expected()
    match = closed(
        Donor.objects.get(employer=employer),
        "match",
        amount_minor=240_00,
        recognized_id=gift.donor_id,
        promise_part_id=part(made).pk,
    )
    assert (part(made).state, part(made).open) == (State.PARTLY_PAID, Money(10_00))
    assert match.soft_credits.get().donor_id == gift.donor_id
    assert total() == 490_00
    promises.detach(PromisePayment.objects.get().pk, "a later part", ACTOR)
    assert match.soft_credits.get().donor_id == gift.donor_id, "staff had named him with the check"


@pytest.mark.django_db(transaction=True)
def test_a_pledges_check_that_bounces_opens_the_pledge_again() -> None:
    made = pledge()
    paid = closed(made.donor, "check", amount_minor=400_00, promise_part_id=part(made).pk)
    assert part(made).state == State.PAID
    returned.apply(paid.pk, returned.Notice("bounced", clock.today()), finance())
    assert (part(made).state, part(made).open) == (State.OPEN, Money(400_00))
    assert total(made.donor) == 400_00
    assert sum(LedgerEntry.objects.filter(gift=paid).values_list("amount_minor", flat=True)) == 0


@pytest.mark.django_db(transaction=True)
def test_a_batch_whose_row_names_anothers_promise_stays_open() -> None:
    made, bob = pledge(), builders.donor(name="Bob")
    with pytest.raises(batches.CannotClose, match="neither from Alice nor in their name"):
        closed(bob, "check", amount_minor=400_00, promise_part_id=part(made).pk)
    assert (Gift.objects.count(), LedgerEntry.objects.count(), PromisePayment.objects.count()) == (0, 0, 0)
    assert part(made).state == State.OPEN
