"""The desk's buttons and forms: each deed once, named in the audit log, and only for those who may."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings

from donations import campaigns, inbox
from donations.models import Campaign, Fund, Gift, Receipt, StripeEvent, Way
from donations.receipts import deliver
from nonprofit import clock
from nonprofit.models import AuditEntry, Organization, OutgoingEmail
from tests import builders
from tests.donations.test_admin import desk


@pytest.fixture(autouse=True)
def _one_factor(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False


def event(state: str, **fields: Any) -> StripeEvent:
    defaults: dict[str, Any] = {"event_id": "evt_1", "type": "payment_intent.succeeded", "is_live": False, "body": {}}
    return StripeEvent.objects.create(**{**defaults, "happened_at": clock.now(), "state": state, "tries": 25, **fields})


def sent(receipt: Receipt) -> None:
    """The receipt's first letter has left."""
    OutgoingEmail.objects.filter(key=receipt.mail_key).update(status="sent", sent_at=clock.now())


def at_once(count: int, work: Callable[[], object]) -> None:
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait(timeout=20)
        work()
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)


def deeds() -> list[tuple[str, str]]:
    """What the staff did, and to what."""
    return list(
        AuditEntry.objects.filter(actor__startswith="staff:").order_by("pk").values_list("action", "target_type")
    )


# --- the receipt again -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_receipt_goes_again_with_the_paper_as_issued() -> None:
    receipt = builders.receipted_gift().paper
    sent(receipt)
    url = f"/admin/donations/receipt/{receipt.pk}/send-again/"

    answer = desk("Finance").post(url, {"back": f"/admin/donations/gift/{receipt.gift_id}/change/"}, follow=True)

    assert answer.redirect_chain == [(f"/admin/donations/gift/{receipt.gift_id}/change/", 302)]
    assert "on its way to ana@example.org again" in answer.content.decode()
    first, again = OutgoingEmail.objects.order_by("pk")
    assert (first.status, again.status, again.to) == ("sent", "queued", "ana@example.org")
    assert again.attachment_id == first.attachment_id == receipt.pdf.file_id
    assert again.text == first.text
    assert deeds() == [("send receipt again", "receipt")]
    assert Receipt.objects.count() == 1


@pytest.mark.django_db
def test_pressed_twice_it_goes_once_and_later_it_goes_anew() -> None:
    receipt = builders.receipted_gift().paper
    sent(receipt)
    waiting = deliver.resend(receipt.pk, "staff:1")
    assert deliver.resend(receipt.pk, "staff:1") == waiting
    OutgoingEmail.objects.filter(pk=waiting.pk).update(status="sent", sent_at=clock.now())
    assert deliver.resend(receipt.pk, "staff:1") != waiting
    keys = [letter.key for letter in deliver.letters(receipt)]
    assert keys == [f"receipt:{receipt.pk}", f"receipt:{receipt.pk}:again:1", f"receipt:{receipt.pk}:again:2"]


def test_pressed_at_once_it_goes_once(committed_db: None) -> None:
    receipt = builders.receipted_gift().paper
    sent(receipt)
    at_once(4, lambda: deliver.resend(receipt.pk, "staff:1"))
    assert OutgoingEmail.objects.filter(key__contains=":again:").count() == 1
    assert AuditEntry.objects.filter(action="send receipt again").count() == 1


@pytest.mark.django_db
def test_it_does_not_go_without_a_paper_or_an_address() -> None:
    gift = builders.receipted_gift(donor_email="")
    client, receipt = desk("Finance"), gift.paper
    text = client.post(f"/admin/donations/receipt/{receipt.pk}/send-again/", follow=True).content.decode()
    assert "no e-mail address" in text
    assert (OutgoingEmail.objects.count(), deeds()) == (0, [])


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["Staff", ""])
def test_only_finance_and_administrators_send_again_or_handle_again(group: str) -> None:
    receipt, stuck = builders.receipted_gift().paper, event("failed")
    sent(receipt)
    letter = OutgoingEmail.objects.get()
    client = desk(group)
    for url in (
        f"/admin/donations/receipt/{receipt.pk}/send-again/",
        f"/admin/donations/stripeevent/{stuck.pk}/again/",
        f"/admin/nonprofit/outgoingemail/{letter.pk}/send-again/",
        f"/admin/donations/campaign/{Campaign.objects.get().pk}/default/",
    ):
        assert client.post(url).status_code == 403
    assert (OutgoingEmail.objects.count(), deeds()) == (1, [])


