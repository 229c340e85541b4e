"""The other ways to give, as the pages show them."""

from dataclasses import dataclass

import segno
from django.db.models import Exists, OuterRef
from django.utils.safestring import SafeString

from donations.models import AccountDetail, Campaign, Donor, Way
from donations.rules import slip_code
from nonprofit import markup
from nonprofit.money import Money


@dataclass(frozen=True)
class Section:
    """One way, with its place in the page's address: "match", or "other-7" where its kind is already taken."""

    anchor: str
    title: str
    body: SafeString
    way_id: int
    has_details: bool


def sections() -> list[Section]:
    """The shown ways in their order."""
    found: list[Section] = []
    with_details = AccountDetail.objects.filter(way=OuterRef("pk"))
    for way in Way.objects.filter(is_shown=True).annotate(has_details=Exists(with_details)):
        taken = any(section.anchor == way.kind for section in found)
        anchor = f"{way.kind}-{way.pk}" if taken or way.kind == Way.Kind.OTHER else way.kind
        found.append(Section(anchor, way.title, markup.html(way.body), way.pk, way.has_details))
    return found


@dataclass(frozen=True)
class Slip:
    """What a printed reply slip says. code: read back by staff when it comes home; square: the same as a QR code."""

    amounts: list[Money]
    code: str
    square: SafeString
    donor: Donor | None


def slip(slug: str = "", donor: Donor | None = None) -> Slip | None:
    """The slip of a campaign, or of the default one; a supporter's own carries their number. None without campaign."""
    found = Campaign.objects.filter(slug=slug) if slug else Campaign.objects.filter(is_default=True)
    campaign = found.filter(is_open=True).first()
    if campaign is None:
        return None
    code = str(slip_code.SlipCode(donor.pk if donor else 0, campaign.code))
    drawn = segno.make_qr(code, error="m").svg_inline(border=2, dark="#000", light="#fff", omitsize=True)
    return Slip(campaign.amounts("once"), code, SafeString(drawn), donor)  # nosec B703 - drawn from our own code
