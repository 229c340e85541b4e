"""The giving page's unchanging parts, rendered once per change of content and kept in this process."""

from dataclasses import dataclass, replace
from functools import cache

from django.conf import settings
from django.http import Http404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from donations.countries import CODES, COUNTRIES
from donations.forms import DECLINED, SHOWN
from donations.models import Benefit, Campaign, Fund, Gift
from donations.rules import consent
from nonprofit import markup, organization
from nonprofit.models import Organization
from nonprofit.money import SYMBOLS, Money, places

# What stands in the kept page where each visitor's own token and attempt go.
CSRF, ATTEMPT = "@@csrf@@", "@@attempt@@"
SHORT = {"once": "Once", "monthly": "Monthly", "yearly": "Yearly"}


@dataclass(frozen=True)
class Page:
    """A campaign's page at one version of the content."""

    organization: Organization
    campaign: Campaign
    funds: tuple[Fund, ...]
    benefits: tuple[Benefit, ...] = ()
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
    offered = campaign.benefits.filter(is_offered=True).order_by("from_minor", "pk")
    page = Page(who, campaign, tuple(Fund.objects.filter(is_offered=True)), tuple(offered))
    html = render_to_string("donations/give.html", {**context(page, {}), "csrf": CSRF, "attempt": ATTEMPT})
    return replace(page, html=html)


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
            for value in Gift.ASKED_FOR
        ],
        "benefits": [_offer(one, campaign.currency, typed) for one in page.benefits],
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
        "first_with_fee": campaign.with_fee(first),
        "first_fee": campaign.with_fee(first) - first,
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "typed": typed,
        "frequency": typed.get("frequency") or "once",
        "errors": {},
    }


def _offer(benefit: Benefit, currency: str, typed: dict[str, str]) -> dict[str, object]:
    """What comes with gifts from some size on, as the page says it; worth: None where nobody could buy it."""
    return {
        "shown": SHOWN.format(benefit.pk),
        "declined": DECLINED.format(benefit.pk),
        "is_declined": bool(typed.get(DECLINED.format(benefit.pk))),
        "description": benefit.description,
        "from_minor": benefit.from_minor,
        "from": Money(benefit.from_minor, currency),
        "worth": Money(benefit.value_minor, currency) if benefit.value_minor else None,
    }


def address(campaign: Campaign) -> str:
    """Where the campaign's form is and is sent to."""
    return reverse("donations:give") if campaign.is_default else reverse("donations:campaign", args=[campaign.slug])


@cache
def countries(chosen: str) -> SafeString:
    """The options of the country list, in one string: Django would render a template for each of them."""
    options = (f'<option value="{code}"{" selected" * (code == chosen)}>{name}</option>' for code, name in COUNTRIES)
    return SafeString("".join(options))  # nosec B703 - constant names of our own