@pytest.mark.django_db
def test_buttons_take_a_post_and_lead_nowhere_else() -> None:
    receipt = builders.receipted_gift().paper
    url, client = f"/admin/donations/receipt/{receipt.pk}/send-again/", desk("Finance")
    assert client.get(url).status_code == 405
    assert client.post("/admin/donations/receipt/999999/send-again/").status_code == 404
    for elsewhere in ("https://evil.example/", "//evil.example/", "evil"):
        assert client.post(url, {"back": elsewhere})["Location"] == f"/admin/donations/receipt/{receipt.pk}/change/"
    strict = Client(enforce_csrf_checks=True)
    assert desk("Finance", strict).post(url).status_code == 403


@pytest.mark.django_db
def test_many_receipts_go_again_from_the_list() -> None:
    receipts = [builders.receipted_gift(donor_email=f"p{n}@example.org").paper for n in range(2)]
    for receipt in receipts:
        sent(receipt)
    client = desk("Finance")
    body = {"action": "send_again", "_selected_action": [receipt.pk for receipt in receipts]}
    assert client.post("/admin/donations/receipt/", body).status_code == 302
    assert OutgoingEmail.objects.filter(status="queued").count() == 2
    assert deeds() == [("send receipt again", "receipt")] * 2


# --- letters and events again ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_letter_given_up_waits_to_be_sent_anew() -> None:
    builders.receipted_gift()
    letter = OutgoingEmail.objects.get()
    OutgoingEmail.objects.update(status="failed", tries=12, last_error="SMTPRecipientsRefused 550")
    client, url = desk("Finance"), f"/admin/nonprofit/outgoingemail/{letter.pk}/send-again/"
    assert "waits to be sent" in client.post(url, follow=True).content.decode()
    assert "not given up" in client.post(url, follow=True).content.decode()
    letter.refresh_from_db()
    assert (letter.status, letter.tries) == ("queued", 0)
    assert deeds() == [("send again", "outgoingemail")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "is_taken"), [("failed", True), ("unmatched", True), ("done", False), ("ignored", False)]
)
def test_an_event_is_handled_anew_only_when_it_waits_for_a_person(state: str, is_taken: bool) -> None:
    row = event(state)
    builders.organization()
    desk("Finance").post(f"/admin/donations/stripeevent/{row.pk}/again/")
    row.refresh_from_db()
    assert (row.state, row.tries) == (("waiting", 0) if is_taken else (state, 25))
    assert deeds() == ([("handle again", "stripeevent")] if is_taken else [])


@pytest.mark.django_db
def test_a_payment_that_fitted_no_gift_is_ignored_no_more_once_handled_again() -> None:
    row = event("unmatched", body={"id": "evt_1", "data": {"object": {"id": "pi_9", "metadata": {}}}}, object_id="pi_9")
    assert inbox.handle_again(row.pk, "staff:1")
    inbox.handle(row.pk)
    row.refresh_from_db()
    assert row.state == "unmatched"


# --- texts -----------------------------------------------------------------------------------------------------------


def form_of(client: Client, url: str) -> dict[str, Any]:
    """The form's values as the browser would send them back."""
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: "on" if value is True else value for name, value in values.items() if value not in (None, False)}


@pytest.mark.django_db
def test_a_changed_text_is_on_the_page_at_once_and_in_the_log() -> None:
    builders.campaign()
    way = Way.objects.create(kind="check", title="By check", body="Write one.", position=1)
    client, url = desk("Staff"), f"/admin/donations/way/{way.pk}/change/"
    assert "By check" in Client().get("/ways/").content.decode()

    answer = client.post(url, form_of(client, url) | {"title": "With a check"})

    assert answer.status_code == 302
    assert "With a check" in Client().get("/ways/").content.decode()
    entry = AuditEntry.objects.get(action="change way")
    assert (entry.before, entry.after) == ({"title": "By check"}, {"title": "With a check"})
    assert Organization.objects.get().content_version == 2
    client.post(url, form_of(client, url))
    assert AuditEntry.objects.filter(action="change way").count() == 1


