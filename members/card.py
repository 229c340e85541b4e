"""The membership card as a picture: to print, to save, to show."""

from django.utils.html import escape

from members.models import Membership
from nonprofit import colors
from nonprofit.models import Organization

# A bank card's shape (ISO/IEC 7810 ID-1), in tenths of millimetres.
WIDTH, HEIGHT = 856, 540
LONGEST = 34
# Where the newsroom's own color is too light for white letters.
DARK = "#1f2937"


def svg(membership: Membership, name: str, organization: Organization) -> str:
    """The card of a current member, in the newsroom's colour; text only, so that it needs no font of ours."""
    brand = (
        organization.brand_color if colors.contrast(organization.brand_color, "#ffffff") >= colors.READABLE else DARK
    )
    through = "For life" if membership.current_through is None else f"Through {membership.current_through:%B %Y}"
    since = f"Member since {membership.joined_on:%Y}" if membership.joined_on else ""
    family = "Georgia, 'Times New Roman', serif"
    lines = [
        (60, 110, 44, 600, organization.name),
        (60, 290, 56, 600, _short(name)),
        (60, 352, 38, 400, _level(membership)),
        (60, 448, 34, 400, through),
        (60, 494, 30, 400, f"{membership.public_id} · {since}" if since else membership.public_id),
    ]
    texts = "".join(
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}">{escape(words)}</text>'
        for x, y, size, weight, words in lines
    )
    title = escape(f"Membership card of {name}: {_level(membership)}, {through}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{title}"><title>{title}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="36" fill="{escape(brand)}"/>'
        f'<path d="M60 160H796" stroke="#fff" stroke-opacity=".45" stroke-width="3"/>'
        f'<g fill="#fff" font-family="{family}">{texts}</g></svg>'
    )


def _level(membership: Membership) -> str:
    """ "a Friend" is "Friend" on a card."""
    words = membership.level.name if membership.level else ""
    for article in ("a ", "an ", "the "):
        words = words.removeprefix(article)
    return words[:1].upper() + words[1:]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
