"""The stand-in Stripe.js in a real browser, on a page of another origin with a strict content policy."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import axe_playwright_python
import pytest
import stripe
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, expect

from sandbox import happenings
from sandbox.server import Sandbox
from tests.conformance import traffic
from tests.sandbox.test_payments import GIFT

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
NIGHT = {
    "theme": "night",
    "variables": {"colorBackground": "#16181d", "colorText": "#f3f4f6", "colorPrimary": "#ffb4ab"},
}
LIGHT = {"variables": {"colorPrimary": "#b3261e", "borderRadius": "8px", "fontSizeBase": "17px"}}
STYLE = "body { margin: 16px } .dark { color-scheme: dark; background: #16181d; color: #f3f4f6 }"
NOT_AUTHENTICATED = (
    "Error: We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
AXE_SOURCE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
EXPECTED_MESSAGES = re.compile(r"status of 402|\[Stripe\.js, sandbox\]")


@pytest.fixture
def host(sandbox: Sandbox, api: stripe.StripeClient) -> Iterator[str]:
    """The address of a page that takes gifts."""
    policy = (
        f"default-src 'none'; script-src 'self' {sandbox.url}; frame-src {sandbox.url}; "
        f"connect-src 'self' {sandbox.url}; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/host.js":
                self._send((HERE / "host.js").read_bytes(), "text/javascript")
            elif self.path == "/host.css":
                self._send(STYLE.encode(), "text/css")
            else:
                self._send((HERE / "host.html").read_bytes().replace(b"SANDBOX", sandbox.url.encode()), "text/html")

        def do_POST(self) -> None:
            if self.path == "/setup":
                customer = api.v1.customers.create({"name": "Ana"}).id
                secret = api.v1.setup_intents.create({"customer": customer, "usage": "off_session"}).client_secret
            else:
                secret = api.v1.payment_intents.create(GIFT).client_secret
            self._send(json.dumps({"client_secret": secret}).encode(), "application/json")

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def messages() -> list[str]:
    """What the console said and nobody expected."""
    return []


@pytest.fixture
def open_page(browser: Browser, host: str, sandbox: Sandbox, messages: list[str]) -> Iterator[Callable[..., Page]]:
    contexts = []

    def opened(*, dark: bool = False, mounted: bool = True, mode: str = "payment") -> Page:
        scheme: dict[str, object] = {"color_scheme": "dark" if dark else "light"}
        context = browser.new_context(viewport={"width": 390, "height": 844}, **scheme)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.on("console", lambda message: messages.append(message.text))
        context.on("weberror", lambda error: messages.append(str(error.error)))
        page = context.new_page()
        page.goto(host)
        key = sandbox.options.publishable_key
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
        page.evaluate("options => begin(options)", {"key": key, "mode": mode, "appearance": NIGHT if dark else LIGHT})
        if mounted:
            expect(card(page).get_by_label("Card number")).to_be_visible()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [message for message in messages if not EXPECTED_MESSAGES.search(message)] == []
    assert traffic.problems(sandbox.journal.after(), sandbox.store.newest_first("event")) == []


def card(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title="Secure payment input frame"]')


def bank(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title="Card authentication by your bank"]')


def type_card(page: Page, number: str) -> None:
    fields = card(page)
    fields.get_by_label("Card number").fill(number)
    fields.get_by_label("Expiration date").fill("1240")
    fields.get_by_label("Security code").fill("123")
    fields.get_by_label("ZIP code").fill("02139")


def give(page: Page, number: str) -> None:
    type_card(page, number)
    page.get_by_role("button", name="Give $25").click()


def test_a_gift_is_paid_and_no_digit_leaves_the_frame(
    open_page: Callable[..., Page], api: stripe.StripeClient, sandbox: Sandbox
) -> None:
    page = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.frame.url} {request.url} {request.post_data}"))
    give(page, "4242424242424242")
    expect(page.get_by_role("status")).to_have_text("Status: succeeded")
    (charge,) = api.v1.charges.list().data
    assert charge.billing_details.address is not None
    assert (charge.amount, charge.billing_details.address.postal_code) == (2500, "02139")
    carrying = [line for line in sent if "4242424242424242" in line]
    assert len(carrying) == 1
    assert carrying[0].startswith(f"{sandbox.url}/js/card.html")
    assert "4242" not in page.content()
    assert "4242424242424242" not in json.dumps(sandbox.journal.after())


def test_what_was_typed_wrongly_is_said_at_the_field(open_page: Callable[..., Page], api: stripe.StripeClient) -> None:
    page = open_page()
    page.get_by_role("button", name="Give $25").click()
    expect(page.get_by_role("status")).to_have_text("Typed: Your card number is incomplete.")
    number = card(page).get_by_label("Card number")
    expect(number).to_be_focused()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description("Your card number is incomplete.")
    for text, problem in (("4242424242424241", "Your card number is invalid."), ("4242424242424242", "")):
        number.fill(text)
        number.blur()
        expect(number).to_have_accessible_description(problem)
    expiry = card(page).get_by_label("Expiration date")
    for text, problem in (
        ("1220", "Your card's expiration year is in the past."),
        ("1340", "Your card's expiration date is invalid."),
        ("1", "Your card's expiration date is incomplete."),
    ):
        expiry.fill(text)
        expiry.blur()
        expect(expiry).to_have_accessible_description(problem)
    assert api.v1.payment_intents.list().data == []


def test_a_decline_and_then_another_card(open_page: Callable[..., Page], api: stripe.StripeClient) -> None:
    page = open_page()
    give(page, "4000000000000127")
    expect(page.get_by_role("status")).to_have_text("Error: Your card's security code is incorrect.")
    expect(card(page).get_by_label("Security code")).to_have_accessible_description(
        "Your card's security code is incorrect."
    )
    give(page, "5555555555554444")
    expect(page.get_by_role("status")).to_have_text("Status: succeeded")
    assert sorted(charge.status for charge in api.v1.charges.list().data) == ["failed", "succeeded"]


@pytest.mark.parametrize(
    ("number", "button", "said", "charges"),
    [
        ("4000002760003184", "Complete authentication", "Status: succeeded", ["succeeded"]),
        ("4000002500003155", "Complete authentication", "Status: succeeded", ["succeeded"]),
        ("4000002760003184", "Fail authentication", NOT_AUTHENTICATED, []),
        ("4000008400001629", "Complete authentication", "Error: Your card was declined.", ["failed"]),
    ],
)
def test_3d_secure(
    open_page: Callable[..., Page], api: stripe.StripeClient, number: str, button: str, said: str, charges: list[str]
) -> None:
    page = open_page()
    give(page, number)
    expect(page.get_by_role("dialog", name="Card authentication")).to_be_visible()
    expect(bank(page).get_by_text("Your bank asks you to confirm a payment of $25.00 usd.")).to_be_visible()
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_focused()
    bank(page).get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).to_have_text(said)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Give $25")).to_be_focused()
    assert [charge.status for charge in api.v1.charges.list().data] == charges


def test_escape_ends_3d_secure_as_refused(open_page: Callable[..., Page]) -> None:
    page = open_page()
    give(page, "4000002760003184")
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("status")).to_have_text(NOT_AUTHENTICATED)


def test_the_keyboard_alone_is_enough(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.get_by_label("Name").focus()
    for text in ("4242424242424242", "1240", "123", "", "02139"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    expect(card(page).get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    expect(card(page).get_by_label("Expiration date")).to_have_value("12 / 40")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Status: succeeded")


def test_a_reply_lost_after_charging_is_an_error_to_the_page(
    open_page: Callable[..., Page], api: stripe.StripeClient, sandbox: Sandbox, messages: list[str]
) -> None:
    page = open_page()
    sandbox.faults.add("timeout_after", path="/confirm", count=1)
    give(page, "4242424242424242")
    expect(page.get_by_role("status")).to_have_text(re.compile("^Error: An error occurred while connecting"))
    assert [charge.status for charge in api.v1.charges.list().data] == ["succeeded"]
    assert len([entry for entry in sandbox.journal.after() if entry["path"].endswith("/confirm")]) == 1
    messages[:] = [message for message in messages if "ERR_CONTENT_LENGTH_MISMATCH" not in message]


def test_an_api_that_is_down_is_a_load_error(
    open_page: Callable[..., Page], sandbox: Sandbox, messages: list[str]
) -> None:
    sandbox.faults.add("down")
    page = open_page(mounted=False)
    page.wait_for_timeout(500)
    names = [name for name, _event in page.evaluate("seen")]
    assert "loaderror" in names
    assert "ready" not in names
    messages[:] = [message for message in messages if "status of 503" not in message]


def test_the_amount_shown_must_be_the_amount_charged(open_page: Callable[..., Page], api: stripe.StripeClient) -> None:
    page = open_page()
    page.evaluate("elements.update({amount: 9900})")
    give(page, "4242424242424242")
    expect(page.get_by_role("status")).to_have_text(
        "Error: The amount given to elements (9900) does not match the PaymentIntent's amount (2500)."
    )
    assert api.v1.charges.list().data == []


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("Stripe('sk_test_x')", "You should not use your secret key"),
        ("stripe.elements({})", "mode should be"),
        ("stripe.elements({mode: 'payment', amount: 25.5, currency: 'usd'})", "amount should be an integer"),
        ("stripe.elements({mode: 'setup', amount: 2500, currency: 'usd'})", "amount has no meaning"),
        ("stripe.elements({mode: 'setup'})", "currency should be"),
        ("stripe.elements({mode: 'payment', amount: 2500, currency: 'USD'})", "currency should be"),
        (
            "stripe.elements({mode: 'payment', amount: 2500, currency: 'usd', colour: 'red'})",
            "colour is not a recognized",
        ),
        (
            "stripe.elements({mode: 'payment', amount: 1, currency: 'usd', paymentMethodTypes: ['card']})",
            "not a recognized",
        ),
        ("elements.create('payment')", "Can only create one Element"),
        ("payment.mount('#nowhere')", "applies to no DOM elements"),
        ("payment.on('paid', () => {})", "Invalid event name: paid"),
        ("stripe.confirmPayment({elements, clientSecret: 'x', redirect: 'if_required'})", "clientSecret should be"),
        ("stripe.confirmPayment({elements, clientSecret: 'pi_1_secret_2'})", "return_url"),
        ("stripe.confirmPayment({elements, clientSecret: 'seti_1_secret_2', redirect: 'if_required'})", "clientSecret"),
        ("stripe.confirmSetup({elements, clientSecret: 'pi_1_secret_2', redirect: 'if_required'})", "clientSecret"),
        (
            "stripe.confirmSetup({elements, clientSecret: 'seti_1_secret_2', redirect: 'if_required'})",
            "made with mode: 'payment'",
        ),
        ("stripe.confirmCardPayment('seti_1_secret_2')", "clientSecret"),
        ("stripe.confirmCardPayment('pi_1_secret_2', {payment_method: {card: {}}})", "saved payment method only"),
        ("stripe.confirmSetup({clientSecret: 'seti_1_secret_2', redirect: 'if_required'})", "give elements"),
        (
            "stripe.confirmPayment({elements, clientSecret: 'pi_1_secret_2', redirect: 'if_required'})",
            "elements.submit() must be called",
        ),
    ],
)
def test_mistakes_of_the_page_are_integration_errors(open_page: Callable[..., Page], call: str, problem: str) -> None:
    said = open_page().evaluate(f"refusal(() => {call})")
    assert said.startswith("IntegrationError: ")
    assert problem in said


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_card_frame_is_accessible(open_page: Callable[..., Page], dark: bool) -> None:
    page = open_page(dark=dark)
    page.get_by_role("button", name="Give $25").click()
    expect(card(page).get_by_text("Your card number is incomplete.")).to_be_visible()
    frame = next(frame for frame in page.frames if "/js/card.html" in frame.url)
    assert frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == ("dark" if dark else "light")
    frame.evaluate(AXE_SOURCE)
    violations = frame.evaluate("axe.run({rules: {'page-has-heading-one': {enabled: false}}})")["violations"]
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/mail/", "/js/three-ds.html"])
def test_the_pages_are_accessible(browser: Browser, sandbox: Sandbox, path: str, scheme: str) -> None:
    happenings.happen(sandbox, "subscription", {})
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(sandbox.url + path)
    results = Axe().run(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert [found["id"] for found in results.response["violations"]] == []
    assert width == 390
