"""Gifts on the phone in a real browser: the words, the caller's card in Stripe's field, and the link that is mailed."""

import re

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from donations.models import Gift, PhoneCall, Receipt, Way
from nonprofit import audit
from nonprofit.models import AuditEntry, OutgoingEmail, User
from tests import builders
from tests.browser.looks import AXE_NOISE, DESK, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.browser.supporter import GOOD, Supporter
from tests.conftest import OpenPage
from tests.faults.books import assert_balanced, is_finished, mailbox, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]

TAKE = "/admin/donations/phonecall/take/"
BAD, ASKS = "4000000000000002", "4000002760003184"
DECLINED = r"status of 402"


@pytest.fixture
def ruth(stack: Stack) -> User:
    builders.campaign()
    return builders.staff("Staff", name="Ruth Okafor")


class CallTaker(Supporter):
    """Fills the call-taker's pages; Stripe's card field is the same as on the giving page."""

    def take(
        self, *, amount: str = "50", email: str = "ana@example.org", by: str = "card", often: str = "once"
    ) -> None:
        self.page.goto(TAKE)
        self.page.get_by_label("Caller's name").fill("Ana Łukasz 李")
        self.page.locator("input[name=email]").fill(email)
        self.page.get_by_label("Amount").fill(amount)
        self.page.locator(f"input[name=frequency][value={often}]").check()
        self.page.locator(f"input[name=paid_by][value={by}]").check()
        self.page.get_by_role("button", name="Go on to the words").click()
        expect(self.page.get_by_role("heading", name="Read this aloud, word for word")).to_be_visible()

    def hears_yes(self) -> None:
        self.page.get_by_label("The caller said yes").check()
        self.page.get_by_role("button", name=re.compile("Go on to the card|Send the link")).click()

    def charges(self, number: str = GOOD) -> None:
        expect(self.card.get_by_label("Card number")).to_be_visible()
        self.type_card(number)
        self.page.get_by_role("button", name=re.compile(r"^Charge \$")).click()

    def sees_thanks(self) -> None:
        expect(self.page.get_by_text("Thank you so much")).to_be_visible(timeout=20_000)


@pytest.fixture
def taker(ruth: User, open_page: OpenPage) -> CallTaker:
    page = open_page(viewport=DESK)
    sign_in(page, ruth, TAKE)
    return CallTaker(page)


def test_a_card_by_phone_declined_and_then_good(stack: Stack, taker: CallTaker, ruth: User, watch: Watch) -> None:
    watch.allow(DECLINED)
    sent: list[str] = []
    ours = stack.url
    taker.page.on("request", lambda r: sent.append(f"{r.url} {r.post_data or ''}") if ours in r.url else None)
    taker.take()
    expect(taker.page.locator(".words")).to_have_text("May The Harbor Light charge your card $50.00 today, one time?")
    taker.hears_yes()
    taker.charges(BAD)
    expect(taker.page.locator("#trouble")).to_contain_text("The bank declined this card")
    assert not Gift.objects.settled().exists()
    taker.charges()
    taker.sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    gift = Gift.objects.get()
    assert (gift.kind, gift.phone_call.taken_by, gift.phone_call.paid_by) == ("phone", ruth, "card")
    assert AuditEntry.objects.get(action="settle").actor == audit.staff(ruth)
    assert any("/charge/" in text for text in sent)
    assert_nowhere(stack, GOOD, BAD, requests=sent)
    for words in ("ana@example.org", "Łukasz"):
        assert words not in stack.web.since_start() + stack.worker.since_start()


def test_a_monthly_card_by_phone_starts_a_plan(stack: Stack, taker: CallTaker) -> None:
    taker.take(often="monthly", amount="15")
    expect(taker.page.locator(".words")).to_contain_text("of every month")
    taker.hears_yes()
    taker.charges()
    taker.sees_thanks()
    wait(lambda: is_finished(1), what=state())
    plan = Gift.objects.get().plan
    assert plan is not None
    assert (plan.status, plan.card_last4) == ("active", "4242")
    assert plan.consent_text == PhoneCall.objects.get().consent_text
    assert_balanced(stack, 1)


