"""On a supporter's page in the admin: their membership, and the newsletters that go to their mailboxes."""

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.models import Donor
from members import memberships
from members.models import Membership, NewsletterSubscription, NewsletterSuppression
from nonprofit.admin_parts import Column, Panel, link, may, on_page, url_of

SEES_MEMBERSHIP = "members.view_membership"
SEES_LISTS = "members.view_newslettersubscription"
SEES_MAILBOXES = "members.view_newslettersuppression"


@on_page(Donor)
def membership(request: HttpRequest, donor: Donor) -> list[Panel]:
    """How they stand as a member, at which level, through when and why."""
    if not may(request, SEES_MEMBERSHIP):
        return []
    columns = [Column(name) for name in ("State", "Level", "Member through", "Since", "Why")]
    row = Membership.objects.filter(donor=donor).select_related("level").first()
    if row is None:
        return [Panel("Membership", columns, [], "Not a member.")]
    memberships.as_of_today(row)
    more = format_html('<a href="{}">The membership</a>', url_of(row))
    why = " ".join(one["text"] for one in row.why)
    if row.state == Membership.State.NEVER:
        return [Panel("Membership", columns, [], f"Not a member. {why}".strip(), more=more)]
    through = "for life" if row.is_for_life else row.current_through
    level = memberships.headline(row).words
    rows = [(row.get_state_display(), level, through, row.rejoined_on or row.joined_on, why)]
    return [Panel("Membership", columns, rows, "", more=more)]


@on_page(Donor)
def newsletters(request: HttpRequest, donor: Donor) -> list[Panel]:
    """What each of their addresses is on, how far its consent is proven, and whether its mailbox said no."""
    if not may(request, SEES_LISTS):
        return []
    emails = [donor.email] if donor.email else []
    emails += donor.further_emails.order_by("pk").values_list("email", flat=True)
    sees_mailboxes = may(request, SEES_MAILBOXES)
    silent = _silent(emails) if sees_mailboxes else {}
    subscriptions = list(NewsletterSubscription.objects.filter(email__in=emails).order_by("email", "purpose"))
    rows: list[tuple[object, ...]] = [
        (one.get_purpose_display(), link(one, one.get_status_display()), one.source, one.changed_at)
        for one in subscriptions
    ]
    whose = [one.email for one in subscriptions]
    alone = [email for email in silent if email not in whose]
    columns = ["E-mail", "List", "Consent", "Where", "Since", *(["Mailbox"] if sees_mailboxes else [])]
    lines = [
        (email, *row, *([silent.get(email, "—")] if sees_mailboxes else []))
        for email, row in zip([*whose, *alone], [*rows, *[("—",) * 4] * len(alone)], strict=True)
    ]
    empty = "On no list." if emails else "We know no e-mail of theirs."
    return [Panel("Newsletters", [Column(name) for name in columns], lines, empty)]


def _silent(emails: list[str]) -> dict[str, SafeString | str]:
    """Mailboxes that get no newsletter, whatever was ticked."""
    held = NewsletterSuppression.objects.filter(email__in=emails, lifted_at=None)
    return {one.email: link(one, f"no letters: {one.get_reason_display()}") for one in held}
