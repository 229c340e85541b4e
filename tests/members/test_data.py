"""Somebody's own data: taken along whole and without anybody else's, and erased by staff with what must stay listed."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from donations.models import Donor, DonorNote, Gift, LedgerEntry, Plan, Receipt
from donations.recurring import plans
from members import erasure, takeout
from members.models import ConsentEntry, ErasureRequest, NewsletterSubscription
from members.newsletter import choices
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import people
from tests.test_permissions import everything

PAGE = "/portal/data/"
State = ErasureRequest.State


@pytest.fixture
def ana(client: Client) -> Client:
    people.gave("ana@example.org", 4200, donor_name="Ana Silva", address_line1="1 Old Road", note="=SUM(A1)")
    people.receipted(Gift.objects.get())
    people.sign_in(client, "ana@example.org")
    return client


def taken(client: Client) -> zipfile.ZipFile:
    answer = client.post(f"{PAGE}download/")
    assert answer.status_code == 200
    assert answer.streaming
    assert "no-store" in answer["Cache-Control"]
    return zipfile.ZipFile(io.BytesIO(b"".join(answer)))


@pytest.mark.django_db
def test_all_of_theirs_is_in_it_and_nothing_of_anybody_else(ana: Client) -> None:
    donor = Donor.objects.get()
    clerk = builders.staff("Staff")
    DonorNote.objects.create(donor=donor, text="A note of staff", author=clerk)
    people.receipted(people.gave("bob@example.org", 9900, donor_name="Bob Quillfeather"))
    plan = builders.plan(donor=donor, amount_minor=1500)
    choices.choose("ana@example.org", ["newsletter"], source="portal", actor="supporter")
    archive = taken(ana)
    assert archive.testzip() is None
    everything: dict[str, list[dict[str, Any]]] = json.loads(archive.read("everything.json"))
    number = Receipt.objects.get(gift__donor=donor).number
    assert [one["amount"] for one in everything["gifts"]] == ["42.00"]
    assert everything["gifts"][0]["receipt"] == number
    assert everything["plans"][0]["number"] == plan.public_id
    assert everything["details"][0]["name"] == "Ana Silva"
    assert everything["newsletters"][0]["status"] == "confirmed"
    assert [one["what"] for one in everything["consents"]] == ["confirmed"]
    assert any("sign-in code" in one["subject"].lower() for one in everything["letters"])
    assert archive.read(f"papers/{number}.pdf")[:5] == b"%PDF-"
    assert [name for name in archive.namelist() if name.startswith("papers/")] == [f"papers/{number}.pdf"]
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode("utf-8", "replace")
    for secret in ("Quillfeather", "bob@example.org", "99.00", "A note of staff"):
        assert secret not in whole
    assert "'=SUM(A1)" in archive.read("gifts.csv").decode()
    assert AuditEntry.objects.filter(action="download own data", actor="supporter").count() == 1


@pytest.mark.django_db
def test_it_is_made_piece_by_piece_and_not_without_end(ana: Client) -> None:
    pieces = list(takeout.stream(User.objects.get()))
    assert len([piece for piece in pieces if piece]) == 3, "the tables, one paper, and the end"
    for _ in range(6):
        taken(ana)
    assert ana.post(f"{PAGE}download/").status_code == 302, "then it is enough for an hour"


@pytest.mark.django_db
def test_strangers_and_those_without_a_record(client: Client) -> None:
    for path in ("download/", "erase/", "erase/withdraw/"):
        assert client.post(PAGE + path)["Location"].startswith("/accounts/login/")
    client.force_login(builders.staff(), backend="django.contrib.auth.backends.ModelBackend")
    assert json.loads(taken(client).read("everything.json"))["gifts"] == []


@pytest.mark.django_db
def test_asking_takes_a_tick_and_can_be_taken_back(ana: Client) -> None:
    assert ana.post(f"{PAGE}erase/").status_code == 422
    assert not ErasureRequest.objects.exists()
    for _ in range(2):
        assert ana.post(f"{PAGE}erase/", {"is_sure": "on"}).status_code == 302
    assert ErasureRequest.objects.get().state == State.ASKED
    assert "A person looks at it" in ana.get(PAGE).content.decode()
    ana.post(f"{PAGE}erase/withdraw/")
    assert ErasureRequest.objects.get().state == State.WITHDRAWN
    assert Donor.objects.get().name == "Ana Silva"


def erased(donor: Donor) -> ErasureRequest:
    row = erasure.ask(donor.pk)
    assert erasure.carry_out(row.pk, user=builders.staff("Finance"), reason="asked by letter")
    row.refresh_from_db()
    return row


@pytest.mark.django_db(transaction=True)
def test_the_person_goes_and_the_money_stays(client: Client) -> None:
    people.gave("ana@example.org", 4200, donor_name="Ana Silva", address_line1="1 Old Road", note="For my son")
    receipt = people.receipted(Gift.objects.get())
    people.sign_in(client, "ana@example.org")
    donor, snapshot = Donor.objects.get(), receipt.snapshot
    clerk = builders.staff("Staff")
    DonorNote.objects.create(donor=donor, text="Ana likes boats", author=clerk)
    plan = builders.plan(donor=donor, tribute="memory", tribute_name="Maria Silva")
    choices.choose("ana@example.org", ["newsletter"], source="portal", actor="supporter")
    booked = list(LedgerEntry.objects.order_by("pk").values())

    row = erased(donor)

    assert (row.state, row.reason) == (State.DONE, "asked by letter")
    assert any(line.startswith("1 issued receipts") for line in row.kept)
    assert any(line.startswith("1 gifts") for line in row.kept)
    donor.refresh_from_db()
    assert (donor.name, donor.email, donor.user, donor.address_line1) == (erasure.ERASED, None, None, "")
    gift = Gift.objects.get()
    assert (gift.amount_minor, gift.status, gift.donor_name, gift.donor_email) == (4200, "settled", erasure.ERASED, "")
    assert (gift.note, gift.address_line1, gift.gift_on) == ("", "", clock.local_date(row.asked_at))
    assert list(LedgerEntry.objects.order_by("pk").values()) == booked
    assert Receipt.objects.get().snapshot == snapshot, "the paper is kept as issued"
    plan.refresh_from_db()
    assert (plan.status, plan.tribute_name) == (Plan.Status.ENDED, "")
    assert not DonorNote.objects.exists()
    assert not NewsletterSubscription.objects.exists()
    assert not OutgoingEmail.objects.filter(to="ana@example.org").exists()
    assert not OutgoingEmail.objects.filter(text__contains="Ana").exists()
    user = User.objects.get(email__startswith="erased-")
    assert not user.is_active
    assert client.get("/portal/").status_code == 302, "the session is over"
    entry = AuditEntry.objects.get(action="erase supporter")
    assert "Ana" not in json.dumps([entry.before, entry.after, entry.reason])


@pytest.mark.django_db(transaction=True)
def test_once_and_not_twice_and_not_without_a_reason(client: Client) -> None:
    people.gave("ana@example.org")
    people.receipted(Gift.objects.get())
    row, boss = erasure.ask(Donor.objects.get().pk), builders.staff("Finance")
    with pytest.raises(erasure.CannotErase, match="Say why"):
        erasure.carry_out(row.pk, user=boss, reason=" ")
    assert Donor.objects.get().email == "ana@example.org"
    assert erasure.carry_out(row.pk, user=boss, reason="asked")
    assert not erasure.carry_out(row.pk, user=boss, reason="asked")
    assert not erasure.refuse(row.pk, user=boss, reason="too late")
    assert AuditEntry.objects.filter(action="erase supporter").count() == 1


@pytest.mark.django_db(transaction=True)
def test_not_while_money_or_paper_is_on_its_way() -> None:
    gift = people.gave("ana@example.org")
    donor, boss = Donor.objects.get(), builders.staff("Finance")
    row = erasure.ask(donor.pk)
    with pytest.raises(erasure.CannotErase, match="receipt is on its way"):
        erasure.carry_out(row.pk, user=boss, reason="asked")
    people.receipted(gift)
    waiting = builders.pending_gift(donor_email="ana@example.org", status=Gift.Status.PROCESSING)
    with pytest.raises(erasure.CannotErase, match="payment is on its way"):
        erasure.carry_out(row.pk, user=boss, reason="asked")
    donor.refresh_from_db()
    assert (donor.name, donor.email) == ("Ana Silva", "ana@example.org")
    assert ErasureRequest.objects.get().state == State.ASKED
    Gift.objects.filter(pk=waiting.pk).update(status=Gift.Status.FAILED)
    assert erasure.carry_out(row.pk, user=boss, reason="asked")
    assert not Gift.objects.filter(donor_email="ana@example.org").exists(), "nor in attempts that came to nothing"


@pytest.mark.django_db(transaction=True)
def test_a_new_gift_under_the_old_address_is_somebody_new(client: Client) -> None:
    people.gave("ana@example.org")
    people.receipted(Gift.objects.get())
    donor = Donor.objects.get()
    erased(donor)
    again = people.gave("ana@example.org", 900)
    assert again.donor != donor


# --- twice at once, killed halfway ------------------------------------------------------------------------------------


def wishes_to_be_forgotten(client: Client) -> ErasureRequest:
    """Ana with everything that is hers: a gift with its paper, an account, a note, a monthly gift, a newsletter."""
    people.gave("ana@example.org", 4200, donor_name="Ana Silva", address_line1="1 Old Road", note="For my son")
    people.receipted(Gift.objects.get())
    people.sign_in(client, "ana@example.org")
    donor = Donor.objects.get()
    DonorNote.objects.create(donor=donor, text="Ana likes boats", author=builders.staff("Staff"))
    builders.plan(donor=donor, tribute="memory", tribute_name="Maria Silva")
    choices.choose("ana@example.org", ["newsletter"], source="portal", actor="supporter")
    return erasure.ask(donor.pk)


@pytest.mark.django_db(transaction=True)
def test_asked_twice_at_once_it_is_one_wish() -> None:
    people.gave("ana@example.org")
    donor = Donor.objects.get()
    assert at_once(4, lambda _: erasure.ask(donor.pk)) == []
    assert ErasureRequest.objects.get().state == State.ASKED
    assert AuditEntry.objects.filter(action="ask to be forgotten").count() == 1


@pytest.mark.django_db(transaction=True)
def test_erased_by_four_at_once_it_is_done_once(client: Client) -> None:
    row, boss = wishes_to_be_forgotten(client), builders.staff("Finance")
    booked = list(LedgerEntry.objects.order_by("pk").values())
    done: list[bool] = []
    assert at_once(4, lambda _: done.append(erasure.carry_out(row.pk, user=boss, reason="asked"))) == []
    assert sorted(done) == [False, False, False, True]
    actions = ("erase supporter", "end plan")
    assert [AuditEntry.objects.filter(action=action).count() for action in actions] == [1, 1]
    assert (Donor.objects.get().name, Plan.objects.get().status) == (erasure.ERASED, "ended")
    assert ConsentEntry.objects.filter(what=ConsentEntry.What.FORGOTTEN).count() == 1
    assert list(LedgerEntry.objects.order_by("pk").values()) == booked


@pytest.mark.django_db(transaction=True)
def test_done_and_refused_at_once_it_is_one_of_them(client: Client) -> None:
    row, boss = wishes_to_be_forgotten(client), builders.staff("Finance")
    verbs = (erasure.carry_out, erasure.refuse)
    done: list[bool] = []
    assert at_once(2, lambda n: done.append(verbs[n](row.pk, user=boss, reason="asked"))) == []
    assert sorted(done) == [False, True]
    row.refresh_from_db()
    is_gone = Donor.objects.get().name == erasure.ERASED
    assert (row.state, is_gone) in {(State.DONE, True), (State.REFUSED, False)}


@contextmanager
def broken_at(table: str, deed: str, dies_by: str) -> Iterator[None]:
    """Whoever does that to a row of the table dies of it, with all that was not committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION a_mistake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {dies_by}; END $$;"
            f"CREATE TRIGGER a_mistake BEFORE {deed} ON {table} FOR EACH ROW EXECUTE FUNCTION a_mistake()"
        )
    try:
        yield
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION a_mistake CASCADE")


