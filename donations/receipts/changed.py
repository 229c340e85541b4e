"""What happened to a gift since its first paper: refunds, and the paper that no longer stands. All of it is printed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from donations.models import Gift, Receipt, ReceiptVoid, Refund
from donations.receipts import wording
from nonprofit import clock
from nonprofit.money import Money

REASON = ReceiptVoid.Reason
# Why a paper no longer stands, as its supporter is told on the one that replaces it.
BECAUSE = {
    REASON.BOUNCED: "the bank returned the payment",
    REASON.REFUND: "part of the gift was refunded",
    REASON.DISPUTE_LOST: "part of the gift went back to your bank",
    REASON.WRONG_DONOR: "it was not made out to the right name",
    REASON.WRONG_AMOUNT: "it said a wrong amount",
    REASON.WRONG_DATE: "it said a wrong date",
    REASON.WRONG_BENEFIT: "it did not say rightly what came with the gift",
    REASON.SUPERSEDED: "what it lists has changed since",
    REASON.OTHER: "something on it was not right",
}


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money that went back. on: None where no single refund says the day."""

    amount: Money
    on: date | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """The void paper that a new one takes the place of."""

    number: str
    issued_on: date
    reason: str
    # Whom it was for: somebody else's paper is named on the new one, and nothing more is told of it.
    was_for_another: bool = False

    @property
    def words(self) -> str:
        """What the supporter reads before anything else."""
        if self.was_for_another:
            return ""
        why = BECAUSE[REASON(self.reason)]
        return (
            f"This replaces {self.number} of {wording.in_words(self.issued_on)}, which no longer stands because {why}. "
            "Please use only this one and throw the other away."
        )


def refunds(gift: Gift) -> list[Refunded]:
    """What went back of the gift, the oldest first; no query where nothing did. Together they are what is not kept."""
    if not gift.refunded_minor:
        return []
    done = Refund.objects.filter(gift=gift, state=Refund.State.SUCCEEDED).order_by("refunded_at", "pk")
    found = [Refunded(one.amount, clock.local_date(one.refunded_at or one.requested_at)) for one in done]
    rest = gift.refunded_minor - sum(one.amount.minor for one in found)
    # What a bank took back in a dispute is no refund of ours.
    return [*found, Refunded(Money(rest, gift.currency), None)] if rest > 0 else found


def replaced(receipt: Receipt | None, gift: Gift) -> Replaced | None:
    """What a new paper of the gift would replace: its void one. None where there is none."""
    voided: ReceiptVoid | None = getattr(receipt, "void", None)
    if receipt is None or voided is None:
        return None
    is_other = is_anothers(receipt, gift)
    return Replaced(receipt.number, clock.local_date(receipt.issued_at), voided.reason, is_other)


def is_anothers(receipt: Receipt, gift: Gift) -> bool:
    """Whether the paper was made out to another supporter than the one whose gift it is now."""
    was = receipt.snapshot["donor"].get("id", "")
    return bool(was) and gift.donor is not None and was != gift.donor.public_id


def rows(of_gift: list[list[str]], gift: Gift, refunds: list[Refunded], replaced: Replaced | None) -> list[list[str]]:
    """The facts of the gift, with what was given and what went back behind the amount that is left."""
    first, *others = of_gift
    since: list[list[str]] = []
    if refunds:
        on = f" on {wording.in_words(gift.gift_on)}" if gift.gift_on else ""
        since.append(["Given", f"{gift.amount}{on}"])
        since += [
            ["Refunded", f"{one.amount} on {wording.in_words(one.on)}"] if one.on else ["Taken back", str(one.amount)]
            for one in refunds
        ]
    old = [["Replaces", f"{replaced.number} of {wording.in_words(replaced.issued_on)}"]] if replaced else []
    return [first, *since, *others, *old]


def facts(refunds: list[Refunded], replaced: Replaced | None) -> dict[str, Any]:
    """The same for the snapshot: "refunds" (amount_minor, refunded_on_iso), "replaces" (number, reason, words)."""
    said: dict[str, Any] = {}
    if refunds:
        said["refunds"] = [
            {"amount_minor": one.amount.minor, "refunded_on_iso": one.on.isoformat() if one.on else ""}
            for one in refunds
        ]
    if replaced:
        said["replaces"] = {
            "number": replaced.number,
            "issued_on_iso": replaced.issued_on.isoformat(),
            "reason": replaced.reason,
            "words": replaced.words,
        }
    return said


def says_the_same(printed: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a paper with the facts `now` would tell anything else of its gift than the one that was printed."""
    # The first papers did not keep whose record it was.
    whose = {snapshot["donor"]["id"] for snapshot in (printed, now) if snapshot["donor"].get("id")}
    return len(whose) < 2 and _truth(printed) == _truth(now)


def _truth(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What makes a paper true or false of its gift: who, how much, when, for what, with which sentences.

    A changed address or letterhead is none of it: for those no paper is issued again (receipts.md 2.2, 4).
    """
    gift = snapshot["gift"]
    return {
        "kind": snapshot.get("kind", "tax_cash"),
        "name": snapshot["donor"]["name"],
        "gift": [gift[part] for part in ("id", "amount_minor", "currency", "gift_on_iso", "fund")],
        "recipient": snapshot.get("recipient", {}).get("is", "donor"),
        "description": snapshot.get("description", ""),
        "benefits": snapshot.get("benefits", []),
        "statements": [statement["code"] for statement in snapshot["statements"]],
    }