@pytest.mark.django_db
def test_ways_are_deleted_by_administrators_only() -> None:
    builders.campaign()
    way = Way.objects.create(kind="check", title="By check", body="Write one.", position=1)
    url = f"/admin/donations/way/{way.pk}/delete/"
    assert desk("Staff").post(url, {"post": "yes"}).status_code == 403
    assert desk("Administrator").post(url, {"post": "yes"}).status_code == 302
    assert not Way.objects.exists()
    assert deeds() == [("delete way", "way")]


@pytest.mark.django_db
def test_an_administrator_edits_amounts_as_money() -> None:
    campaign = builders.campaign()
    client, url = desk("Administrator"), f"/admin/donations/campaign/{campaign.pk}/change/"
    values = form_of(client, url)
    assert values["amounts_once"] == "25 50 100 250"
    typed = values | {
        "amounts_once": "20 40 80",
        "amounts_monthly": "5, 7.50, 10",
        "amounts_yearly": "60 120",
        "minimum_minor": "2",
        "maximum_minor": "25,000",
        "fee_fixed_minor": "0.25",
    }
    assert client.post(url, typed).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.amounts_once, campaign.amounts_monthly) == ([2000, 4000, 8000], [500, 750, 1000])
    assert (campaign.minimum_minor, campaign.maximum_minor, campaign.fee_fixed_minor) == (200, 2_500_000, 25)
    refused = client.post(url, typed | {"amounts_once": "1 40"})
    assert "$1.00 is less than the smallest" in refused.content.decode()
    assert "The smallest gift is larger" in client.post(url, typed | {"minimum_minor": "30000"}).content.decode()


@pytest.mark.django_db
def test_staff_write_a_campaigns_texts_and_cannot_touch_its_limits() -> None:
    campaign = builders.campaign()
    client, url = desk("Staff"), f"/admin/donations/campaign/{campaign.pk}/change/"
    typed = {
        "name": "Year end",
        "heading": "New words",
        "intro": "Why.",
        "about_money": "",
        "thanks": "Thanks.",
        "amounts_once": "10 20",
        "amounts_monthly": "10 20",
        "amounts_yearly": "10 20",
        "minimum_minor": "0.50",
        "maximum_minor": "999999",
        "fee_percent": "0",
        "slug": "other",
    }
    assert client.post(url, typed).status_code == 302
    changed = Campaign.objects.get()
    assert (changed.heading, changed.amounts_once) == ("New words", [1000, 2000])
    same = ("minimum_minor", "maximum_minor", "fee_percent", "slug")
    assert [getattr(changed, name) for name in same] == [
        getattr(Campaign.objects.get(pk=campaign.pk), name) for name in same
    ]
    assert (changed.minimum_minor, changed.maximum_minor, changed.slug) == (100, 5_000_000, "year-end")
    assert desk("Finance").post(url, typed).status_code == 403


@pytest.mark.django_db
def test_another_campaign_becomes_the_page_at_the_root() -> None:
    builders.campaign()
    other = builders.campaign(slug="schools", code="SCH", is_default=False, heading="For the schools desk")
    client = desk("Administrator")
    assert client.post(f"/admin/donations/campaign/{other.pk}/default/").status_code == 302
    campaigns.make_default(other.pk, "staff:1")
    assert [c.slug for c in Campaign.objects.filter(is_default=True)] == ["schools"]
    assert "For the schools desk" in Client().get("/").content.decode()
    assert deeds() == [("make default", "campaign")]


@pytest.mark.django_db
def test_a_funds_code_is_fixed_once_money_was_booked_to_it() -> None:
    gift: Gift = builders.booked_gift()
    client, url = desk("Finance"), f"/admin/donations/fund/{gift.fund_id}/change/"
    typed = {"name": "General", "code": "999", "restriction": "perpetual", "is_offered": "on", "position": "3"}
    assert client.post(url, typed).status_code == 302
    fund = Fund.objects.get()
    assert (fund.name, fund.code, fund.restriction, fund.position) == ("General", "100-GEN", "none", 3)
