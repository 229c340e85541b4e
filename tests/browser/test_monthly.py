"""A gift that repeats, in a real browser: joined, changed in every way, declined, paid by another card, restarted."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from donations.models import Installment, Plan, Renewals
from donations.rules import schedule
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from tests import builders
from tests.browser.looks import AXE_NOISE, DESK, PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in, sign_in_by_code
from tests.browser.supporter import GOOD, Supporter
from tests.conftest import OpenPage
from tests.faults.books import assert_balanced, is_finished, rest, run, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
ASKS, ASKS_ALWAYS, BAD = "4000002500003155", "4000002760003184", "4000000000000002"
FRAME = "iframe[title='Secure payment input frame']"
BANK = "iframe[title='Card authentication by your bank']"


@pytest.fixture(autouse=True)
def newsroom(stack: Stack, watch: Watch) -> None:
    builders.campaign()
    builders.fund(code="200-INV", name="Investigations")
    # At whatever hour the tests run, charging has begun.
    Renewals.objects.create(pk=1, from_hour=0)
    watch.allow(r"postMessage|status of 422")


def joined(stack: Stack, page: Page) -> Plan:
    """Ana gives monthly on the giving page, and her plan runs."""
    supporter = Supporter(page).visit()
    page.locator("label:has(input[name=frequency][value=monthly])").click()
    supporter.tell(amount="25").type_card().give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    return Plan.objects.get(status="active")


def due_today(stack: Stack, plan: Plan) -> None:
    """A month has gone by: the next date is today."""
    today = clock.today()
    Plan.objects.filter(pk=plan.pk).update(next_due_on=today, anchor_day=today.day)
    run(stack, "donations.tasks.come_due")


def installment(status: str) -> Callable[[], bool]:
    return lambda: Installment.objects.filter(status=status).exists()


def type_card(page: Page, number: str) -> None:
    frame: FrameLocator = page.frame_locator(FRAME)
    frame.get_by_label("Card number").fill(number)
    frame.get_by_label("Expiration date").fill("12 / 34")
    frame.get_by_label("Security code").fill("123")
    frame.get_by_label("ZIP code").fill("02139")


def says(page: Page, words: str) -> None:
    expect(page.locator(".messages")).to_contain_text(words)


def test_joined_changed_skipped_paused_stopped_and_begun_again(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    plan = joined(stack, page)
    sign_in_by_code(page, "ana@example.org")
    page.get_by_role("link", name="Change, pause or stop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your monthly gift")
    assert_clean(page, "the page of a monthly gift")

    page.get_by_role("link", name="Change the amount").click()
    assert_clean(page, "changing the amount")
    page.get_by_label("Amount").fill("0.20")
    page.get_by_role("button", name="Save the amount").click()
    expect(page.get_by_role("alert")).to_contain_text("The smallest gift we can take")
    assert_clean(page, "an amount that is too small")
    page.get_by_label("Amount").fill("40")
    page.get_by_label("Cover the card fee").check()
    page.get_by_role("button", name="Save the amount").click()
    says(page, "Saved: $40 and the card fee monthly")

    page.get_by_role("link", name="Change the day or the rhythm").click()
    assert_clean(page, "changing the day")
    page.get_by_label("Day of the month").select_option("28")
    page.get_by_role("button", name="Save the day").click()
    says(page, "next on")
    page.get_by_role("link", name="Change where it goes").click()
    page.get_by_label("Investigations").check()
    page.get_by_role("button", name="Save").click()
    says(page, "it goes to Investigations")

    page.get_by_role("link", name="Skip the next gift").click()
    assert_clean(page, "skipping")
    page.get_by_role("button", name="Skip this one").click()
    says(page, "Nothing is charged on")
    page.get_by_role("link", name="Give on that day after all").click()
    page.get_by_role("button", name="Yes, charge it").click()
    says(page, "Good: the next gift is on")

    page.get_by_role("link", name="Pause").click()
    page.get_by_label("6 months").check()
    page.get_by_role("button", name="Pause").click()
    says(page, "Paused.")
    assert_clean(page, "a paused gift")
    page.get_by_role("link", name="End the pause").click()
    page.get_by_role("button", name="Go on giving").click()
    says(page, "Welcome back")

    # Two clicks, and no word of guilt on the way.
    page.get_by_role("link", name="Stop this gift").click()
    assert_clean(page, "stopping")
    page.get_by_role("button", name="Stop my gift").click()
    says(page, "Your gift has ended.")
    assert_clean(page, "a gift that has ended")
    page.get_by_role("link", name="Begin again").click()
    assert_clean(page, "beginning again")
    page.get_by_role("button", name="Begin again").click()
    says(page, "begins again on")
    new = Plan.objects.get(follows=plan)
    assert (new.amount_minor, new.is_fee_covered, new.fund.name) == (4000, True, "Investigations")
    subjects = set(OutgoingEmail.objects.filter(template="plan").values_list("subject", flat=True))
    assert "Your monthly gift has ended" in subjects
    assert "Your monthly gift begins again" in subjects


def press_on(page: Page, role: str, name: str, key: str) -> None:
    """Tabs to the link or button whose words begin so, and presses the key there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.tagName, document.activeElement.innerText.trim()]")
        if focused[1].startswith(name) and focused[0] == {"link": "A", "button": "BUTTON"}[role]:
            page.keyboard.press(key)
            return
    raise AssertionError(f"no {role} {name!r} by Tab")


