"""What a supporter does in the browser, in the words they would use."""

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect

GOOD = "4242424242424242"
SAYS_DONE = re.compile("thank you", re.IGNORECASE)


class Supporter:
    """Fills and sends the giving page that `page` shows."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def visit(self) -> "Supporter":
        self.page.goto("/give/")
        expect(self.card.get_by_label("Card number")).to_be_visible()
        return self

    @property
    def card(self) -> FrameLocator:
        return self.page.frame_locator("iframe[title='Secure payment input frame']")

    @property
    def bank(self) -> FrameLocator:
        return self.page.frame_locator("iframe[title='Card authentication by your bank']")

    @property
    def button(self) -> Locator:
        return self.page.locator("form#give button[type=submit]")

    def tell(self, *, amount: str = "25", name: str = "Ana Łukasz 李", email: str = "ana@example.org") -> "Supporter":
        """Type an amount of one's own, name and e-mail."""
        self.page.locator(
            "input[name=amount][value=other]:visible, label:has(input[value=other]):visible"
        ).first.click()
        self.page.locator("input[name=other_amount]").fill(amount)
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("input[name=email]").fill(email)
        return self

    def type_card(self, number: str = GOOD, *, expiry: str = "12 / 34", code: str = "123") -> "Supporter":
        self.card.get_by_label("Card number").fill(number)
        self.card.get_by_label("Expiration date").fill(expiry)
        self.card.get_by_label("Security code").fill(code)
        self.card.get_by_label("ZIP code").fill("02139")
        return self

    def give(self) -> "Supporter":
        self.button.click()
        return self

    def sees_thanks(self) -> None:
        """The thank-you page, which turns to done by itself."""
        self.page.wait_for_url("**/thanks/**")
        expect(self.page.locator("[data-state=settled]")).to_be_visible(timeout=20_000)
        expect(self.page.locator("h1").locator("visible=true")).to_contain_text(SAYS_DONE)
