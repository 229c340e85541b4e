"""Panels about promises: on their own pages, and on those of the supporters and gifts they belong to."""

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from donations.admin.promise_rights import ADD, CHANGE, VIEW, WRITE_OFF, shown
from donations.desk import promises
from donations.models import Donor, Gift, PartWriteOff, Promise, PromisePart, PromisePayment
from donations.rules import instalments
from donations.rules.instalments import State
from nonprofit import clock
from nonprofit.admin_parts import Column, Panel, actors, link, may, on_page
from nonprofit.money import Money

NO_FIGURE = "no figure"
NEWEST = 50


def received(part: PromisePart) -> Money | str:
    """What came for it; property is named and not added."""
    if part.paid_count and not part.paid_minor:
        return "shares or goods"
    return part.paid or "—"


def parts(request: HttpRequest, of: list[PromisePart]) -> Panel:
    """Each part with how it stands and what may be done with it."""
    numbers = [Column(name, is_number=True) for name in ("Promised", "Received", "Still open")]
    rows = [
        (
            part.due_on or "no date",
            part.amount or NO_FIGURE,
            received(part),
            part.open or "—",
            _stands(part),
            _ways(request, part),
        )
        for part in of
    ]
    return Panel("Parts", [Column("Due"), *numbers, Column("Stands"), Column("Do")], rows, "No part.")


def _stands(part: PromisePart) -> str:
    state = str(part.state)
    if part.state == State.WRITTEN_OFF:
        state += f" on {part.written_off_on:%b %-d, %Y}: {part.write_off_reason}"
    elif part.open_or_unknown and instalments.when(part.due_on, clock.today()) == "overdue":
        state = "overdue" if part.state == State.OPEN else f"{state}, overdue"
    if part.link_sent_at and part.open:
        state += f"; link sent {clock.local_date(part.link_sent_at):%b %-d, %Y}"
    return state


def _ways(request: HttpRequest, part: PromisePart) -> SafeString | str:
    """Links to the pages that do something with this part."""
    ways: list[tuple[str, str]] = []
    if part.written_off_on is not None:
        ways += [("take_back", "Expect it again")] if may(request, WRITE_OFF) else []
    else:
        if may(request, CHANGE):
            ways += [("send_link", "Send a payment link")] if promises.may_be_linked(part) else []
            ways += [("paid_by", "A gift paid it"), ("change_part", "Change")]
        if may(request, WRITE_OFF) and part.open_or_unknown:
            ways.append(("write_off_part", "Write off"))
    of = f"the part due {part.due_on}" if part.due_on else "the part without a date"
    links = (
        (reverse(f"admin:donations_promise_{name}", args=[part.pk]), f"{label}: {of}", label) for name, label in ways
    )
    return format_html_join(" · ", '<a href="{}" aria-label="{}">{}</a>', links) or "—"


def payments(request: HttpRequest, made: Promise) -> Panel:
    """Gifts that pay it, that were to pay it, and that came back."""
    columns = [Column("Gift"), Column("Date"), Column("From"), Column("For the part"), Column("State")]
    found = PromisePayment.objects.filter(part__promise=made).select_related("gift__donor", "part").order_by("pk")
    rows = []
    for payment in found:
        gift, may_change = payment.gift, may(request, CHANGE)
        detach = reverse("admin:donations_promise_detach", args=[payment.pk])
        rows.append(
            (
                link(gift, gift.public_id),
                gift.gift_on or "—",
                gift.donor_name,
                payment.part.due_on or "no date",
                gift.get_status_display() + (", sponsor's papers looked at" if payment.papers_checked_by else ""),
                gift.get_kind_display() if gift.is_property else gift.amount,
                format_html('<a href="{}">Not this one</a>', detach) if may_change else "—",
            )
        )
    columns += [Column("Amount", is_number=True), Column("Do")]
    return Panel("Gifts that pay it", columns, rows, "No gift has come for it yet.")


def write_offs(events: list[PartWriteOff]) -> Panel:
    """Every write-off, and every one taken back."""
    names = actors([event.actor for event in events])
    columns = [Column("On"), Column("What"), Column("Part due"), Column("Why"), Column("Who")]
    rows = [
        (
            event.on,
            event.get_deed_display(),
            event.part.due_on or "no date",
            event.reason,
            names[event.actor],
            "—" if event.amount_minor is None else Money(event.amount_minor, event.part.promise.currency),
        )
        for event in events
    ]
    return Panel("Write-offs", [*columns, Column("Amount", is_number=True)], rows, "")


@on_page(Donor)
def promises_of(request: HttpRequest, donor: Donor) -> list[Panel]:
    """On a supporter's page: what they promised, and what employers promised to match of theirs."""
    if not may(request, VIEW):
        return []
    whose = shown(request).filter(Q(donor=donor) | Q(matched_gift__donor=donor))
    parts = PromisePart.objects.filter(promise__in=whose).with_paid()
    columns = [Column("Promise"), Column("From"), Column("Due"), Column("Stands")]
    columns += [Column("Promised", is_number=True), Column("Still open", is_number=True)]
    rows = [
        (
            link(one.promise),
            one.promise.donor.name,
            one.due_on or "no date",
            _stands(one),
            one.amount or NO_FIGURE,
            one.open or "—",
        )
        for one in parts.select_related("promise__donor").order_by("-promise_id", "due_on", "pk")[:NEWEST]
    ]
    url = reverse("admin:donations_promise_new_of", args=[donor.pk])
    more = format_html('<a href="{}">New promise</a>', url) if may(request, ADD) else ""
    return [Panel("Promises, not counted as received", columns, rows, "Nothing is promised.", more=more)]


@on_page(Gift)
def promises_around(request: HttpRequest, gift: Gift) -> list[Panel]:
    """On a gift's page: the promise it pays, the matches it may bring, and whose it is if nobody knows."""
    if not may(request, VIEW):
        return []
    columns = [Column("Promise"), Column("From"), Column("How"), Column("Stands")]
    pays = PromisePart.objects.filter(payments__gift=gift, promise__in=shown(request))
    matched = PromisePart.objects.filter(promise__matched_gift=gift)
    rows = [
        (link(part.promise), part.promise.donor.name, how, _stands(part))
        for how, found in (("this gift pays it", pays), ("matches this gift", matched))
        for part in found.with_paid().select_related("promise__donor")
    ]
    ways = []
    if gift.status == Gift.Status.SETTLED and gift.kind != Gift.Kind.MATCH and may(request, ADD):
        ways.append((reverse("admin:donations_promise_match", args=[gift.pk]), "Expect an employer's match"))
    if gift.donor and gift.donor.kind == Donor.Kind.UNKNOWN and may(request, CHANGE):
        ways.append((reverse("admin:donations_promise_whose", args=[gift.pk]), "Whose gift is this?"))
    more = format_html_join(" · ", '<a href="{}">{}</a>', ways)
    return [Panel("Promises", columns, rows, "It pays no promise, and no match is expected.", more=more)]
