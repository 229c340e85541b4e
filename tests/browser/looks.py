"""How pages look: on phone and desk, in light and dark, axe finds nothing on them and nothing stands over the edge."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize, expect

from tests.watch import Watch

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
# What axe itself does to a page with a strict content policy, so what the pages do by themselves is looked at first.
AXE_NOISE = r"Applying inline style|preload assets|postMessage"
# The rules that look at colors. A scheme changes nothing else, so all the others are asked once for each width.
OF_COLORS = ["color-contrast", "link-in-text-block"]
RUN = """(rules) => axe.run({resultTypes: ["violations"], ...(rules && {runOnly: rules})}).then(({violations}) =>
  violations.map(({id, nodes}) => `${id} ${nodes.slice(0, 4).map(({target}) => target.join(" "))}`))"""
# Colors that fade from one scheme to the other are on their way for a moment.
HAVE_FADED = """() => Promise.all(document.getAnimations().filter((one) => one instanceof CSSTransition)
  .map((one) => one.finished.catch(() => null)))"""
# A frame that grows, like the card's, pushes what is under it down a moment after the page was made narrower: who
# presses a button just then presses beside it.
STANDS_STILL = """() => new Promise((done) => {
  let height = 0, since = performance.now();
  const look = () => {
    if (document.documentElement.scrollHeight !== height) {
      height = document.documentElement.scrollHeight;
      since = performance.now();
    }
    if (performance.now() - since > 300) done(null);
    else requestAnimationFrame(look);
  };
  if (document.querySelector("iframe")) look();
  else done(null);
})"""
# What stands over the edge: the page itself, or a field over the line that holds it.
CUT_OFF = """() => [
  ...[document.documentElement].filter((page) => page.scrollWidth > page.clientWidth),
  ...[...document.querySelectorAll("#content .form-row :is(input, select, textarea)")].filter((field) =>
    field.getBoundingClientRect().right > field.closest(".form-row").getBoundingClientRect().right + 1),
].map((element) => element.name || element.tagName)"""
# A folder for pictures of every page in every look, for whoever wants to see them.
PICTURES = os.environ.get("PICTURES", "")


def assert_clean(page: Page, what: str) -> None:
    """The page as it is now, in every look: phone and desk, light and dark. It is left as wide and light as it came."""
    page.wait_for_load_state()
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    width = page.viewport_size
    assert width is not None
    other = DESK if width == PHONE else PHONE
    _assert_clean_in(page, what, "light", None)
    _assert_clean_in(page, what, "dark", OF_COLORS)
    page.set_viewport_size(other)
    _assert_clean_in(page, what, "dark", None)
    _assert_clean_in(page, what, "light", OF_COLORS)
    page.set_viewport_size(width)
    page.evaluate(STANDS_STILL)


def visit(page: Page, watch: Watch, addresses: Mapping[str, str]) -> None:
    """Each of these pages of the desk does nothing unexpected by itself and is clean in every look."""
    for what, address in addresses.items():
        page.goto(address)
        expect(page.locator("#content h1")).to_be_visible()
        assert watch.unexpected() == [], what
        assert_clean(page, what)
        watch.forget(AXE_NOISE)


def _assert_clean_in(page: Page, what: str, scheme: Literal["light", "dark"], rules: list[str] | None) -> None:
    page.emulate_media(color_scheme=scheme)
    page.evaluate(HAVE_FADED)
    size: Any = page.viewport_size
    look = f"{what}, {size['width']} pixels wide, {scheme}"
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{re.sub(r'[^a-z0-9]+', '-', look.lower())}.png", full_page=True)
    found = page.evaluate(RUN, rules)
    assert found == [], f"{look}: {'; '.join(found)}"
    over = page.evaluate(CUT_OFF)
    assert over == [], f"{look}: over the edge: {over}"
