"""Readable colours from the organisation's two: what stands on them, and their inks on light and dark paper."""

PAPER_LIGHT, PAPER_DARK = "#ffffff", "#141414"
# WCAG 2.2, 1.4.3: text needs 4.5 to 1 against what it stands on.
READABLE = 4.5


def luminance(color: str) -> float:
    """Relative luminance of "#rrggbb", 0 to 1 (WCAG 2.2 definition)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def on(color: str) -> str:
    """Black or white, whichever reads better on `color`."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, color))


def ink(color: str, paper: str, *, enough: float = READABLE) -> str:
    """`color`, moved towards black or white only as far as it must to be readable on `paper`."""
    goal = 255 if luminance(paper) < 0.2 else 0
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(0, 101, 4):
        mixed = "#" + "".join(f"{round(part + (goal - part) * step / 100):02x}" for part in parts)
        if contrast(mixed, paper) >= enough:
            return mixed
    return on(paper)


def css(brand: str, accent: str) -> str:
    """The custom properties every page's stylesheet builds on, for light and dark."""
    light, dark = ink(accent, PAPER_LIGHT), ink(accent, PAPER_DARK)
    brand_dark = ink(brand, PAPER_DARK)
    return (
        f":root{{--brand:{brand};--on-brand:{on(brand)};--accent:{light};--on-accent:{on(light)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--brand:{brand_dark};--on-brand:{on(brand_dark)};"
        f"--accent:{dark};--on-accent:{on(dark)}}}}}"
    )
