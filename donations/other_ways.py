"""The other ways to give, as the pages show them."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from donations.models import Campaign, Way
from nonprofit import markup
from nonprofit.money import Money


@dataclass(frozen=True)
class Section:
    """One way, with its place in the page's address: "match", or "other-7" where its kind is already taken."""

    anchor: str
    title: str
    body: SafeString


def sections() -> list[Section]:
    """The shown ways in their order."""
    found: list[Section] = []
    for way in Way.objects.filter(is_shown=True):
        taken = any(section.anchor == way.kind for section in found)
        anchor = f"{way.kind}-{way.pk}" if taken or way.kind == Way.Kind.OTHER else way.kind
        found.append(Section(anchor, way.title, markup.html(way.body)))
    return found


def slip_amounts() -> list[Money]:
    """What the printed slip suggests: the default campaign's amounts."""
    campaign = Campaign.objects.filter(is_default=True).first()
    return campaign.amounts("once") if campaign else []
