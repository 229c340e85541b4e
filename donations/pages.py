"""The giving page's unchanging parts, rendered once per change of content and kept in this process."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from donations.countries import CODES, COUNTRIES
from donations.forms import total_with_fee
from donations.models import Campaign, Fund, Gift
from donations.rules import consent
from nonprofit import markup, organization
from nonprofit.models import Organization
from nonprofit.money import SYMBOLS, places

# What stands in the kept page where each visitor's own token and attempt go.
CSRF, ATTEMPT = "@@csrf@@", "@@attempt@@"
SHORT = {"once": "Once", "monthly": "Monthly", "yearly": "Yearly"}


@dataclass(frozen=True)
class Page:
    """A campaign's page at one version of the content."""

    organization: Organization
    campaign: Campaign
    funds: tuple[Fund, ...]
    html: str = ""

    def blank(self, csrf: str, attempt: str) -> str:
        """The page with an empty form for one visitor."""
        return self.html.replace(CSRF, csrf).replace(ATTEMPT, attempt)


_kept: dict[str, Page] = {}


def forget() -> None:
    """Drop what this process keeps; for whoever puts another database under it."""
    _kept.clear()


def get(slug: str) -> Page:
    """The page of a campaign, or of the default one. One query while nothing changed. Raises Http404."""
    try:
        who = organization.get()
    except Organization.DoesNotExist as error:
        raise Http404("nobody has said yet who we are") from error
    kept = _kept.get(slug)
    if kept is None or kept.organization.content_version != who.content_version:
        kept = _kept[slug] = _make(slug, who)
    return kept


def _make(slug: str, who: Organization) -> Page:
    found = Campaign.objects.filter(is_open=True).select_related("fund")
    campaign = (found.filter(slug=slug) if slug else found.filter(is_default=True)).first()
    if campaign is None:
        raise Http404("no open campaign of that name")
    page = Page(who, campaign, tuple(Fund.objects.filter(is_offered=True)))
    html = render_to_string("donations/give.html", {**context(page, {}), "csrf": CSRF, "attempt": ATTEMPT})
    return Page(who, campaign, page.funds, html)


def context(page: Page, typed: dict[str, str]) -> dict[str, object]:
    """What donations/give.html shows: the campaign's page with what has been typed so far."""
    campaign = page.campaign
    first = [campaign.minimum, *campaign.amounts("once")][:3][-1]
    return {
        "organization": page.organization,
        "campaign": campaign,
        "address": address(campaign),
        "funds": page.funds if len(page.funds) > 1 else (),
        "frequencies": [
            (value, SHORT[value], [(money, index == 1) for index, money in enumerate(campaign.amounts(value))])
            for value in Gift.Frequency.values
        ],
        "countries": countries(next(c for c in (typed.get("country"), page.organization.country, "US") if c in CODES)),
        "intro": markup.html(campaign.intro),
        "about_money": markup.html(campaign.about_money),
        "consents": {
            frequency: consent.text(organization=page.organization.name, amount="{amount}", frequency=frequency)
            for frequency in consent.EVERY
        },
        "symbol": SYMBOLS.get(campaign.currency, campaign.currency.upper()),
        "has_cents": places(campaign.currency) > 0,
        "first": first,
        "first_with_fee": total_with_fee(first, campaign),
        "first_fee": total_with_fee(first, campaign) - first,
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "typed": typed,
        "frequency": typed.get("frequency") or "once",
        "errors": {},
    }


def address(campaign: Campaign) -> str:
    """Where the campaign's form is and is sent to."""
    return reverse("donations:give") if campaign.is_default else reverse("donations:campaign", args=[campaign.slug])


@cache
def countries(chosen: str) -> SafeString:
    """The options of the country list, in one string: Django would render a template for each of them."""
    options = (f'<option value="{code}"{" selected" * (code == chosen)}>{name}</option>' for code, name in COUNTRIES)
    return SafeString("".join(options))  # nosec B703 - constant names of our own
