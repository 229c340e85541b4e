"""The newsletter at the desk: found, explained, taken off, lifted, exported and told again; by those who may."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from members.models import NewsletterExport, NewsletterNews, NewsletterSubscription, NewsletterSuppression
from members.newsletter import choices, suppression
from nonprofit import clock
from nonprofit.models import AuditEntry
from tests import builders
from tests.members import readers

pytestmark = pytest.mark.django_db
LIST = "/admin/members/newslettersubscription/"


@pytest.fixture
def desk(settings: Settings) -> Client:
    settings.REQUIRE_STAFF_MFA = False
    builders.organization()
    client = Client()
    client.force_login(builders.staff("Staff"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_subscription_is_found_and_explained(desk: Client) -> None:
    row = readers.join(Client(), "ana@example.org")
    readers.ask(Client(), "bob@example.org")
    suppression.suppress("ana@example.org", suppression.Reason.COMPLAINT)
    shown = desk.get(f"{LIST}?status__exact=confirmed&purpose__exact=newsletter&source=sign-up+box").content.decode()
    assert "ana@example.org" in shown
    assert "bob@example.org" not in shown
    assert "bob@example.org" in desk.get(f"{LIST}?q=Bob@example.org").content.decode()
    page = desk.get(f"{LIST}{row.pk}/change/").content.decode()
    for words in ("Consent log", "one click", "sign-up box", "reported as spam", "Take off this list"):
        assert words in page
    entries = desk.get("/admin/members/consententry/?q=ana@example.org").content.decode()
    assert entries.count('class="field-at') == 3


def test_staff_take_somebody_off_who_calls(desk: Client) -> None:
    row = readers.join(Client(), "ana@example.org")
    for _ in range(2):
        assert desk.post(f"{LIST}{row.pk}/leave/").status_code == 302
    assert choices.chosen("ana@example.org") == {"newsletter": "unsubscribed"}
    assert AuditEntry.objects.filter(action="take off the list").count() == 1
    assert readers.log("ana@example.org")[-1] == ("newsletter", "left")


def test_staff_send_the_letter_again(desk: Client) -> None:
    readers.ask(Client(), "ana@example.org")
    row = NewsletterSubscription.objects.get()
    NewsletterSubscription.objects.update(letter_at=None)
    desk.post(f"{LIST}{row.pk}/again/")
    desk.post(f"{LIST}{row.pk}/again/")
    assert len(readers.letters("ana@example.org")) == 2


def test_a_suppression_is_lifted_with_a_reason(desk: Client) -> None:
    suppression.suppress("ana@example.org", suppression.Reason.BOUNCE, "5.1.1")
    row = NewsletterSuppression.objects.get()
    path = f"/admin/members/newslettersuppression/{row.pk}/"
    assert 'name="because"' in desk.get(f"{path}change/").content.decode()
    assert "Say why" in desk.post(f"{path}lift/", {"because": " "}, follow=True).content.decode()
    assert choices.is_suppressed("ana@example.org")
    desk.post(f"{path}lift/", {"because": "She called."})
    assert not choices.is_suppressed("ana@example.org")
    assert 'name="because"' not in desk.get(f"{path}change/").content.decode()
    assert (
        "ana"
        not in desk.get("/admin/members/newslettersuppression/?now=held").content.decode().split("result_list")[-1]
    )


def test_the_export_is_for_its_right_and_on_record(desk: Client) -> None:
    readers.join(Client(), "ana@example.org")
    assert ">Export</button>" in desk.get(LIST).content.decode()
    answer = desk.post(f"{LIST}export/", {"list": "newsletter"})
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    assert NewsletterExport.objects.get().rows == 1
    assert desk.post(f"{LIST}export/", {"list": "all"}).status_code == 302
    assert desk.get(f"{LIST}export/").status_code == 405
    finance = Client()
    finance.force_login(builders.staff("Finance"), backend="django.contrib.auth.backends.ModelBackend")
    assert ">Export</button>" not in finance.get(LIST).content.decode()
    assert finance.post(f"{LIST}export/", {"list": "newsletter"}).status_code == 403
    assert NewsletterExport.objects.count() == 1


def test_what_was_given_up_is_on_the_desk_and_told_again(desk: Client) -> None:
    assert "Newsletter changes not told" not in desk.get("/admin/").content.decode()
    row = NewsletterNews.objects.create(
        entry_id=1, email="ana@example.org", what="left", happened_at=clock.now(), status="given up", tries=10
    )
    assert "Newsletter changes not told" in desk.get("/admin/").content.decode()
    listed = desk.get("/admin/members/newsletternews/?status__exact=given+up").content.decode()
    assert "ana@example.org" in listed
    desk.post(f"/admin/members/newsletternews/{row.pk}/replay/")
    row.refresh_from_db()
    assert (row.status, row.tries) == ("waiting", 0)
