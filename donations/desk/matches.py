"""Employer matches: expected from a supporter's gift, the company's promise and never the employee's (rules 33, 34)."""

import uuid
from datetime import date

from django.db import transaction

from donations.desk.promises import CannotPromise, Promised, promise
from donations.models import Donor, Employer, Gift, Promise
from donations.rules.instalments import Schedule
from nonprofit import audit, clock
from nonprofit.money import Money

# Names the promise of one company for one gift, so that asking twice is one promise.
_MATCH = uuid.UUID("5f3f3d0e-58a4-4c5e-9d5c-0f6c8f1f7a33")


@transaction.atomic
def expect_match(
    gift_id: int,
    employer: Employer,
    *,
    amount: Money | None = None,
    expected_on: date | None = None,
    description: str = "",
    actor: str,
) -> Promise:
    """The company's match of this gift is expected, with one part, until its check pays it.

    amount: the gift's own unless the company matches otherwise. Locks the gift and the employer. Safe twice and twice
    at once: a company matches a gift once. Raises CannotPromise.
    """
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor", "fund", "campaign").get(pk=gift_id)
    if gift.status != Gift.Status.SETTLED or gift.donor is None:
        raise CannotPromise(f"{gift.public_id} has not been received, so nobody can match it yet.")
    if gift.kind == Gift.Kind.MATCH:
        raise CannotPromise(f"{gift.public_id} is a match itself.")
    if amount is None and gift.is_property:
        raise CannotPromise("The gift is property. Say how much the company will give.")
    company = _company(employer, actor)
    if company.pk == gift.donor_id:
        raise CannotPromise("The gift is the company's own.")
    before = Promise.objects.filter(matched_gift=gift, donor=company).first()
    if before is not None:
        return before
    made = promise(
        Promised(
            attempt=uuid.uuid5(_MATCH, f"{gift.pk}-{company.pk}"),
            kind=Promise.Kind.MATCH,
            donor=company,
            amount=amount or gift.amount,
            schedule=Schedule(first_on=expected_on),
            fund=gift.fund,
            campaign=gift.campaign,
            promised_on=clock.today(),
            description=description,
            matched_gift=gift,
        ),
        actor=actor,
    )
    audit.record(actor, "expect match", gift, after={"promise": made.pk})
    return made


@transaction.atomic
def employer_named(name: str, actor: str) -> Employer:
    """The company of that name, in whatever case it is written; made if nobody knew it. Safe twice and at once."""
    found, is_new = Employer.objects.get_or_create(name__iexact=name.strip(), defaults={"name": name.strip()})
    if is_new:
        audit.record(actor, "add employer", found, after={"name": found.name})
    return found


def _company(employer: Employer, actor: str) -> Donor:
    """The company as a donor: it is the legal donor of its check. Made when the first match of it is expected."""
    locked = Employer.objects.select_for_update(of=("self",)).select_related("donor").get(pk=employer.pk)
    if locked.donor is None:
        locked.donor = Donor.objects.create(kind=Donor.Kind.COMPANY, name=locked.name)
        locked.save(update_fields=["donor"])
        audit.record(actor, "add supporter for employer", locked.donor, after={"employer": locked.pk})
    return locked.donor
