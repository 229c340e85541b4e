"""Thanks to the employee whose gift a company or its foundation matched; the paper is the company's (rule 33)."""

from donations.models import Donor, Gift, SoftCredit
from donations.receipts import terms, wording
from donations.rules import documents
from nonprofit import mail, organization
from nonprofit.models import OutgoingEmail

KEY = "matched:"


def thank(gift: Gift) -> None:
    """Each matched employee with an e-mail address is thanked, without a number and without a word on taxes but one.

    A portal's match is thanked by its paper, so nothing is done here. Call inside the settling transaction; safe twice.
    """
    if gift.kind != Gift.Kind.MATCH or gift.donor is None or gift.donor.kind == Donor.Kind.DAF_SPONSOR:
        return
    for credit in gift.soft_credits.filter(role=SoftCredit.Role.EMPLOYEE).select_related("donor"):
        if credit.donor.email:
            _queue(gift, credit)


def _queue(gift: Gift, credit: SoftCredit) -> None:
    who = organization.get()
    facts = {
        "name": credit.donor.name,
        "salutation": f"{(credit.donor.salutation or f'Dear {credit.donor.name}').rstrip(',')},",
        "company": gift.donor_name,
        "amount": str(gift.amount),
        "gift_on": wording.in_words(gift.gift_on) if gift.gift_on else "",
        "fund": gift.fund.name,
        "statement": terms.library().say("S4", {"organization": who.legal_name, "payer": gift.donor_name}).text,
        "signatory_name": who.signatory_name,
        "signatory_title": who.signatory_title,
    }
    mail.queue(f"{KEY}{gift.pk}:{credit.pk}", credit.donor.email or "", "receipt_matched", {"match": facts})


def stop(gift: Gift, why: str) -> int:
    """Thanks for this gift that were not sent yet never leave; how many. Call inside the transaction."""
    waiting = OutgoingEmail.objects.filter(key__startswith=f"{KEY}{gift.pk}:", status=OutgoingEmail.Status.QUEUED)
    return sum(mail.stop(pk, why) for pk in waiting.values_list("pk", flat=True))


@mail.before_sending
def _still_wanted(email: OutgoingEmail) -> str:
    """Thanks are a courtesy: the dead and people who want no contact get none (rule 83), nor who is not meant now."""
    if not email.key.startswith(KEY):
        return ""
    credit = SoftCredit.objects.select_related("donor").filter(pk=email.key.rpartition(":")[2]).first()
    if credit is None:
        return "they are thanked for this match no more"
    if documents.may_leave(
        "thank_you",
        is_deceased=credit.donor.is_deceased,
        is_not_contacted=credit.donor.is_not_contacted,
        is_not_mailed=credit.donor.is_not_mailed,
        on_paper=False,
    ):
        return ""
    return "the supporter's record says so"
