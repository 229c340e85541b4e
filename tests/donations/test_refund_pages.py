"""The desk's pages of refunds and disputes: asked, looked at, agreed to, listed; and what the portal tells."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from donations import disputes, refunds
from donations.models import Dispute, Gift, Policy, Refund
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money
from tests import builders
from tests.donations import money_back
from tests.donations.test_admin import desk
from tests.members import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


@pytest.fixture
def gift() -> Gift:
    return builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")


def typed(page: str, **changes: str) -> dict[str, str]:
    """The form as it came, with what was changed."""
    attempt = page.split('name="attempt" value="')[1].split('"')[0]
    return {"amount": "100", "reason": "asked", "note": "", "attempt": attempt, **changes}


def test_a_refund_is_looked_at_before_it_happens(gift: Gift) -> None:
    client, url = desk("Staff"), f"/admin/donations/refund/of-gift/{gift.pk}/"
    assert url in client.get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    asked = client.get(url).content.decode()
    assert 'value="100"' in asked
    assert "Above $250.00 of a gift" in asked
    form = typed(asked, amount="40", note="a zero too many")
    seen = client.post(url, {**form, "step": "look"}).content.decode()
    for part in (
        "-$40.00",
        "$60.00",
        f"Receipt {gift.paper.number} becomes void, and a new one over $60.00",
        "We have",
    ):
        assert part in seen, part
    assert "Stripe is asked at once" in seen
    assert Refund.objects.count() == 0
    for _ in range(2):
        done = client.post(url, {**form, "step": "do"}, follow=True)
    assert "on its way to Stripe" in done.content.decode()
    assert Refund.objects.get().note == "a zero too many"
    too_much = client.post(url, {**typed(client.get(url).content.decode()), "step": "do"}).content.decode()
    assert "more than is left: $60.00 of this gift" in too_much
    assert Refund.objects.count() == 1


def test_above_the_limit_somebody_else_decides(gift: Gift) -> None:
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 5000})
    client, url = desk("Finance"), f"/admin/donations/refund/of-gift/{gift.pk}/"
    form = typed(client.get(url).content.decode())
    assert "waits until a second person agrees" in client.post(url, {**form, "step": "look"}).content.decode()
    client.post(url, {**form, "step": "do"})
    refund = Refund.objects.get()
    decide = f"/admin/donations/refund/{refund.pk}/decide/"
    assert "somebody else has to agree" in client.get(decide).content.decode()
    assert client.post(decide, {"answer": "yes"}).status_code == 200
    refund.refresh_from_db()
    assert refund.state == "waiting"
    other = desk("Finance")
    home = other.get("/admin/").content.decode()
    assert "Refunds to agree to" in home
    assert decide in other.get(f"/admin/donations/refund/{refund.pk}/change/").content.decode()
    other.post(decide, {"answer": "yes"})
    refund.refresh_from_db()
    assert refund.state == "requested"
    assert "does not wait any more" in other.get(decide).content.decode()


def test_whoever_raised_the_limit_is_not_above_it_themselves(gift: Gift) -> None:
    client, url = desk("Finance"), f"/admin/donations/refund/of-gift/{gift.pk}/"
    Gift.objects.filter(pk=gift.pk).update(amount_minor=90_000)
    choices = {
        **{"ira_letter_says_no_benefit": "on", "vehicle_receipt_up_to_minor": "500.00"},
        **{"refund_alone_up_to_minor": "5000.00", "exports_kept_days": "14"},
        **{"fiscal_year_starts_in": "1", "statements_from_day": "15"},
    }
    assert client.post("/admin/donations/policy/1/change/", choices).status_code == 302
    assert Policy.get().refund_alone_up_to_minor == 500_000
    for person, limit, waits in ((client, "$250.00", True), (desk("Finance"), "$5,000.00", False)):
        page = person.get(url).content.decode()
        assert f"Above {limit} of a gift" in page
        said = person.post(url, {**typed(page, amount="300"), "step": "look"}).content.decode()
        assert ("waits until a second person agrees" in said) == waits
    # Whoever saves the page without touching the limit has not set it.
    other = desk("Finance")
    assert other.post("/admin/donations/policy/1/change/", choices | {"exports_kept_days": "20"}).status_code == 302
    assert Policy.get().refund_alone(User.objects.latest("pk")) == Money(500_000)


def test_a_second_person_can_say_no(gift: Gift) -> None:
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 0})
    refund = refunds.request(gift.pk, refunds.Wish(Money(100), "other"), user=builders.staff("Staff"))
    other = desk("Finance")
    other.post(f"/admin/donations/refund/{refund.pk}/decide/", {"answer": "no", "why": "Wrong gift"})
    shown = other.get("/admin/donations/refund/").content.decode()
    assert "refused: Wrong gift" in shown


def test_the_worklist_of_disputes(gift: Gift) -> None:
    near = money_back.dispute(gift, "needs_response")
    disputes.apply(near, gift.pk)
    Dispute.objects.update(evidence_due_at=clock.now() + timedelta(days=1, hours=2))
    client = desk("Staff")
    shown = client.get("/admin/donations/dispute/worklist/").content.decode()
    assert "(1 day left)</strong>" in shown
    assert f"https://dashboard.stripe.com/test/disputes/du_{gift.pk}" in shown
    assert "Disputes to answer" in client.get("/admin/").content.decode()
    pk = Dispute.objects.get().pk
    client.post(f"/admin/donations/dispute/{pk}/note/", {"note": "Ruth writes to the bank."})
    assert "Ruth writes to the bank." in client.get("/admin/donations/dispute/").content.decode()
    client.post(f"/admin/donations/dispute/{pk}/note/", {"note": "4242 4242 4242 4242"})
    assert Dispute.objects.get().note == "Ruth writes to the bank."
    on_gift = client.get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    assert "needs an answer" in on_gift
    assert "Refund it" not in on_gift


def test_who_sees_no_amounts_sees_none_here(gift: Gift) -> None:
    disputes.apply(money_back.dispute(gift, "needs_response"), gift.pk)
    clerk = builders.staff("Staff")
    clerk.groups.clear()
    _allow(clerk, "view_gift", "view_refund", "view_dispute", "request_refund")
    client = Client()
    client.force_login(clerk)
    for url in ("refund/", "dispute/", "dispute/worklist/", f"gift/{gift.pk}/change/"):
        assert "$100" not in client.get(f"/admin/donations/{url}").content.decode(), url
    assert client.get(f"/admin/donations/refund/of-gift/{gift.pk}/").status_code == 403


def _allow(user: User, *names: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=names))


def test_the_portal_tells_what_went_back(gift: Gift, client: Client) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000))
    people.sign_in(client, "ana@example.org")
    shown = client.get("/portal/").content.decode()
    assert "-$40.00" in shown
    assert "Refunded to your card" in shown
    assert '<p class="figure-value">$60.00</p>' in shown
    assert "Receipt on its way" in shown
    disputes.apply(money_back.dispute(gift, "needs_response", amount_minor=6000), gift.pk)
    shown = client.get("/portal/").content.decode()
    assert "-$60.00" in shown
    assert "while it looks into the payment" in shown
    disputes.apply(money_back.dispute(gift, "won", amount_minor=6000), gift.pk)
    assert '<p class="figure-value">$60.00</p>' in client.get("/portal/").content.decode()


def test_the_thank_you_page_of_a_refunded_gift(gift: Gift, client: Client) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    shown = client.get(f"/thanks/{gift.token}/").content.decode()
    assert "This gift was refunded." in shown


def test_totals_count_what_was_kept(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000))
    client = desk("Staff")
    assert gift.donor is not None
    assert "$60.00" in client.get("/admin/").content.decode()
    supporter = client.get(f"/admin/donations/donor/{gift.donor.pk}/change/").content.decode()
    assert "$60.00" in supporter