def test_a_bank_that_asks_its_customer_leads_to_a_link(
    stack: Stack, taker: CallTaker, open_page: OpenPage, watch: Watch
) -> None:
    """3-D Secure on the link's page, after the call-taker could not go on with the card."""
    watch.allow(DECLINED)
    taker.take()
    taker.hears_yes()
    taker.charges(ASKS)
    expect(taker.page.locator("#trouble")).to_contain_text("wants them to confirm")
    taker.page.get_by_role("link", name="Send a link instead").click()
    expect(taker.page.locator(".words")).to_contain_text("private link at ana@example.org")
    taker.hears_yes()
    expect(taker.page.get_by_text("The link is on its way to ana@example.org")).to_be_visible()
    caller = the_callers_page(stack, open_page)
    caller.type_card(ASKS).page.locator("#submit").click()
    caller.bank.get_by_role("button", name="Complete authentication").click()
    caller.sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1, repeated_mail=1)
    taker.page.reload()
    taker.sees_thanks()


def the_callers_page(stack: Stack, open_page: OpenPage) -> Supporter:
    """The link, opened from the letter that arrived."""
    letters = OutgoingEmail.objects.filter(template="payment_link", status="sent")
    wait(letters.exists)
    assert any("pay here" in letter["subject"] for letter in mailbox(stack))
    found = re.search(r"http\S+/give/pay/\S+/", letters.get().text)
    assert found
    page = open_page(viewport=PHONE)
    page.goto(found.group(0))
    supporter = Supporter(page)
    expect(supporter.card.get_by_label("Card number")).to_be_visible()
    return supporter


def test_a_gift_by_link_declined_and_then_good(
    stack: Stack, taker: CallTaker, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow(DECLINED)
    taker.take(by="link", often="monthly", amount="20")
    taker.hears_yes()
    expect(taker.page.get_by_text("Nothing is charged until they pay")).to_be_visible()
    caller = the_callers_page(stack, open_page)
    expect(caller.page.locator(".consent")).to_contain_text("charge my card $20.00 now and every month")
    caller.type_card(BAD).page.locator("#submit").click()
    expect(caller.page.locator("#trouble")).to_contain_text("declined")
    caller.type_card().page.locator("#submit").click()
    caller.sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1, repeated_mail=1)
    gift = Gift.objects.get()
    assert gift.plan is not None
    assert "to charge my card $20.00 now and every month" in gift.plan.consent_text
    assert Receipt.objects.get().gift == gift
    caller.page.goto(f"/give/pay/{gift.token}/")
    expect(caller.page).to_have_url(re.compile(f"/thanks/{gift.token}/"))
    assert_nowhere(stack, GOOD, BAD)