def tab_into(page: Page, frame: str, label: str) -> None:
    """Tabs until the field, or button, with this name has the focus inside the frame."""
    wanted = (
        page.frame_locator(frame).get_by_label(label).or_(page.frame_locator(frame).get_by_role("button", name=label))
    )
    for _ in range(60):
        if wanted.first.evaluate("element => element === document.activeElement && document.hasFocus()"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no {label!r} by Tab")


def test_everything_by_keyboard_alone(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    ana = User.objects.create_user("ana@example.org")
    plan = builders.plan(donor=builders.donor(name="Ana Silva", email="ana@example.org", user=ana))
    sign_in(page, ana, f"/portal/monthly/{plan.pk}/")

    press_on(page, "link", "Pause", "Enter")
    page.wait_for_url("**/pause/")
    press_on(page, "button", "Pause", "Enter")
    says(page, "Paused.")
    press_on(page, "link", "Stop this gift", "Enter")
    page.wait_for_url("**/stop/")
    press_on(page, "button", "Stop my gift", "Space")
    says(page, "Your gift has ended.")


def test_another_card_by_keyboard_alone(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    plan = joined(stack, page)
    sign_in_by_code(page, "ana@example.org")
    page.goto(f"/portal/monthly/{plan.pk}/")
    press_on(page, "link", "Use another card", "Enter")
    expect(page.frame_locator(FRAME).get_by_label("Card number")).to_be_visible()
    for label, typed in (
        ("Card number", ASKS),
        ("Expiration date", "1234"),
        ("Security code", "123"),
        ("ZIP code", "02139"),
    ):
        tab_into(page, FRAME, label)
        page.keyboard.type(typed)
    press_on(page, "button", "Save this card", "Enter")
    expect(page.frame_locator(BANK).get_by_role("button", name="Complete")).to_be_visible()
    tab_into(page, BANK, "Complete")
    page.keyboard.press("Enter")
    says(page, "ending 3155 is charged from now on")
    plan.refresh_from_db()
    assert plan.card_last4 == "3155"


def test_declined_told_paid_by_another_card_with_a_yes_for_the_bank(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    plan = joined(stack, page)
    card = plan.stripe_payment_method_id
    stack.control("card-behaves", {"payment_method": card, "decline": "insufficient_funds"})
    due_today(stack, plan)
    wait(installment("retrying"), what=state())
    wait(lambda: OutgoingEmail.objects.filter(subject="Your monthly gift did not go through", status="sent").exists())

    sign_in_by_code(page, "ana@example.org")
    expect(page.get_by_text("Your bank declined the last charge.")).to_be_visible()
    assert_clean(page, "the portal with a declined card")
    page.get_by_role("link", name="Use another card").click()
    expect(page.frame_locator(FRAME).get_by_label("Card number")).to_be_visible()
    assert_clean(page, "another card")
    type_card(page, ASKS)
    page.get_by_role("button", name="Save this card").click()
    page.frame_locator(BANK).get_by_role("button", name="Complete").click()
    says(page, "ending 3155 is charged from now on")
    wait(installment("paid"), what=state())
    wait(lambda: is_finished(2), what=state())
    rest(stack)
    assert_balanced(stack, 2)
    plan.refresh_from_db()
    assert (plan.status, plan.card_last4) == ("active", "3155")


def test_the_bank_wants_a_yes_for_a_charge_made_without_them(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    plan = joined(stack, page)
    stack.control("card-behaves", {"payment_method": plan.stripe_payment_method_id, "authenticate": True})
    due_today(stack, plan)
    wait(installment("waiting"), what=state())
    sign_in_by_code(page, "ana@example.org", f"/portal/monthly/{plan.pk}/")
    page.get_by_role("link", name="Confirm with my bank").click()
    assert_clean(page, "confirming with the bank")
    page.get_by_role("button", name="Pay $25.00").click()
    page.frame_locator(BANK).get_by_role("button", name="Complete").click()
    says(page, "went through")
    wait(lambda: is_finished(2), what=state())
    rest(stack)
    assert_balanced(stack, 2)


def test_the_desks_pages_are_clean(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    first = schedule.months_later(clock.today(), -15, 20)
    for number in range(15):
        day = schedule.months_later(first, number)
        plan = builders.plan(started_on=day, anchor_day=20, interval="year" if number % 4 == 3 else "month")
        for step in range(1, 15 - number - number % 3):
            due_on = schedule.months_later(day, step * schedule.MONTHS[plan.interval])
            gift = builders.pending_gift(donor=plan.donor, plan=plan)
            facts = {"plan": plan, "due_on": due_on, "amount_minor": 2500, "currency": "usd", "gift": gift}
            Installment.objects.create(**facts, status=Installment.Status.PAID)
        if number % 3 == 2:
            ends_at = clock.midnight(schedule.months_later(day, (15 - number) // 2))
            Plan.objects.filter(pk=plan.pk).update(status="ended", end="asked", ended_at=ends_at)
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), "/admin/")
    watch.forget(AXE_NOISE)
    desk = "/admin/donations/plan"
    pages = {
        "what is to come": f"{desk}/forecast/",
        "how gifts hold": f"{desk}/retention/",
        "how gifts hold by month": f"{desk}/retention/?by=month",
    }
    visit(page, watch, pages)


def test_two_tabs_do_not_skip_twice(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    ana = User.objects.create_user("ana@example.org")
    plan = builders.plan(donor=builders.donor(name="Ana Silva", email="ana@example.org", user=ana))
    sign_in(page, ana, f"/portal/monthly/{plan.pk}/skip/")
    other = page.context.new_page()
    other.goto(f"/portal/monthly/{plan.pk}/skip/")
    page.get_by_role("button", name="Skip this one").click()
    says(page, "Nothing is charged on December 15")
    other.get_by_role("button", name="Skip this one").click()
    says(other, "Nothing is charged on December 15")
    assert plan.installments.count() == 1
    plan.refresh_from_db()
    assert plan.next_due_on is not None
    assert plan.next_due_on - timedelta(days=40) < plan.installments.get().due_on


def test_another_card_told_on_the_phone(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    """Declined, asked about by its bank and answered by a link, and then good: what was owed is paid."""
    watch.allow(r"status of 402|status of 409")
    watch.allow(AXE_NOISE)
    plan = joined(stack, open_page(viewport=PHONE))
    stack.control("card-behaves", {"payment_method": plan.stripe_payment_method_id, "decline": "lost_card"})
    due_today(stack, plan)
    wait(installment("waiting"), what=state())
    page = open_page(viewport=DESK)
    ruth = builders.staff("Staff", name="Ruth Okafor")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(f"{r.url} {r.post_data or ''}") if stack.url in r.url else None)
    sign_in(page, ruth, f"/admin/donations/plan/{plan.pk}/change/")
    page.get_by_role("link", name="Take another card").click()
    expect(page.locator(".words")).to_contain_text("$25.00 today, which your old card declined")
    expect(page.frame_locator(FRAME).get_by_label("Card number")).to_be_visible()
    assert_clean(page, "another card on the phone")

    def tell(number: str) -> None:
        type_card(page, number)
        page.get_by_role("button", name="Save this card").click()

    trouble = page.locator("#trouble")
    tell(BAD)
    expect(trouble).to_contain_text("tick the box when the caller has said yes")
    page.get_by_label("The caller said yes").check()
    tell(BAD)
    expect(trouble).to_contain_text("The bank declined this card")
    assert_clean(page, "another card on the phone, declined")
    tell(ASKS_ALWAYS)
    expect(trouble).to_contain_text("nobody can do for them on the phone")
    page.get_by_role("button", name="Send them the link").click()
    expect(page.locator(".messagelist")).to_contain_text("The link is on its way to them")
    wait(lambda: OutgoingEmail.objects.filter(subject="Another card for your monthly gift", status="sent").exists())
    # Closed half-way, nothing has happened.
    page.get_by_role("link", name="Take another card").click()
    type_card(page, GOOD)
    page.goto(f"/admin/donations/plan/{plan.pk}/card/")
    plan.refresh_from_db()
    assert not OutgoingEmail.objects.filter(subject="Your new card is saved").exists()
    page.get_by_label("The caller said yes").check()
    tell(GOOD)
    expect(page.locator(".messagelist")).to_contain_text("Visa ending 4242 is charged from now on")
    assert_clean(page, "a gift with another card")
    wait(installment("paid"), what=state())
    wait(lambda: is_finished(2), what=state())
    wait(lambda: OutgoingEmail.objects.filter(subject="Your new card is saved", status="sent").exists())
    rest(stack)
    assert_balanced(stack, 2)
    assert AuditEntry.objects.get(action="save card").actor == audit.staff(ruth)
    assert not [text for text in sent if any(number in text for number in (GOOD, BAD, ASKS_ALWAYS))]


def test_a_subscription_is_seen_brought_in_and_taken_over(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(AXE_NOISE)
    known = {"name": "Ana Ortiz", "email": "ana@example.org", "amount": 1500}
    for more in ({}, {"interval": "week", "email": "w@example.org"}):
        stack.control("subscription", known | more)
    builders.donor(name="Ana Ortiz", email="ana@example.org")
    page = open_page(viewport=DESK)
    sign_in(page, builders.staff("Finance"), "/admin/donations/plan/")
    page.get_by_role("link", name="Subscriptions at Stripe").click()
    expect(page.get_by_text("It recurs in a rhythm that we do not have")).to_be_visible()
    assert_clean(page, "subscriptions at Stripe")
    page.get_by_label("Bring in", exact=True).check()
    page.get_by_role("button", name="Bring in what is chosen").click()
    expect(page.locator(".messagelist")).to_contain_text("1 brought in")
    page.get_by_role("link", name="in already").click()
    page.get_by_role("link", name="Take over from Stripe").click()
    expect(page.get_by_text("Our first charge is")).to_be_visible()
    assert_clean(page, "taking over from Stripe")
    page.get_by_label("For the log").fill("the old platform closes")
    page.get_by_role("button", name="Take it over").click()
    expect(page.locator(".messagelist")).to_contain_text("Taken over. Our first charge is on")
    plan = Plan.objects.get()
    assert (plan.provider, plan.at_stripe, plan.amount_minor) == ("ours", "", 1500)
