"""Choosing lists, by a signed link or in the portal; mailboxes that say no; and what moves when people do (nothing)."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.desk import merging
from donations.models import Donor
from members.models import ConsentEntry, NewsletterSubscription, NewsletterSuppression, SoftBounce
from members.newsletter import choices, links, suppression, words
from nonprofit import clock, mail, mail_news
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import people, readers
from tests.members.readers import join, log, states

SECRET = "a secret of the mail service"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _newsroom(settings: Settings) -> None:
    builders.organization()
    settings.MAIL_EVENT_SECRETS = [SECRET]


def preferences(row: NewsletterSubscription) -> str:
    return f"/newsletter/preferences/{links.token(row, links.PREFERENCES)}/"


# --- choosing -------------------------------------------------------------------------------------------------------


def test_the_link_shows_and_changes_every_list(client: Client) -> None:
    path = preferences(join(client, "ana@example.org"))
    page = client.get(path).content.decode()
    assert page.count('type="checkbox"') == 3
    assert page.count(" checked") == 1
    assert "a•••@example.org" in page
    assert "ana@example.org" not in page
    assert client.post(path, {"lists": ["appeals", "members", "nonsense"]}).status_code == 302
    assert states() == [
        ("ana@example.org", "newsletter", "unsubscribed"),
        ("ana@example.org", "members", "confirmed"),
        ("ana@example.org", "appeals", "confirmed"),
    ]
    entry = ConsentEntry.objects.get(purpose="appeals")
    assert (entry.what, entry.words, entry.source) == (
        "confirmed",
        words.CHOICES["appeals"].text,  # type: ignore[index]
        "preference page",
    )
    before = log("ana@example.org")
    client.post(path, {"lists": ["appeals", "members"]})
    assert log("ana@example.org") == before, "twice is once"
    client.post(path, {"lists": ["appeals", "members"], "nothing": "1"})
    assert {status for _, _, status in states()} == {"unsubscribed"}, "one press for everything"
    client.post(path)
    assert len(log("ana@example.org")) == len(before) + 2


@pytest.mark.django_db(transaction=True)
def test_chosen_by_eight_at_once_is_chosen_once(client: Client) -> None:
    join(client, "ana@example.org")
    both = ["members", "appeals"]
    assert at_once(8, lambda _: choices.choose("ana@example.org", both, source="portal", actor="supporter")) == []
    assert [what for _, what in log("ana@example.org")] == ["asked", "confirmed", "left", "confirmed", "confirmed"]


def test_who_is_signed_in_confirms_without_a_letter(client: Client) -> None:
    people.gave("ana@example.org", wants_newsletter=True)
    assert client.get("/portal/newsletter/").status_code == 302
    people.sign_in(client, "ana@example.org")
    page = client.get("/portal/newsletter/").content.decode()
    assert "Waits for you to confirm" in page
    assert 'aria-current="page">Newsletter' in page
    client.post("/portal/newsletter/", {"lists": ["newsletter"]})
    assert states() == [("ana@example.org", "newsletter", "confirmed")]
    assert ConsentEntry.objects.get(what="confirmed").source == "portal"


def test_an_address_that_is_not_proven_chooses_nothing(client: Client) -> None:
    user = User.objects.create_user("eve@example.org")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert "First show that" in client.get("/portal/newsletter/").content.decode()
    client.post("/portal/newsletter/", {"lists": ["newsletter"]})
    assert states() == []


def test_a_form_of_another_site_changes_nobodys_choices(client: Client) -> None:
    path = preferences(join(client, "ana@example.org"))
    assert Client(enforce_csrf_checks=True).post(path, {"nothing": "1"}).status_code == 403
    assert states() == [("ana@example.org", "newsletter", "confirmed")]


# --- people who move ------------------------------------------------------------------------------------------------


def test_a_new_address_or_a_merge_subscribes_nobody(client: Client) -> None:
    """Subscriptions belong to addresses: nothing moves with a donor, and nothing is asked of a new address."""
    clerk = builders.staff("Administrator")
    people.gave("ana@example.org", wants_newsletter=True)
    join(client, "old@example.org")
    people.gave("old@example.org")
    ana, old = Donor.objects.get(email="ana@example.org"), Donor.objects.get(email="old@example.org")
    before, letters, entries = states(), OutgoingEmail.objects.count(), ConsentEntry.objects.count()
    merging.merge(ana.pk, old.pk, user=clerk)
    Donor.objects.filter(pk=ana.pk).update(email="new@example.org")
    assert (states(), ConsentEntry.objects.count()) == (before, entries)
    assert OutgoingEmail.objects.filter(template__startswith="newsletter").count() <= letters
    assert not OutgoingEmail.objects.filter(to="new@example.org").exists()


# --- mailboxes that say no ------------------------------------------------------------------------------------------


def sent(letter: OutgoingEmail) -> OutgoingEmail:
    letter.status, letter.sent_at, letter.message_id = "sent", clock.now(), f"<1764163200.7.9.{letter.pk}@example.org>"
    letter.save()
    return letter


def tell(letter: OutgoingEmail, event: str, code: str = "", at: str = "") -> None:
    told = {"message_id": letter.message_id, "event": event, "code": code} | ({"at": at} if at else {})
    body = json.dumps({"events": [told]}).encode()
    header = mail_news.signed(SECRET, int(clock.now().timestamp()), body)
    answer = Client().post(
        reverse("mail_events"), body, content_type="application/json", headers={"Mail-Signature": header}
    )
    assert answer.status_code == 200


def notice(number: int, **options: object) -> OutgoingEmail:
    context = {"subject": "x", "text": "x"}
    return sent(mail.queue(f"notice:{number}", "ana@example.org", "account_notice", context, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "code", "reason"),
    [
        ("bounced", "5.1.1", "bounce"),
        ("bounced", "550", "bounce"),
        ("bounced", "", "bounce"),
        ("complained", "", "complaint"),
    ],
)
def test_a_mailbox_that_says_no_gets_no_newsletter_but_its_receipts(
    client: Client, event: str, code: str, reason: str
) -> None:
    join(client, "ana@example.org")
    for _ in range(3):
        tell(sent(readers.letters("ana@example.org")[0]), event, code)
    row = NewsletterSuppression.objects.get()
    assert (row.email, row.reason, row.code) == ("ana@example.org", reason, code)
    assert log("ana@example.org")[-1] == ("", "suppressed")
    assert log("ana@example.org").count(("", "suppressed")) == 1
    people.receipted(people.gave("ana@example.org"))
    mail.send_due()
    went = dict(OutgoingEmail.objects.exclude(template="newsletter_confirm").values_list("template", "status"))
    assert went == {"newsletter_welcome": "stopped", "receipt": "sent"}
    assert "we have stopped" in client.get(preferences(join_row())).content.decode()


def join_row() -> NewsletterSubscription:
    return NewsletterSubscription.objects.get(purpose="newsletter")


def test_passing_trouble_suppresses_only_when_it_goes_on() -> None:
    for number in range(3):
        letter = notice(number)
        tell(letter, "bounced", "4.2.2")
        tell(letter, "bounced", "4.2.2")
    assert not NewsletterSuppression.objects.exists(), "three letters, told twice each"
    tell(notice(3), "bounced", "552 5.2.2")
    assert NewsletterSuppression.objects.get().reason == "soft"


def test_a_letter_that_arrives_begins_the_count_anew() -> None:
    for number in range(3):
        tell(notice(number), "bounced", "451")
    tell(notice(3), "delivered")
    assert not SoftBounce.objects.exists()
    tell(notice(4), "bounced", "5.7.1")
    assert not NewsletterSuppression.objects.exists()


@pytest.mark.parametrize(
    ("code", "passes"),
    [("4.4.1", True), ("421", True), ("5.2.2", True), ("5.7.26", True), ("5.1.1", False), ("550 5.1.1", False),
     ("554", False), ("", False), ("SMTPRecipientsRefused 550", False)],
)  # fmt: skip
def test_what_codes_mean(code: str, passes: bool) -> None:
    assert suppression.is_passing(code) == passes


@pytest.mark.django_db(transaction=True)
def test_suppressed_by_eight_at_once_is_suppressed_once() -> None:
    assert at_once(8, lambda _: suppression.suppress("ana@example.org", suppression.Reason.BOUNCE)) == []
    assert NewsletterSuppression.objects.count() == 1
    assert log("ana@example.org") == [("", "suppressed")]


def test_lifting_needs_a_reason_and_old_news_do_not_undo_it() -> None:
    clerk = builders.staff("Staff")
    before = clock.now().isoformat()
    letter = notice(1)
    tell(letter, "bounced", "5.1.1")
    row = NewsletterSuppression.objects.get()
    with pytest.raises(ValueError, match="Say why"):
        suppression.lift(row.pk, by=clerk, because=" ")
    assert choices.is_suppressed("ana@example.org")
    assert suppression.lift(row.pk, by=clerk, because="She called: a full disk.")
    assert not suppression.lift(row.pk, by=clerk, because="again")
    assert log("ana@example.org") == [("", "suppressed"), ("", "lifted")]
    tell(letter, "bounced", "5.1.1", at=before)
    assert not choices.is_suppressed("ana@example.org")
    tell(notice(2), "bounced", "5.1.1")
    assert choices.is_suppressed("ana@example.org"), "new news count"
