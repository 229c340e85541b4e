"""What the desk recorded of a gift: what it was, the facts of its kind, whom else to thank, and where it came in."""

from django.http import HttpRequest

from donations import offline
from donations.models import Gift, GiftDetail
from donations.receipts import wording
from donations.rules import kinds
from nonprofit.admin_parts import Column, Panel, link, may
from nonprofit.money import Money


def given(gift: Gift) -> Money | str:
    """The amount; of property what it is, in words, for it has no amount. Wants `detail` fetched along."""
    return gift.amount if not gift.is_property else wording.description(gift, detail(gift)) or gift.get_kind_display()


def detail(gift: Gift) -> GiftDetail | None:
    """What staff recorded; None for gifts of the giving page."""
    found: GiftDetail | None = getattr(gift, "detail", None)
    return found


def facts_panel(request: HttpRequest, gift: Gift, recorded: GiftDetail) -> Panel:
    """The facts of its kind as recorded, the date's reason, its batch and the platform it came from."""
    rows: list[tuple[object, object]] = [
        (offline.label(name).capitalize(), value)
        for name in kinds.KINDS[gift.kind].asks
        if (value := _words(gift, recorded, name)) not in (None, "")
    ]
    if recorded.date_reason:
        rule = f" (by the rule: {recorded.proposed_gift_on})" if recorded.proposed_gift_on else ""
        rows.append(("Why this gift date", f"{recorded.date_reason}{rule}"))
    if recorded.batch:
        name = recorded.batch.public_id
        rows.append(("Batch", link(recorded.batch, name) if may(request, "donations.view_batch") else name))
    if origin := getattr(gift, "origin", None):
        rows.append(("Came from", f"{origin.source}, {origin.external_id}"))
        if origin.receipt_number:
            rows.append(("Receipted there as", origin.receipt_number))
    return Panel("As recorded", [Column("What"), Column("Fact")], rows, "Nothing but the gift itself was recorded.")


def _words(gift: Gift, recorded: GiftDetail, name: str) -> object:
    """The fact as people read it."""
    value = getattr(recorded, name)
    if value is None:
        return None
    if name == "internal_value_minor":
        return Money(value, gift.currency)
    if name == "quantity":
        return wording.amount_of(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return recorded.get_sent_by_display() if name == "sent_by" else value


def credits_panel(gift: Gift) -> Panel | None:
    """Whom to thank beside the legal donor; None when that is nobody."""
    rows = [
        (link(credit.donor), credit.get_role_display())
        for credit in gift.soft_credits.select_related("donor").order_by("pk")
    ]
    return Panel("To thank as well", [Column("Supporter"), Column("As")], rows, "") if rows else None
