"""What the giving page's script promises: true words, errors in reach, and an honest end when something is away."""

import re
from decimal import Decimal
from io import BytesIO

import pytest
from playwright.sync_api import Page, Route, expect
from pypdf import PdfReader

from donations import gifts
from donations.models import Campaign, Gift
from nonprofit import organization
from nonprofit.money import Money, gross_up
from tests import builders
from tests.browser.supporter import Supporter
from tests.conftest import OpenPage
from tests.faults.books import assert_balanced, is_finished, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture(autouse=True)
def newsroom(stack: Stack) -> None:
    builders.campaign()


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    return open_page(**PHONE)


def chosen(page: Page) -> str:
    return page.locator("input[name=amount]:checked").input_value()


def test_the_button_says_what_will_happen_and_is_always_in_sight(phone: Page) -> None:
    supporter = Supporter(phone).visit()
    expect(supporter.button).to_be_in_viewport(ratio=1)
    expect(supporter.button).to_have_text("Give $50")
    phone.get_by_role("radio", name="Monthly").check()
    expect(supporter.button).to_have_text("Give $15 monthly")
    expect(phone.locator("#consent")).to_have_text(
        re.compile(r"charge my card \$15\.00 now and every month until I stop")
    )
    phone.get_by_role("radio", name="Yearly").check()
    phone.locator(".amounts:visible label").nth(3).click()
    expect(supporter.button).to_have_text("Give $500 yearly")
    phone.get_by_role("radio", name="Once").check()
    # The same place in the row, and nothing about repeating is left.
    expect(supporter.button).to_have_text("Give $250")
    expect(phone.locator("#consent")).to_be_hidden()
    supporter.tell(amount="1,234.50")
    expect(supporter.button).to_have_text("Give $1,234.50")
    phone.locator("[name=other_amount]").fill("25,50")
    expect(supporter.button).to_have_text("Give")


def test_nothing_moves_when_frequency_and_amount_change(phone: Page) -> None:
    Supporter(phone).visit()

    def places() -> list[float]:
        return [phone.locator(at).evaluate("e => e.getBoundingClientRect().top") for at in ("#other_amount", "#name")]

    before = places()
    for name in ("Monthly", "Yearly", "Once"):
        phone.get_by_role("radio", name=name).check()
        phone.locator(".amounts:visible label").nth(2).click()
        assert places() == before


def test_the_fee_shown_is_the_fee_charged(phone: Page) -> None:
    price = {"percent": Decimal("2.9"), "fixed_minor": 30}
    Supporter(phone).visit()
    shown = phone.locator("#cover-text")
    for minor in (100, 101, 117, 999, 1000, 2500, 3333, 98_765, 4_999_999, 5_000_000):
        net = Money(minor)
        total = gross_up(net, **price)  # type: ignore[arg-type]
        phone.locator("[name=other_amount]").fill(str(net.major))
        expect(shown).to_have_text(f"Add {total - net} to cover the card fee: {total} in all")


def test_an_early_press_leads_on_without_blame(phone: Page) -> None:
    supporter = Supporter(phone).visit().give()
    expect(phone.locator("#name")).to_be_focused()
    expect(phone.locator("#name")).to_be_in_viewport()
    expect(phone.locator("#summary")).to_be_hidden()
    phone.keyboard.type("Ana")
    supporter.give()
    expect(phone.locator("#email")).to_be_focused()
    assert not Gift.objects.exists()


def test_errors_are_told_at_the_top_and_at_their_fields(phone: Page, watch: Watch) -> None:
    watch.allow(r"status of 422")
    supporter = Supporter(phone).visit().tell(name="", email="ana@").type_card()
    phone.get_by_text("Dedicate this gift").click()
    phone.locator("#tribute").select_option("honor")
    phone.get_by_text("Dedicate this gift").click()
    supporter.give()
    summary = phone.locator("#summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(3)
    expect(phone.locator("#name")).to_have_attribute("aria-invalid", "true")
    # A field that was folded away is opened, or its error could not be seen.
    expect(phone.locator("#tribute_name-error")).to_be_visible()
    summary.get_by_role("link", name="like name@example.org").click()
    expect(phone.locator("#email")).to_be_focused()
    expect(phone.locator("#email")).to_have_value("ana@")
    supporter.tell()
    phone.locator("#tribute_name").fill("Maria")
    supporter.type_card().give().sees_thanks()


def test_an_unfinished_card_is_told_at_the_card(phone: Page) -> None:
    supporter = Supporter(phone).visit().tell().type_card(expiry="12").give()
    expect(phone.locator("#payment-error")).to_contain_text("expiration date")
    expect(supporter.button).to_have_text("Give $25")
    assert not Gift.objects.exists()


def test_a_yes_to_the_question_is_a_second_gift(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"status of 409")
    page = open_page(**PHONE)
    Supporter(page).visit().tell().type_card().give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    again = Supporter(page).visit().tell().type_card().give()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("You gave $25 just now, and it arrived.")
    question.get_by_role("button", name="No, once is right").click()
    expect(question).to_be_hidden()
    expect(again.button).to_have_text("Give $25")
    again.give()
    question.get_by_role("button", name="Give again").click()
    again.sees_thanks()
    wait(lambda: is_finished(2), what=state())
    assert_balanced(stack, 2)


def test_a_changed_fee_is_shown_before_it_is_charged(stack: Stack, phone: Page) -> None:
    supporter = Supporter(phone).visit().tell(amount="100").type_card()
    phone.locator("[name=cover_fee]").check()
    expect(supporter.button).to_have_text("Give $103.30")
    Campaign.objects.update(fee_percent=Decimal("3.5"))
    organization.touch()
    supporter.give()
    expect(phone.locator("#trouble")).to_contain_text("$103.94")
    expect(supporter.button).to_have_text("Give $103.94")
    supporter.give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert Gift.objects.get().amount_minor == 10394
    assert_balanced(stack, 1)


def test_a_lost_connection_charges_nothing_and_keeps_everything(phone: Page, watch: Watch) -> None:
    watch.allow(r"ERR_FAILED")
    supporter = Supporter(phone).visit().tell().type_card()
    phone.route("**/give/", lambda route: route.abort())
    supporter.give()
    expect(phone.locator("#trouble")).to_contain_text("nothing was charged")
    phone.unroute("**/give/")
    supporter.give().sees_thanks()


def test_a_broken_server_is_told_in_words(phone: Page, watch: Watch) -> None:
    watch.allow(r"status of 500")
    supporter = Supporter(phone).visit().tell().type_card()
    phone.route("**/give/", lambda route: route.fulfill(status=500, body="<h1>Oops</h1>"))
    supporter.give()
    expect(phone.locator("#trouble")).to_contain_text("nothing was charged")
    expect(supporter.button).to_have_text("Give $25")


def test_stripe_away_is_told_in_words_and_works_again(stack: Stack, phone: Page, watch: Watch) -> None:
    watch.allow(r"status of 503")
    supporter = Supporter(phone).visit().tell().type_card()
    stack.control("faults", {"kind": "down", "path": "/v1/payment_intents", "method": "POST"})
    supporter.give()
    expect(phone.locator("#trouble")).to_contain_text("Nothing was charged", timeout=20_000)
    stack.control("faults", method="DELETE")
    supporter.give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)