def test_with_the_keyboard_alone(stack: Stack, taker: CallTaker) -> None:
    page = taker.page
    page.goto(TAKE)
    words = {"name": "Ana Keys", "email": "keys@example.org", "amount": "25"}
    tab_to(page, words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/take/*/?by=card")
    tab_to(page, {"yes": " "})
    page.keyboard.press("Enter")
    expect(taker.card.get_by_label("Card number")).to_be_visible()
    in_frame = {"number": GOOD, "expiry": "1234", "cvc": "123", "postalCode": "02139"}
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "IFRAME":
            frame = next(f for f in page.frames if "card.html" in f.url)
            field = frame.evaluate("document.activeElement.name || ''")
            if field in in_frame:
                page.keyboard.type(in_frame.pop(field))
        elif not in_frame and page.evaluate("document.activeElement.id") == "submit":
            page.keyboard.press("Enter")
            break
    taker.sees_thanks()
    wait(lambda: is_finished(1), what=state())


def tab_to(page: Page, words: dict[str, str]) -> None:
    """Types into each field as the Tab key comes by, and stops on the button that sends."""
    for _ in range(80):
        page.keyboard.press("Tab")
        here = page.evaluate("({tag: document.activeElement.tagName, name: document.activeElement.name || ''})")
        if here["name"] in words:
            page.keyboard.type(words.pop(here["name"]))
        elif here["tag"] == "BUTTON" and not words:
            return
    raise AssertionError(f"never came by {words}")


# ---- Card numbers in words ----------------------------------------------------------------------------------------


def assert_nowhere(stack: Stack, *numbers: str, requests: list[str] | None = None) -> None:
    """No table, no log and no request of ours holds any of the numbers, however it is written."""
    logs = stack.web.since_start() + stack.worker.since_start()
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        assert len(tables) > 40
        for number in numbers:
            pattern = r"[\s._+%20-]{0,3}".join(number)
            assert not re.search(pattern, logs)
            assert not [text for text in requests or [] if re.search(pattern, text)]
            for table in tables:
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ~ %s', [r"\D{0,3}".join(number)])
                assert cursor.fetchone() == (0,), f"{table} holds a card number"


def test_a_card_number_in_the_giving_note_is_refused_and_kept_nowhere(
    stack: Stack, ruth: User, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("status of 422")
    page = open_page(viewport=PHONE)
    supporter = Supporter(page).visit().tell()
    page.get_by_text("Dedicate this gift, or add a note").click()
    page.locator("#note").fill("Please use my card 4242-4242 4242.4242, 12/34")
    supporter.type_card().give()
    expect(page.locator("#note-error")).to_contain_text("This looks like a card number. We must not keep it")
    assert not Gift.objects.exists()
    assert_nowhere(stack, GOOD)
    page.locator("#note").fill("For the reporters")
    supporter.give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_nowhere(stack, GOOD)


def test_a_card_number_in_a_staff_note_is_refused_and_kept_nowhere(
    stack: Stack, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("status of 422")
    builders.campaign()
    way = Way.objects.create(kind="check", title="Give by check", body="Payable to us.", position=1)
    page = open_page(viewport=DESK)
    sign_in(page, builders.staff("Administrator"), f"/admin/donations/way/{way.pk}/change/")
    page.locator("textarea[name=body]").fill("Ana's card is 5555 5555 5555 4444, the rest as before.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist")).to_contain_text("This looks like a card number. We must not keep it")
    expect(page.locator("textarea[name=body]")).to_have_value("Ana's card is [card number], the rest as before.")
    page.goto(TAKE)
    page.get_by_label("Caller's name").fill("Ana")
    page.get_by_label("Amount").fill("50")
    page.get_by_label("Note").fill("３７８２ ８２２４６３ １０００５")
    page.get_by_role("button", name="Go on to the words").click()
    expect(page.locator(".errorlist")).to_contain_text("This looks like a card number")
    way.refresh_from_db()
    assert way.body == "Payable to us."
    assert not Gift.objects.exists()
    assert not AuditEntry.objects.filter(target_type="way").exists()
    assert_nowhere(stack, "5555555555554444", "378282246310005")


# ---- Looks --------------------------------------------------------------------------------------------------------


def test_the_pages_are_clean(stack: Stack, ruth: User, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(AXE_NOISE)
    watch.allow(r"status of (402|404|410|422)")
    builders.donor(name="Ana Ortega", email="ortega@example.org", city="Port Haven")
    page = open_page(viewport=PHONE)
    sign_in(page, ruth, f"{TAKE}?q=ana")
    taker = CallTaker(page)
    clean(page, "finding the caller")
    page.get_by_role("button", name="Go on to the words").click()
    clean(page, "the call with errors")
    taker.take(often="monthly")
    clean(page, "the words")
    taker.hears_yes()
    taker.charges(BAD)
    expect(page.locator("#trouble")).to_contain_text("Nothing was charged")
    clean(page, "a declined card")
    page.get_by_role("link", name="Send a link instead").click()
    taker.hears_yes()
    clean(page, "the link is on its way")
    caller = the_callers_page(stack, open_page)
    clean(caller.page, "the link's page")
    caller.page.goto("/give/pay/nothing/")
    clean(caller.page, "an unknown link")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE donations_paymentlink SET expires_at = now()")
    caller.page.goto(f"/give/pay/{Gift.objects.get().token}/")
    clean(caller.page, "an expired link")
    taker.take(email="")
    taker.hears_yes()
    taker.charges()
    taker.sees_thanks()
    clean(page, "received")
    page.goto("/admin/donations/phonecall/")
    clean(page, "the list of calls")


def clean(page: Page, what: str) -> None:
    expect(page.locator("h1").first).to_be_visible()
    assert_clean(page, what)
