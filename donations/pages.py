"""The giving page's unchanging parts, rendered once per change of content and kept in this process."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from donations.countries import COUNTRIES
from donations.models import Campaign, Fund, Gift
from donations.rules import consent
from nonprofit import markup, organization
from nonprofit.models import Organization

# What stands in the kept page where each visitor's own token and attempt go.
CSRF, ATTEMPT = "@@csrf@@", "@@attempt@@"


@dataclass(frozen=True)
class Page:
    """A campaign's page at one version of the content."""

    version: int
    organization: Organization
    campaign: Campaign
    funds: tuple[Fund, ...]
    pieces: tuple[str, ...] = ()

    def blank(self, csrf: str, attempt: str) -> str:
        """The page with an empty form for one visitor."""
        return "".join({CSRF: csrf, ATTEMPT: attempt}.get(piece, piece) for piece in self.pieces)


_kept: dict[str, Page] = {}


def forget() -> None:
    """Drop what this process keeps; for whoever puts another database under it."""
    _kept.clear()


def get(slug: str, request: HttpRequest) -> Page:
    """The page of a campaign, or of the default one. One query while nothing changed. Raises Http404."""
    who = organization.get()
    kept = _kept.get(slug)
    if kept is None or kept.version != who.content_version:
        kept = _make(slug, who, request)
        _kept[slug] = kept
    return kept


def _make(slug: str, who: Organization, request: HttpRequest) -> Page:
    found = Campaign.objects.filter(is_open=True).select_related("fund")
    campaign = (found.filter(slug=slug) if slug else found.filter(is_default=True)).first()
    if campaign is None:
        raise Http404("no open campaign of that name")
    page = Page(who.content_version, who, campaign, tuple(Fund.objects.filter(is_offered=True)))
    html = render_to_string("donations/give.html", {**context(page), "csrf": CSRF, "attempt": ATTEMPT})
    return Page(page.version, who, campaign, page.funds, _split(html))


def _split(html: str) -> tuple[str, ...]:
    pieces: list[str] = []
    for part in html.split(CSRF):
        for inner in part.split(ATTEMPT):
            pieces += [inner, ATTEMPT]
        pieces[-1] = CSRF
    return tuple(pieces[:-1])


def context(page: Page) -> dict[str, object]:
    """What donations/give.html shows, with an empty form."""
    campaign = page.campaign
    return {
        "organization": page.organization,
        "campaign": campaign,
        "funds": page.funds if len(page.funds) > 1 else (),
        "frequencies": [
            (value, SHORT[value], [(money, index == 1) for index, money in enumerate(campaign.amounts(value))])
            for value in Gift.Frequency.values
        ],
        "countries": countries("US"),
        "intro": markup.html(campaign.intro),
        "about_money": markup.html(campaign.about_money),
        "consents": {
            frequency: consent.text(organization=page.organization.name, amount="{amount}", frequency=frequency)
            for frequency in consent.EVERY
        },
        "first_amount": campaign.amounts("once")[:2][-1],
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "typed": {},
        "errors": {},
        "frequency": "once",
    }


SHORT = {"once": "Once", "monthly": "Monthly", "yearly": "Yearly"}


@cache
def countries(chosen: str) -> SafeString:
    """The options of the country list, in one string: Django would render a template for each of them."""
    options = (
        f'<option value="{code}"{" selected" if code == chosen else ""}>{name}</option>' for code, name in COUNTRIES
    )
    return SafeString("".join(options))