def test_no_answer_to_the_charge_ends_on_the_page_that_finds_out(stack: Stack, phone: Page, watch: Watch) -> None:
    watch.allow(r"ERR_|Failed to load")
    supporter = Supporter(phone).visit().tell().type_card()
    stack.control("faults", {"kind": "timeout_after", "path": "/confirm", "count": 1, "seconds": 0.2})
    supporter.give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)


@pytest.mark.parametrize("how", ["blocked", "nonsense"])
def test_without_stripes_script_nothing_looks_as_if_it_could_be_paid(phone: Page, watch: Watch, how: str) -> None:
    watch.allow(r"ERR_FAILED")

    def answer(route: Route) -> None:
        if how == "blocked":
            route.abort()
        else:
            route.fulfill(body="// not what we asked for", content_type="text/javascript")

    phone.route("**/stripe.js", answer)
    phone.goto("/give/")
    expect(phone.get_by_role("alert").filter(visible=True)).to_contain_text("could not be loaded")
    expect(phone.get_by_role("alert").filter(visible=True)).to_contain_text("(555) 010-0142")
    expect(phone.locator("#submit")).to_be_hidden()


def test_a_declined_gift_is_taken_up_again_from_its_page(stack: Stack, phone: Page, watch: Watch) -> None:
    watch.allow(r"status of 402")
    Supporter(phone).visit().tell(name="Ana Łukasz").type_card("4000000000000002").give()
    expect(phone.locator("#trouble")).to_be_visible()
    wait(lambda: Gift.objects.filter(status="failed").exists(), what=state())
    phone.goto(f"/thanks/{Gift.objects.get().token}/")
    phone.get_by_role("link", name="Try another card").click()
    supporter = Supporter(phone)
    expect(supporter.card.get_by_label("Card number")).to_be_visible()
    expect(phone.locator("#name")).to_have_value("Ana Łukasz")
    expect(supporter.button).to_have_text("Give $25")
    supporter.type_card().give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)


@pytest.mark.parametrize("width", [320, 640])
def test_small_screens_and_double_text_fit(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 640})
    Supporter(page).visit()
    if width == 640:
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
    for summary in page.locator("form#give summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_targets_are_large_enough_for_a_thumb(phone: Page) -> None:
    Supporter(phone).visit()
    targets = "button, select, summary, label:has(input), input:not([type=radio], [type=checkbox], [type=hidden])"
    small = phone.evaluate(
        """targets => [...document.querySelectorAll(`form#give :is(${targets})`)].filter(e => e.offsetParent)
          .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect().height]).filter(found => found[1] < 44)""",
        targets,
    )
    assert small == []


def test_the_slip_prints_on_one_page(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/ways/reply-slip/")
    printed = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == 1
    text = " ".join(printed.pages[0].extract_text().split())
    for fact in ("The Harbor Light, Inc.", "1 Pier Street", "00-1234567", "$250"):
        assert fact in text
    assert "Print this slip" not in text


def test_a_late_word_of_an_earlier_decline_is_put_right_by_itself(stack: Stack, phone: Page) -> None:
    """A declined card, another one that was taken, and the news of the first one handled last."""
    gift = builders.pending_gift(status="failed")
    phone.goto(f"/thanks/{gift.token}/")
    seen = phone.locator("h1").locator("visible=true")
    expect(seen).to_have_text("Your card was declined")
    gifts.settle(gift.pk, builders.payment(gift))
    expect(seen).to_have_text("Thank you for your gift", timeout=20_000)
