"""Finding gifts and supporters among a million: numbers by their index, people first and then their gifts."""

import re
from dataclasses import dataclass, field

from django.db.models import Model, Q, QuerySet

from donations.models import Donor, Gift, LedgerEntry
from nonprofit.money import Money, MoneyError

# More people than this under one name is no search result but a request to say more.
PEOPLE = 1000
RECEIPT = re.compile(r"^R-(\d{4})-(\d{1,9})$", re.IGNORECASE)
PUBLIC_ID = re.compile(r"^([GD])-(\d{1,15})$", re.IGNORECASE)
AMOUNT = re.compile(r"^\$?\d{1,3}(,?\d{3})*(\.\d{1,2})?$")


@dataclass(slots=True)
class Typed:
    """What was typed into a search box, told apart: numbers of ours and Stripe's, amounts, and words about people."""

    receipts: list[str] = field(default_factory=list)
    gifts: list[int] = field(default_factory=list)
    donors: list[int] = field(default_factory=list)
    stripe_ids: list[str] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def read(text: str) -> Typed:
    """Tell apart what was typed: "Silva $25", "R-2026-142", "G-00000042", "pi_3Abc"."""
    typed = Typed()
    for word in text.replace("\x00", "").split()[:8]:
        if receipt := RECEIPT.match(word):
            typed.receipts.append(f"R-{receipt[1]}-{int(receipt[2]):06d}")
        elif public := PUBLIC_ID.match(word):
            (typed.gifts if public[1].upper() == "G" else typed.donors).append(int(public[2]))
        elif word.startswith(("pi_", "ch_", "py_")):
            typed.stripe_ids.append(word)
        elif AMOUNT.match(word) and (minor := _minor(word)):
            typed.amounts.append(minor)
        else:
            typed.words.append(word)
    return typed


def _minor(word: str) -> int | None:
    try:
        minor = Money.parse(word).minor
    except MoneyError:
        return None
    # Larger than the column holds, it is no amount of a gift.
    return minor if minor < 2**31 else None


def people(words: list[str]) -> tuple[list[int], bool]:
    """Ids of donors whose name or e-mail holds every word, and whether there were more than PEOPLE.

    On the trigram indexes, by the expression that Django's icontains emits. Without records that were merged: what was
    theirs is another's.
    """
    found = Donor.objects.filter(_holds(words, "name", "email"), merged_into__isnull=True).order_by()
    ids = list(found.values_list("pk", flat=True)[: PEOPLE + 1])
    return ids[:PEOPLE], len(ids) > PEOPLE


def gifts(queryset: QuerySet[Gift], text: str, *, by_amount: bool = True) -> tuple[QuerySet[Gift], bool]:
    """The gifts that fit everything typed, and whether more people fitted than were looked at.

    by_amount: False for those who may not see amounts; nothing is found by one then.
    """
    typed, is_cut = read(text), False
    for number in typed.receipts:
        queryset = queryset.filter(receipt__number=number)
    for pk in typed.gifts:
        queryset = queryset.filter(pk=pk)
    for pk in typed.donors:
        queryset = queryset.filter(donor_id=pk)
    for name in typed.stripe_ids:
        charged = LedgerEntry.objects.filter(source=name, kind=LedgerEntry.Kind.GIFT).values_list("gift_id", flat=True)
        queryset = queryset.filter(Q(payment_intent_id=name) | Q(pk__in=list(charged)))
    if typed.amounts and not by_amount:
        return queryset.none(), False
    for minor in typed.amounts:
        queryset = queryset.filter(amount_minor=minor)
    if typed.words:
        ids, is_cut = people(typed.words)
        # Gifts that never settled have no donor: they are found by what was typed with them.
        unpaid = Gift.objects.filter(_holds(typed.words, "donor_name", "donor_email"), donor__isnull=True).order_by()
        loose = list(unpaid.values_list("pk", flat=True)[:PEOPLE])
        queryset = queryset.filter(Q(donor__pk__any=ids) | Q(pk__any=loose))
    return queryset, is_cut


def by_gift(queryset: QuerySet[Model], text: str, *, by_amount: bool = True) -> tuple[QuerySet[Model], bool]:
    """Rows of a table with a `gift`, by the gifts that `gifts` would find; at most PEOPLE of them."""
    if not text.strip():
        return queryset, False
    found, is_cut = gifts(Gift.objects.order_by("-pk"), text, by_amount=by_amount)
    ids = list(found.values_list("pk", flat=True)[: PEOPLE + 1])
    return queryset.filter(gift__pk__any=ids[:PEOPLE]), is_cut or len(ids) > PEOPLE


@dataclass(frozen=True, slots=True)
class Found:
    """Supporters who fit. is_cut: more did than were looked at. is_named: somebody is called that, no need to ask."""

    donors: QuerySet[Donor]
    is_cut: bool = False
    is_named: bool = False


def donors(queryset: QuerySet[Donor], text: str) -> Found:
    """Supporters by name, e-mail, number, or the number of a gift or receipt of theirs."""
    typed = read(text)
    has_numbers = bool(typed.receipts or typed.gifts or typed.donors)
    for number in typed.receipts:
        queryset = queryset.filter(pk__in=Gift.objects.filter(receipt__number=number).values("donor_id"))
    for pk in typed.gifts:
        queryset = queryset.filter(pk__in=Gift.objects.filter(pk=pk).values("donor_id"))
    if typed.donors:
        queryset = queryset.filter(pk__in=typed.donors)
    # Nobody is found by an amount, but a house number or "2nd" may stand in a name.
    words = [*typed.words, *[word for word in text.split() if AMOUNT.match(word)], *typed.stripe_ids]
    if not words:
        return Found(queryset)
    ids, is_cut = people(words)
    return Found(queryset.filter(pk__any=ids), is_cut, is_named=bool(ids) and not has_numbers)


def _holds(words: list[str], *columns: str) -> Q:
    every = Q()
    for word in words:
        some = Q()
        for column in columns:
            some |= Q(**{f"{column}__icontains": word})
        every &= some
    return every
