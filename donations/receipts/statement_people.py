"""Who gets a yearly statement and how it reaches them: querysets behind each count of a run, and its lists."""

from collections.abc import Callable, Mapping

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from donations.models import AnnualStatement, Donor, Gift, ReceiptDue, Reversal, SoftCredit, StatementDue
from donations.receipts import statement_facts
from donations.rules import statements

Kind = Donor.Kind
# Who asked for paper gets paper where mail may and can reach them (`Donor.is_on_paper`).
WISH = Q(receipts=Donor.Receipts.PAPER, is_not_mailed=False) & ~Q(address_line1="")
ON_EMAIL = Q(email__isnull=False) & ~WISH


def stated(year: int) -> QuerySet[Gift]:
    """Gifts of the year that a statement lists: also what went back, but nothing entered wrongly or in dispute."""
    booked = Gift.objects.between(*statement_facts.days(year)).filter(status__in=statement_facts.BOOKED)
    return booked.exclude(status=Gift.Status.DISPUTED).exclude(reversal__reason=Reversal.Reason.WRONG_ENTRY)


def can_be_told() -> QuerySet[Donor]:
    """Supporters who get statements at all (domain rules 24, 79)."""
    wants_none = Q(wants_no_letter=True, kind__in=[Kind.FOUNDATION, Kind.GOVERNMENT])
    return Donor.objects.current().exclude(kind__in=statements.WITHOUT).exclude(wants_none)


def everyone(year: int) -> QuerySet[Donor]:
    """Supporters with something to state of the year, their own or others' gifts they are thanked for."""
    own = stated(year).filter(donor=OuterRef("pk"))
    thanked = SoftCredit.objects.filter(
        donor=OuterRef("pk"), gift__gift_on__range=statement_facts.days(year), gift__status=Gift.Status.SETTLED
    ).exclude(gift__donor=F("donor"))
    return can_be_told().filter(Exists(own) | Exists(thanked))


def without_one(year: int) -> QuerySet[Donor]:
    """Those of them who have had no statement of the year yet."""
    return everyone(year).exclude(Exists(AnnualStatement.objects.filter(donor=OuterRef("pk"), year=year)))


def by_email(year: int) -> QuerySet[Donor]:
    return without_one(year).filter(ON_EMAIL, is_deceased=False, is_not_contacted=False)


def on_paper(year: int) -> QuerySet[Donor]:
    """No e-mail or a wish for paper, and a postal address, their own or given with a gift."""
    may = without_one(year).filter(~ON_EMAIL, is_deceased=False, is_not_contacted=False, is_not_mailed=False)
    return may.filter(~Q(address_line1="") | Exists(_addressed(year)))


def nowhere(year: int) -> QuerySet[Donor]:
    """Nothing may or can reach them: the statement is made, stands in the portal, and does not leave."""
    is_quiet = Q(is_deceased=True) | Q(is_not_contacted=True)
    no_mail = Q(email__isnull=True)
    unaddressed = Q(address_line1="") & ~Q(Exists(_addressed(year)))
    return without_one(year).filter(is_quiet | no_mail & (Q(is_not_mailed=True) | unaddressed))


def _addressed(year: int) -> QuerySet[Gift]:
    return stated(year).filter(donor=OuterRef("pk")).exclude(address_line1="")


def held(year: int) -> QuerySet[Donor]:
    """A receipt of theirs is still due; their statement waits for it."""
    due = ReceiptDue.objects.filter(gift__donor=OuterRef("pk"), gift__in=stated(year))
    return without_one(year).filter(Exists(due))


# ---- Gifts ----------------------------------------------------------------------------------------------------------


def disputed(year: int) -> QuerySet[Gift]:
    """Left out while a bank looks into the payment (domain rule 54)."""
    return Gift.objects.between(*statement_facts.days(year)).filter(status=Gift.Status.DISPUTED)


def unreceipted(year: int) -> QuerySet[Gift]:
    """Listed without a number: no receipt of ours, none to come, and none of a former platform's known."""
    found = stated(year).filter(
        receipt__isnull=True, receipt_due__isnull=True, status=Gift.Status.SETTLED, donor__in=can_be_told()
    )
    return found.exclude(origin__receipt_number__gt="")


People = Callable[[int], QuerySet[Donor]]
Gifts = Callable[[int], QuerySet[Gift]]
# What a run's page counts, in its order: code → (words, what it means, who or which).
PEOPLE: Mapping[str, tuple[str, str, People]] = {
    "statements": ("statements", "supporters with something to state, who had none yet", without_one),
    "email": ("by e-mail", "", by_email),
    "paper": ("in print runs", "no e-mail address, but a postal one", on_paper),
    "nowhere": ("reach nobody", "made and kept for the portal; a record says so, or no address is known", nowhere),
    "held": ("wait for a receipt", "theirs is made when the receipt is", held),
}
GIFTS: Mapping[str, tuple[str, str, Gifts]] = {
    "disputed": ("gifts left out", "a bank is looking into the payment", disputed),
    "unreceipted": ("gifts without a receipt", "listed without a number", unreceipted),
}


def troubled(year: int) -> QuerySet[StatementDue]:
    """Who waits with a reason, once the run has begun."""
    return StatementDue.objects.filter(year=year).exclude(trouble="").select_related("donor").order_by("pk")
