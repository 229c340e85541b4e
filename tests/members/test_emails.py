"""The e-mails of an account: both mailboxes agree, the old one can take it back, and nobody takes an account over."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client

from donations.models import Donor, DonorEmail, DonorMerge, Gift
from members import accounts, email_letters, emails
from members.models import EmailChange
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import people

ANA, NEW = "ana@example.org", "ana.new@example.org"
PAGE, CHANGE, ADD = "/portal/emails/", "/portal/emails/change/", "/portal/emails/add/"
State = EmailChange.State


@pytest.fixture
def ana(client: Client) -> Client:
    people.gave(ANA)
    people.sign_in(client, ANA)
    return client


def link(to: str, template: str) -> str:
    """The path in the newest letter of that kind."""
    letter = OutgoingEmail.objects.filter(to=to, template=template).latest("pk")
    found = re.search(r"https?://[^/\s]+(/portal/emails/\S+/)", letter.text)
    assert found, letter.text
    assert found[1] in letter.html
    return found[1]


def asked(client: Client, email: str = NEW) -> str:
    """The link that went to the new address."""
    assert client.post(CHANGE, {"email": email}).status_code == 302
    return link(email, "email_confirm")


def signs_in_as() -> tuple[str, str | None, list[tuple[str, bool]]]:
    """The user's address, the record's, and allauth's: they say the same or something is wrong."""
    user = User.objects.get(donor__isnull=False)
    rows = EmailAddress.objects.filter(user=user).values_list("email", "verified")
    return user.email, Donor.objects.get(user=user).email, list(rows)


@pytest.mark.django_db
def test_both_mailboxes_agree_and_then_all_tables_say_so(ana: Client) -> None:
    other = Client()
    people.sign_in(other, ANA)
    path = asked(ana)
    assert signs_in_as() == (ANA, ANA, [(ANA, True)]), "until the new mailbox answers nothing changes"
    notice = OutgoingEmail.objects.get(to=ANA, template="email_changing")
    assert NEW in notice.text
    assert "Nothing has changed yet" in notice.text

    assert ana.get(path).status_code == 200
    assert signs_in_as()[0] == ANA, "a mail program that follows links changes nothing"
    answer = ana.post(path)

    assert answer["Location"] == people.CODE_PAGE
    assert signs_in_as() == (NEW, NEW, [(NEW, True)])
    assert DonorEmail.objects.get().email == ANA
    assert DonorEmail.objects.get().purpose == "former"
    assert ana.get(PAGE).status_code == other.get(PAGE).status_code == 302, "every session is over"
    entry = AuditEntry.objects.get(action="change donor")
    assert (entry.actor, entry.before, entry.after) == ("supporter", {"email": ANA}, {"email": NEW})
    people.sign_in(other, NEW)
    assert "$25.00" in other.get("/portal/").content.decode()
    assert accounts.open_for(ANA) is None, "the old address opens nothing any more"
    assert people.gave(ANA).donor == Donor.objects.get(), "a gift under the old address is still theirs"


@pytest.mark.django_db
def test_an_old_session_must_sign_in_again_first(ana: Client) -> None:
    with time_machine.travel(clock.now() + timedelta(minutes=16), tick=True):
        answer = ana.post(CHANGE, {"email": NEW})
        assert answer["Location"].startswith("/accounts/again/")
        assert not EmailChange.objects.exists()
        assert not OutgoingEmail.objects.filter(to=NEW).exists()
    path = asked(ana)
    with time_machine.travel(clock.now() + timedelta(minutes=16), tick=True):
        assert ana.post(path)["Location"].startswith("/accounts/again/")
    assert signs_in_as()[0] == ANA


@pytest.mark.django_db
def test_the_link_alone_opens_nothing(ana: Client) -> None:
    path = asked(ana, "bob@example.org")
    people.gave("bob@example.org")
    bob = Client()
    assert bob.post(path)["Location"].startswith(("/accounts/login/", "/accounts/again/"))
    people.sign_in(bob, "bob@example.org")
    answer = bob.post(path)
    assert answer.status_code == 404, "somebody else's link is answered like one that was used"
    assert ANA not in answer.content.decode()
    assert signs_in_as_of(ANA)
    assert signs_in_as_of("bob@example.org")


def signs_in_as_of(email: str) -> bool:
    donor = Donor.objects.get(email=email)
    return donor.user is not None and donor.user.email == email


