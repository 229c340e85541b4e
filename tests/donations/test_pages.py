"""The pages of giving as they are served: what they cost, what they carry, and that they change with the content."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from donations.models import Campaign, Way
from nonprofit import colors, organization
from nonprofit.models import Organization
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def campaign() -> None:
    builders.campaign(about_money="Of every dollar, **82 cents** pay for reporting.")


def text(client: Client, path: str, status: int = 200) -> str:
    reply = client.get(path)
    assert reply.status_code == status
    return reply.content.decode()


# --- the giving page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/give/", "/give/year-end/"])
def test_the_giving_page_takes_one_query_when_warm(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    text(client, path)
    with django_assert_num_queries(1):
        html = text(client, path)
    assert "Keep the harbor lit" in html
    assert "<strong>82 cents</strong>" in html


def test_each_visit_has_its_own_attempt_and_token(client: Client) -> None:
    seen = [re.findall(r'name="(?:attempt|csrfmiddlewaretoken)" value="([^"]+)"', text(client, "/give/")) for _ in "12"]
    assert len({value for values in seen for value in values}) == 4
    assert not any("@@" in text(client, "/give/") for _ in "1")


def test_the_page_follows_the_content(client: Client) -> None:
    text(client, "/give/")
    Campaign.objects.update(heading="A new heading", amounts_once=[1100, 2200])
    organization.touch()
    html = text(client, "/give/")
    assert "A new heading" in html
    assert "Give $22</button>" in html
    assert 'value="2500"' not in html.split("monthly")[0]


def test_nothing_is_ticked_before_the_supporter_ticks_it(client: Client) -> None:
    html = text(client, "/give/")
    boxes = re.findall(r'<input type="checkbox"[^>]*>', html)
    assert len(boxes) == 3
    assert not any("checked" in box for box in boxes)
    assert 'value="once" checked' in html


def test_funds_are_asked_for_when_there_is_a_choice(client: Client) -> None:
    assert 'name="fund"' not in text(client, "/give/")
    builders.fund(code="200-INV", name="Investigations")
    organization.touch()
    assert ">Investigations</option>" in text(client, "/give/")


def test_the_way_to_the_other_ways_stands_under_the_form(client: Client) -> None:
    after = text(client, "/give/").split("</form>", 1)[1]
    words = " ".join(re.sub(r"<[^>]+>", "", after).split())
    assert "To donate by check, phone, or other method, see our More Ways to Give page." in words
    assert '<a href="/ways/">More Ways to Give</a>' in after


def test_a_closed_or_unknown_appeal_is_not_there(client: Client) -> None:
    builders.campaign(slug="old", code="OLD", is_default=False, is_open=False)
    assert "There is nothing here" in text(client, "/give/old/", 404)
    assert "There is nothing here" in text(client, "/give/never/", 404)


def test_before_anybody_said_who_we_are_no_page_breaks(client: Client) -> None:
    Campaign.objects.all().delete()
    Organization.objects.all().delete()
    assert "There is nothing here" in text(client, "/give/", 404)
    assert "There is nothing here" in text(client, "/colors-1.css", 404)
    assert "More Ways to Give" in text(client, "/ways/")


def test_our_own_bytes_are_under_60_kb_compressed(client: Client) -> None:
    builders.fund(code="200-INV", name="Investigations")
    html = text(client, "/give/")
    own = re.findall(r'(?:href|src)="(/(?:static|colors)[^"]+)"', html)
    assert len(own) == 6
    bodies = [html.encode()] + [b"".join(client.get(address)) for address in own]
    bodies.append(Path(settings.BASE_DIR, "static/vendor/nameplate-semibold.woff2").read_bytes())
    assert sum(len(gzip.compress(body)) for body in bodies) < 60_000


def test_only_the_giving_page_lets_stripe_in(client: Client) -> None:
    giving, ways = (client.get(path)["Content-Security-Policy"] for path in ("/give/", "/ways/"))
    assert settings.STRIPE_JS_ORIGIN in giving
    assert settings.STRIPE_JS_ORIGIN not in ways
    for policy in (giving, ways):
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
    assert "stripe.js" not in text(client, "/ways/")


@pytest.mark.parametrize("path", ["/", "/ways/", "/ways/reply-slip/", "/nowhere/"])
def test_no_page_carries_scripts_or_styles_of_its_own(client: Client, path: str) -> None:
    html = client.get(path).content.decode()
    assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)|\bon[a-z]+=", html)


# --- more ways, the slip --------------------------------------------------------------------------------------


def test_more_ways_shows_what_staff_wrote_and_nothing_dangerous(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Way.objects.create(kind="check", title="By check", body="Make it **payable** to us.", position=2)
    Way.objects.create(
        kind="phone", title="By <phone>", body="[call](javascript:alert(1)) <script>x</script>", position=1
    )
    Way.objects.create(kind="other", title="By pigeon", body="One", position=3)
    Way.objects.create(kind="check", title="By old check", body="Two", position=4)
    Way.objects.create(kind="wire", title="Hidden", body="Three", is_shown=False)
    with django_assert_num_queries(2):
        html = text(client, "/ways/")
    assert re.findall(r"<h2>(By [^/]*)</h2>", html) == ["By &lt;phone&gt;", "By check", "By pigeon", "By old check"]
    anchors = re.findall(r'<section id="([^"]+)"', html)
    assert len(anchors) == len(set(anchors)) == 4
    assert all(f'href="#{anchor}"' in html for anchor in anchors)
    assert "<strong>payable</strong>" in html
    assert "Hidden" not in html
    assert 'href="javascript' not in html
    assert "<script>x" not in html
    for fact in ("1 Pier Street", 'href="tel:(555)010-0142"', "00-1234567", "/ways/reply-slip/"):
        assert fact in html


def test_the_slip_has_all_that_a_check_needs(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    builders.campaign(amounts_once=[3000, 7550])
    with django_assert_num_queries(2):
        html = text(client, "/ways/reply-slip/")
    for fact in ("<li>$30</li><li>$75.50</li>", "The Harbor Light, Inc.", "1 Pier Street", "04000", "00-1234567"):
        assert fact in html


# --- colours --------------------------------------------------------------------------------------------------

hexes = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@given(hexes)
def test_any_colour_becomes_readable_in_light_and_dark(color: str) -> None:
    for paper in (colors.PAPER_LIGHT, colors.PAPER_DARK):
        ink = colors.ink(color, paper)
        assert colors.contrast(ink, paper) >= 4.5
        assert colors.contrast(colors.on(ink), ink) >= 4.5


def test_colours_are_kept_for_good_under_their_own_version_only(client: Client) -> None:
    builders.organization(accent_color="#00ffcc")
    version = organization.get().content_version
    reply = client.get(f"/colors-{version}.css")
    assert reply["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in reply["Cache-Control"]
    assert "#00ffcc" in reply.content.decode()
    assert client.get(f"/colors-{version + 1}.css")["Cache-Control"] == "no-store"