RAISED, KILLED = "RAISE 'a mistake'", "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dies_by", [RAISED, KILLED])
@pytest.mark.parametrize(
    ("table", "deed"),
    [
        ("donations_gift", "UPDATE"),
        ("nonprofit_outgoingemail", "UPDATE"),
        ("donations_donornote", "DELETE"),
        ("nonprofit_user", "UPDATE"),
        ("donations_donor", "UPDATE"),
        ("members_erasurerequest", "UPDATE"),
    ],
)
def test_killed_halfway_everything_is_as_before_and_the_next_try_does_it(
    client: Client, table: str, deed: str, dies_by: str
) -> None:
    row, boss = wishes_to_be_forgotten(client), builders.staff("Finance")
    # What charges is stopped first and for itself, whatever comes of the rest.
    plans.stop(Plan.objects.get().pk, by=plans.Agreed(actor="staff:1"))
    before = everything()
    with broken_at(table, deed, dies_by), pytest.raises(DatabaseError):
        erasure.carry_out(row.pk, user=boss, reason="asked")
    assert everything() == before
    assert (Donor.objects.get().name, DonorNote.objects.count()) == ("Ana Silva", 1)
    assert erasure.carry_out(row.pk, user=boss, reason="asked")
    assert Donor.objects.get().name == erasure.ERASED
    assert AuditEntry.objects.filter(action="erase supporter").count() == 1


@pytest.mark.django_db(transaction=True)
def test_killed_after_the_monthly_gift_was_stopped_nothing_more_is_charged_and_the_person_is_still_here(
    client: Client,
) -> None:
    row, boss = wishes_to_be_forgotten(client), builders.staff("Finance")
    with broken_at("donations_gift", "UPDATE", RAISED), pytest.raises(DatabaseError):
        erasure.carry_out(row.pk, user=boss, reason="asked")
    row.refresh_from_db()
    assert (Plan.objects.get().status, Donor.objects.get().name, row.state) == ("ended", "Ana Silva", State.ASKED)
    assert erasure.carry_out(row.pk, user=boss, reason="asked")
    assert AuditEntry.objects.filter(action="end plan").count() == 1
