"""A card saved in a browser without a charge, and the bank's question about a charge that its supporter was not at."""

from collections.abc import Callable

import pytest
import stripe
from playwright.sync_api import Browser, Page, expect

from sandbox import happenings
from sandbox.server import Sandbox
from tests.sandbox.test_stripe_js import (  # noqa: F401 - fixtures
    NOT_AUTHENTICATED,
    bank,
    card,
    give,
    host,
    messages,
    open_page,
)

pytestmark = pytest.mark.browser

SAY = "result => { document.getElementById('said').textContent = JSON.stringify(result) }"


def saved(api: stripe.StripeClient) -> list[stripe.PaymentMethod]:
    (customer,) = api.v1.customers.list().data
    return api.v1.customers.payment_methods.list(customer.id).data


@pytest.mark.parametrize(
    ("number", "button", "said", "count"),
    [
        ("4242424242424242", "", "Status: succeeded", 1),
        ("4000002500003155", "Complete authentication", "Status: succeeded", 1),
        ("4000002760003184", "Complete authentication", "Status: succeeded", 1),
        ("4000002500003155", "Fail authentication", NOT_AUTHENTICATED, 0),
        ("4000000000009995", "", "Error: Your card has insufficient funds.", 0),
        ("4000000000000341", "", "Status: succeeded", 1),
    ],
)
def test_a_card_is_saved(
    open_page: Callable[..., Page],  # noqa: F811
    api: stripe.StripeClient,
    number: str,
    button: str,
    said: str,
    count: int,
) -> None:
    page = open_page(mode="setup")
    expect(card(page).get_by_text("you allow this organization to charge your card")).to_be_visible()
    give(page, number)
    if button:
        expect(bank(page).get_by_text("confirm that this card may be saved for later payments.")).to_be_visible()
        bank(page).get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).to_have_text(said)
    assert len(saved(api)) == count
    assert api.v1.charges.list().data == []


def declined_off_session(api: stripe.StripeClient, sandbox: Sandbox, card_name: str) -> tuple[str, str]:
    """The client secret of a charge that needs its supporter, and the id of the saved card."""
    customer = api.v1.customers.create({"payment_method": card_name})
    (method,) = api.v1.customers.payment_methods.list(customer.id).data
    intent = api.v1.payment_intents.create(
        {"amount": 2500, "currency": "usd", "customer": customer.id, "payment_method": method.id}
    )
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    assert caught.value.code == "authentication_required"
    assert intent.client_secret
    return intent.client_secret, method.id


@pytest.mark.parametrize(
    "call",
    [
        "stripe.confirmCardPayment(secret, {payment_method: method})",
        "stripe.confirmPayment({clientSecret: secret, redirect: 'if_required',"
        " confirmParams: {payment_method: method}})",
    ],
)
def test_the_supporter_says_yes_to_a_charge_with_the_saved_card(
    open_page: Callable[..., Page],  # noqa: F811
    api: stripe.StripeClient,
    sandbox: Sandbox,
    call: str,
) -> None:
    secret, method = declined_off_session(api, sandbox, "pm_card_authenticationRequired")
    page = open_page()
    page.evaluate(f"([secret, method]) => {{ {call}.then({SAY}) }}", [secret, method])
    bank(page).get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("status")).to_contain_text('"status":"succeeded"')
    (intent,) = api.v1.payment_intents.list().data
    assert (intent.status, intent.payment_method) == ("succeeded", method)
    assert sorted(charge.status for charge in api.v1.charges.list().data) == ["failed", "succeeded"]


def test_the_next_action_can_come_later(
    open_page: Callable[..., Page],  # noqa: F811
    api: stripe.StripeClient,
    sandbox: Sandbox,
) -> None:
    """Of either kind of intent, when the server confirmed it and the page is opened afterwards."""
    setup = api.v1.setup_intents.create({"customer": api.v1.customers.create({}).id})
    api.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_authenticationRequired"})
    secret, method = declined_off_session(api, sandbox, "pm_card_authenticationRequired")
    api.v1.payment_intents.confirm(secret.split("_secret_")[0], {"payment_method": method})
    page = open_page()
    for client_secret, result in ((setup.client_secret, "setupIntent"), (secret, "paymentIntent")):
        page.evaluate(f"secret => {{ stripe.handleNextAction({{clientSecret: secret}}).then({SAY}) }}", client_secret)
        bank(page).get_by_role("button", name="Complete authentication").click()
        expect(page.get_by_role("status")).to_contain_text(f'{{"{result}":{{')
        expect(page.get_by_role("status")).to_contain_text('"status":"succeeded"')
    found = page.evaluate("secret => stripe.retrieveSetupIntent(secret)", setup.client_secret)
    assert found["setupIntent"]["status"] == "succeeded"


def test_confirming_sends_the_browser_on(
    open_page: Callable[..., Page],  # noqa: F811
    api: stripe.StripeClient,
) -> None:
    setup = api.v1.setup_intents.create({})
    method = api.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    page = open_page()
    page.evaluate(
        """([secret, method]) => { stripe.confirmSetup({
            clientSecret: secret,
            confirmParams: {payment_method: method, return_url: `${location.origin}/thanks`}}) }""",
        [setup.client_secret, method.id],
    )
    page.wait_for_url(f"**/thanks?setup_intent={setup.id}&setup_intent_client_secret=*&redirect_status=succeeded")


def test_the_usage_of_the_page_must_be_the_servers(
    open_page: Callable[..., Page],  # noqa: F811
    api: stripe.StripeClient,
) -> None:
    page = open_page(mode="setup")
    page.evaluate("elements.update({setupFutureUsage: 'on_session'})")
    give(page, "4242424242424242")
    expect(page.get_by_role("status")).to_have_text(
        "Error: The usage given to elements (on_session) does not match the SetupIntent's usage (off_session)."
    )
    assert saved(api) == []


def test_people_can_make_a_card_misbehave_and_a_period_end(browser: Browser, sandbox: Sandbox) -> None:
    happenings.happen(sandbox, "subscription", {})
    page = browser.new_page()
    page.goto(sandbox.url)
    page.get_by_role("button", name="No money on it").click()
    expect(page.get_by_role("region", name="The newest saved cards")).to_contain_text("insufficient funds")
    page.get_by_role("button", name="Period ends now").click()
    expect(page.get_by_role("region", name="The newest subscriptions")).to_contain_text("past due")
    page.get_by_role("button", name="Bank replaces it").click()
    page.get_by_role("button", name="All is well").click()
    expect(page.get_by_role("region", name="The newest saved cards")).to_contain_text("succeeds")
    page.close()