@pytest.mark.django_db
def test_the_address_of_another_account_is_not_taken_even_by_its_own_mailbox(ana: Client) -> None:
    people.gave("bob@example.org", 6600)
    people.sign_in(Client(), "bob@example.org")
    known = ana.post(CHANGE, {"email": "bob@example.org"})
    unknown = ana.post(CHANGE, {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert ana.post(CHANGE, {"email": "bob@example.org"}).status_code == 302
    letters = [OutgoingEmail.objects.filter(to=to).latest("pk") for to in ("bob@example.org", "nobody@example.org")]
    assert letters[0].template == letters[1].template, "and each gets the same letter"

    ana.post(link("bob@example.org", "email_confirm"))
    assert EmailChange.objects.latest("pk").state == State.FOR_STAFF
    assert signs_in_as_of(ANA)
    assert signs_in_as_of("bob@example.org")
    assert "$66.00" not in ana.get("/portal/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("after", [timedelta(hours=25), timedelta(0)])
def test_a_link_works_once_and_for_a_day(ana: Client, after: timedelta) -> None:
    asked(ana)
    change, user = EmailChange.objects.get(), User.objects.get()
    with time_machine.travel(clock.now() + after, tick=True):
        first = emails.confirm(change.pk, user.pk)
        again = emails.confirm(change.pk, user.pk)
    if after:
        assert (first, again) == (emails.Outcome.EXPIRED, emails.Outcome.EXPIRED)
        assert signs_in_as()[0] == ANA
    else:
        assert (first, again) == (emails.Outcome.CHANGED, emails.Outcome.USED)
        assert signs_in_as()[0] == NEW


@pytest.mark.django_db
def test_asked_anew_the_earlier_link_is_void_and_tokens_cannot_be_made(ana: Client) -> None:
    first = asked(ana, "one@example.org")
    asked(ana, "two@example.org")
    assert ana.post(first).status_code == 404
    change = EmailChange.objects.latest("pk")
    not_me = email_letters.url(change, email_letters.NOT_ME).rstrip("/").rpartition("/")[2]
    for token in (str(change.pk), f"{change.pk}.AAAA", not_me):
        assert ana.post(f"/portal/emails/confirm/{token}/").status_code == 404
    assert Client().post(f"/portal/emails/not-me/{change.pk}.AAAA/").status_code == 404
    assert signs_in_as()[0] == ANA


@pytest.mark.django_db
def test_the_old_mailbox_stops_it_without_signing_in(ana: Client) -> None:
    path = asked(ana)
    stop = link(ANA, "email_changing")
    stranger = Client()
    assert "This was not me" in stranger.get(stop).content.decode()
    assert EmailChange.objects.get().state == State.ASKED, "looking stops nothing"
    assert "It is stopped" in stranger.post(stop).content.decode()
    assert ana.get(PAGE).status_code == 302, "whoever asked is out"
    people.sign_in(ana, ANA)
    assert ana.post(path).status_code == 404
    assert signs_in_as() == (ANA, ANA, [(ANA, True)])


@pytest.mark.django_db
def test_for_a_week_the_old_mailbox_takes_it_back_with_all_that_came_after(ana: Client) -> None:
    ana.post(asked(ana))
    people.sign_in(ana, NEW)
    ana.post(asked(ana, "thief@example.org"))
    assert signs_in_as()[0] == "thief@example.org"
    people.sign_in(ana, "thief@example.org")
    with time_machine.travel(clock.now() + timedelta(days=6), tick=True):
        answer = Client().post(link(ANA, "email_changing"))
    assert "It is taken back" in answer.content.decode()
    assert signs_in_as() == (ANA, ANA, [(ANA, True)])
    assert ana.get(PAGE).status_code == 302
    # What the thief's mailbox was told opens nothing now.
    Client().post(link(NEW, "email_changing"))
    assert signs_in_as()[0] == ANA
    assert set(EmailChange.objects.values_list("state", flat=True)) == {State.TAKEN_BACK}


@pytest.mark.django_db
def test_after_a_week_a_person_must_help(ana: Client) -> None:
    ana.post(asked(ana))
    with time_machine.travel(clock.now() + timedelta(days=8), tick=True):
        assert "A person must help" in Client().post(link(ANA, "email_changing")).content.decode()
    assert signs_in_as()[0] == NEW


def confirmed_at_once(links: list[tuple[int, int]]) -> list[str]:
    outcomes: list[str] = []
    assert at_once(len(links), lambda index: outcomes.append(emails.confirm(*links[index]))) == []
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_who_confirm_one_address_at_once_do_not_both_get_it() -> None:
    changes = []
    for email in (ANA, "bob@example.org"):
        people.gave(email)
        people.sign_in(Client(), email)
        user = User.objects.get(email=email)
        changes.append((emails.ask(user.pk, EmailChange.Kind.MAIN, NEW).pk, user.pk))
    first, second = changes
    outcomes = confirmed_at_once([first, second])
    assert sorted(outcomes) == ["changed", "for staff"]
    assert User.objects.filter(email=NEW).count() == Donor.objects.filter(email=NEW).count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_link_twice_at_once_changes_once(client: Client) -> None:
    people.gave(ANA)
    people.sign_in(client, ANA)
    user = User.objects.get()
    change = emails.ask(user.pk, EmailChange.Kind.MAIN, NEW)
    outcomes = confirmed_at_once([(change.pk, user.pk)] * 2)
    assert sorted(outcomes) == ["changed", "used"]
    assert AuditEntry.objects.filter(action="change donor").count() == 1


# ---- A second e-mail -------------------------------------------------------------------------------------------------


def added(client: Client, email: str) -> None:
    assert client.post(ADD, {"further-email": email}).status_code == 302
    client.post(link(email, "email_confirm"))


@pytest.mark.django_db
def test_gifts_under_another_address_are_theirs_once_its_mailbox_says_so(ana: Client) -> None:
    people.gave("ana.work@example.org", 7700)
    ana.post(ADD, {"further-email": "ana.work@example.org"})
    assert "$77.00" not in ana.get("/portal/").content.decode(), "typing an address brings nothing"
    ana.post(link("ana.work@example.org", "email_confirm"))
    assert "$77.00" in ana.get("/portal/").content.decode()
    kept = Donor.objects.get(user__email=ANA)
    assert Gift.objects.filter(donor=kept).count() == 2
    assert [one.email for one in kept.further_emails.all()] == ["ana.work@example.org"]
    assert DonorMerge.objects.get().reason == "proved the mailbox"
    assert AuditEntry.objects.filter(action="merge supporters", actor="supporter").count() == 2
    assert accounts.open_for("ana.work@example.org") is None, "it is no second key"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["signs in", "company", "dead"])
def test_records_that_are_not_simply_theirs_go_to_staff(ana: Client, kind: str) -> None:
    gift = people.gave("other@example.org", 6600)
    assert gift.donor is not None
    if kind == "signs in":
        people.sign_in(Client(), "other@example.org")
    else:
        Donor.objects.filter(pk=gift.donor.pk).update(
            **({"kind": "company"} if kind == "company" else {"is_deceased": True})
        )
    added(ana, "other@example.org")
    assert "$66.00" not in ana.get("/portal/").content.decode()
    assert EmailChange.objects.get().state == State.FOR_STAFF
    assert not DonorEmail.objects.exists()
    assert not DonorMerge.objects.exists()
    assert "A person looks at it" in ana.get(PAGE).content.decode()


@pytest.mark.django_db
def test_an_account_that_nobody_entered_stands_in_no_way(ana: Client) -> None:
    people.gave("ana.work@example.org", 7700)
    assert accounts.open_for("ana.work@example.org") is not None, "a stranger typed it on the sign-in page"
    added(ana, "ana.work@example.org")
    assert "$77.00" in ana.get("/portal/").content.decode()
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_new_second_address_is_added_and_removed(ana: Client) -> None:
    added(ana, "ana.home@example.org")
    row = DonorEmail.objects.get()
    assert (row.email, row.donor.email) == ("ana.home@example.org", ANA)
    other = DonorEmail.objects.create(donor=builders.donor(), email="not.hers@example.org")
    ana.post(f"{PAGE}{other.pk}/remove/")
    assert DonorEmail.objects.filter(pk=other.pk).exists()
    ana.post(f"{PAGE}{row.pk}/remove/")
    assert not DonorEmail.objects.filter(pk=row.pk).exists()


# ---- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_mailboxes_are_not_flooded(ana: Client) -> None:
    codes = [ana.post(CHANGE, {"email": "victim@example.org"}).status_code for _ in range(5)]
    assert codes == [302, 302, 302, 422, 422]
    assert OutgoingEmail.objects.filter(to="victim@example.org").count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", "no address", ANA, "4242424242424242"])
def test_what_is_no_new_address_is_said_at_the_field(ana: Client, typed: str) -> None:
    assert ana.post(CHANGE, {"email": typed}).status_code == 422
    assert not EmailChange.objects.exists()
    assert not OutgoingEmail.objects.filter(template__startswith="email_").exists()


@pytest.mark.django_db
def test_staff_do_not_change_what_opens_the_desk(client: Client) -> None:
    builders.campaign()
    User.objects.create_user("clerk@example.org", is_staff=True)
    people.sign_in(client, "clerk@example.org")
    answer = client.post(CHANGE, {"email": NEW})
    assert answer.status_code == 422
    assert "An administrator changes it" in answer.content.decode()
