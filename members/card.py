"""The membership card as a picture: to print, to save, to show."""

from collections.abc import Sequence
from datetime import date

from django.utils.html import escape

from members.models import Membership
from members.rules import Span
from nonprofit import colors
from nonprofit.models import Organization

# A bank card's shape (ISO/IEC 7810 ID-1), in tenths of millimetres.
WIDTH, HEIGHT = 856, 540
LONGEST = 34
# Where the newsroom's own color is too light for white letters.
DARK = "#1f2937"


def svg(membership: Membership, name: str, organization: Organization, ahead: Sequence[Span]) -> str:
    """The card of a member, in the newsroom's colour; text only, so that it needs no font of ours.

    ahead: today's level and those that follow it; a card that was saved says no level after its own last day.
    """
    brand = (
        organization.brand_color if colors.contrast(organization.brand_color, "#ffffff") >= colors.READABLE else DARK
    )
    level = _level(ahead[0].level.name if ahead else membership.level.name if membership.level else "")
    through = _capital(_through(ahead[0].end if ahead else membership.current_through))
    # Of those that follow the first one: a card has no room for more, and the page says them all.
    then = f"then {_level(ahead[1].level.name)} {_through(ahead[1].end)}" if len(ahead) > 1 else ""
    since = f"Member since {membership.joined_on:%Y}" if membership.joined_on else ""
    family = "Georgia, 'Times New Roman', serif"
    lines = [
        (60, 110, 44, 600, organization.name),
        (60, 290, 56, 600, _short(name)),
        (60, 352, 38, 400, level),
        (60, 402 if then else 448, 34, 400, through),
        *([(60, 446, 30, 400, _short(then))] if then else []),
        (60, 494, 30, 400, f"{membership.public_id} · {since}" if since else membership.public_id),
    ]
    texts = "".join(
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}">{escape(words)}</text>'
        for x, y, size, weight, words in lines
    )
    title = escape(f"Membership card of {name}: {level}, {f'{through}, {then}' if then else through}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{title}"><title>{title}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="36" fill="{escape(brand)}"/>'
        f'<path d="M60 160H796" stroke="#fff" stroke-opacity=".45" stroke-width="3"/>'
        f'<g fill="#fff" font-family="{family}">{texts}</g></svg>'
    )


def _level(words: str) -> str:
    """ "a Friend" is "Friend" on a card."""
    for article in ("a ", "an ", "the "):
        words = words.removeprefix(article)
    return _capital(words)


def _through(last: date | None) -> str:
    return "for life" if last is None else f"through {last:%B %Y}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
