"""Where a difference leads: the page of the row that it is about."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.models import BalanceTransaction, Difference, Gift, LedgerEntry, Payout, Receipt
from nonprofit.admin_parts import url_of


def lead(row: Difference) -> str:
    """The address of the page that shows what the difference is about; "" where there is none."""
    what, _, rest = row.key.partition(":")
    name = rest.partition(":")[0]
    match what:
        case "movement":
            found = BalanceTransaction.objects.filter(stripe_id=name).first()
        case "line":
            source, _, kind = rest.rpartition(":")
            line = LedgerEntry.objects.filter(source=source, kind=kind).first()
            return url_of(line) if line else ""
        case "payout" | "payout-line" | "bank-payout":
            payout = Payout.objects.filter(stripe_payout_id=name).first()
            return url_of(payout) if payout else ""
        case "deposit":
            return reverse("admin:donations_batch_summary", args=[int(name)])
        case "bank-line":
            return reverse("admin:donations_bankline_change", args=[int(name)])
        case "no-receipt":
            gift = Gift.objects.filter(pk=int(name)).first()
            return url_of(gift) if gift else ""
        case "receipt":
            receipt = Receipt.objects.filter(number=name).first()
            return url_of(receipt) if receipt else ""
        case _:
            return ""
    return url_of(found) if found else ""


def link_to(url: str, text: str) -> SafeString | str:
    """The text as a link, or alone where there is no address."""
    return format_html('<a href="{}">{}</a>', url, text) if url else text
