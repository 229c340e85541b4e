"""Merging supporters and taking it back: everything leads to the right one, whatever happens between."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, transaction

from donations import donors, gifts
from donations.desk import find, merge_choices, merging
from donations.models import (
    Batch,
    BatchRow,
    Benefit,
    Donor,
    DonorAddress,
    DonorEmail,
    DonorMerge,
    DonorNote,
    Employer,
    FormerId,
    Gift,
    LedgerEntry,
    NotTheSame,
    Promise,
    SoftCredit,
    Tag,
)
from members import accounts
from members.models import Fulfilment, Level, LevelBenefit, MembershipGrant, MembershipPerson
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return builders.staff("Administrator")


@pytest.fixture
def kept() -> Donor:
    return builders.donor(
        name="Ana Silva", email="ana@example.org", phone="", city="Port Haven", address_line1="1 Pier"
    )


@pytest.fixture
def gone() -> Donor:
    return builders.donor(
        name="Anna Silva", email="anna@work.example", phone="555 0142", city="Salem", address_line1="9 Elm"
    )


def open_batch() -> Batch:
    return Batch.objects.create(
        expected_count=9,
        expected_total_minor=1,
        deposit_on=clock.today(),
        fund=builders.fund(),
        opened_by=builders.staff(),
    )


def batch_row(batch: Batch, **fields: Any) -> BatchRow:
    return BatchRow.objects.create(
        batch=batch, position=batch.rows.count() + 1, attempt=uuid4(), entered_by=batch.opened_by, **fields
    )


def unsaved_gift(**fields: Any) -> Gift:
    today, now = clock.today(), clock.now()
    settled = {"status": "settled", "gift_on": today, "gift_date_basis": "charge", "settled_at": now}
    return Gift(amount_minor=2500, fund=builders.fund(), donor_name="Anna", **settled, **fields)


def everything_of(donor: Donor) -> dict[str, Any]:
    """One row of each kind that can belong to a supporter, by its name in MOVES."""
    gift = builders.booked_gift(donor_email=donor.email, donor_name=donor.name)
    others = builders.settled_gift(donor=builders.donor())
    batch = open_batch()
    promise = Promise.objects.create(
        kind="pledge", donor=donor, fund=builders.fund(), promised_on=clock.today(), created_by="staff:1"
    )
    tag = Tag.objects.create(name=f"board {donor.pk}")
    tag.donors.add(donor)
    author = builders.staff()
    level, _ = Level.objects.get_or_create(name="a Friend", defaults={"from_minor": 6000})
    benefit = Benefit.objects.create(description="a bag", value_minor=1, cost_minor=1)
    bag = LevelBenefit.objects.create(level=level, benefit=benefit)
    return {
        "gift.donor": gift,
        "plan.donor": builders.starting_plan(donor=donor),
        "batchrow.donor": batch_row(batch, donor=donor),
        "batchrow.recognized": batch_row(batch, recognized=donor),
        "softcredit.donor": SoftCredit.objects.create(gift=others, donor=donor, role="spouse"),
        "promise.donor": promise,
        "employer.donor": Employer.objects.create(name=f"Works {donor.pk}", donor=donor),
        "donoremail.donor": DonorEmail.objects.create(donor=donor, email=f"more{donor.pk}@example.org"),
        "donoraddress.donor": DonorAddress.objects.create(donor=donor, address_line1="Summer house"),
        "donornote.donor": DonorNote.objects.create(donor=donor, text="Likes letters", author=author),
        "formerid.donor": FormerId.objects.create(donor=donor, source="lgl", value=f"L{donor.pk}"),
        "tags.donor": Tag.donors.through.objects.get(donor=donor),
        "membershipgrant.donor": MembershipGrant.objects.create(
            donor=donor, kind="life", level=level, starts_on=clock.today(), why="so", made_by="staff:1"
        ),
        "membershipperson.donor": MembershipPerson.objects.create(donor=donor, name="Luis", added_by="staff:1"),
        "fulfilment.donor": Fulfilment.objects.create(donor=donor, level_benefit=bag, due_on=clock.today()),
    }


def holders(rows: dict[str, Any]) -> dict[str, int]:
    """Who each row belongs to."""
    found = {}
    for name, row in rows.items():
        row.refresh_from_db()
        found[name] = getattr(row, f"{name.split('.')[1]}_id")
    return found


def picture() -> dict[str, list[tuple[Any, ...]]]:
    """Every row about people and their gifts, except what only grows: merges and the audit log."""
    tables = [*{merge_choices.table(name)._meta.db_table for name in merge_choices.MOVES}]
    tables += [f"donations_{name}" for name in ("donor", "donorterm", "ledgerentry", "receiptdue", "giftdetail")]
    seen = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            seen[table] = sorted(cursor.fetchall(), key=repr)
    return seen


def fresh(donor: Donor) -> Donor:
    return Donor.objects.get(pk=donor.pk)


# --- what moves ------------------------------------------------------------------------------------------------------


def test_every_column_that_names_a_supporter_is_thought_of() -> None:
    """A new table with a supporter in it must be moved by a merge, or stand here with the reason why not."""
    stays = {
        "ledgerentry.donor": "booked rows never change; who gave is read from the gift",
        "donor.merged_into": "records that became this one lead on through it",
        "donormerge.kept": "history",
        "donormerge.gone": "history",
        "notthesame.first": "a judgement about those two records",
        "notthesame.second": "a judgement about those two records",
        "donororigin.donor": "which import made this very record",
        "newdonor.donor": "which import made this very record",
        "annualstatement.donor": "the paper says whom it was for; it is found through merged_into",
        "membership.donor": "computed from gifts and grants, which move; anew for both records",
        "erasurerequest.donor": "who asked; it is carried out on who they became",
        "statementdue.donor": "whose year it is is read through merged_into when it is made",
    }
    named = set()
    for relation in Donor._meta.related_objects:
        named.add(f"{relation.related_model._meta.model_name}.{relation.field.name}")
    assert named - {"tag.donors"} - stays.keys() == merge_choices.MOVES.keys() - {"tags.donor"}
    for name in merge_choices.MOVES:
        try:
            merge_choices.table(name)._meta.get_field(name.split(".")[1])
        except FieldDoesNotExist:
            pytest.fail(name)


def test_everything_moves_and_comes_back(kept: Donor, gone: Donor, clerk: User) -> None:
    rows = everything_of(gone)
    before = picture()
    record = merging.merge(kept.pk, gone.pk, user=clerk, reason="same person")
    assert set(holders(rows).values()) == {kept.pk}
    assert set(holders(rows)) == set(merge_choices.MOVES)
    assert fresh(gone).merged_into == kept
    # Booked rows stay as booked; who gave is read from the gift.
    line = LedgerEntry.objects.get(gift=rows["gift.donor"], kind="gift")
    assert (line.donor, line.gift and line.gift.donor) == (gone, kept)
    merging.unmerge(record.pk, user=clerk, reason="two people after all")
    assert set(holders(rows).values()) == {gone.pk}
    assert picture() == before
    record.refresh_from_db()
    assert (record.undone_by, record.undone_at is not None) == (clerk, True)


def test_the_log_says_who_merged_what_and_why(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk, reason="same person")
    entry = AuditEntry.objects.get(action="merge supporters", target_id=str(kept.pk))
    assert (entry.actor, entry.reason) == (f"staff:{clerk.pk}", "same person")
    assert (entry.before["phone"], entry.after["phone"]) == ("", "555 0142")
    assert entry.after["gone"] == gone.pk
    assert AuditEntry.objects.filter(action="merge supporters", target_id=str(gone.pk)).count() == 1
    merging.unmerge(record.pk, user=clerk, reason="mistake")
    assert AuditEntry.objects.filter(action="take merge back", reason="mistake").count() == 2


# --- what stays of each ----------------------------------------------------------------------------------------------


def test_the_kept_record_wins_and_the_rest_is_kept_beside_it(kept: Donor, gone: Donor, clerk: User) -> None:
    merging.merge(kept.pk, gone.pk, user=clerk)
    kept = fresh(kept)
    assert (kept.name, kept.email, kept.phone, kept.city) == ("Ana Silva", "ana@example.org", "555 0142", "Port Haven")
    assert [one.email for one in kept.further_emails.all()] == ["anna@work.example"]
    assert [(one.address_line1, one.city, one.purpose) for one in kept.further_addresses.all()] == [
        ("9 Elm", "Salem", "former")
    ]
    assert f"Legal name of {gone.public_id}: Anna Silva" in kept.notes.get().text


def test_staff_choose_field_by_field(kept: Donor, gone: Donor, clerk: User) -> None:
    before = picture()
    choices = {"name": "gone", "email": "gone", "address": "gone"}
    record = merging.merge(kept.pk, gone.pk, user=clerk, choices=choices)
    kept = fresh(kept)
    assert (kept.name, kept.email, kept.address_line1) == ("Anna Silva", "anna@work.example", "9 Elm")
    assert [one.email for one in kept.further_emails.all()] == ["ana@example.org"]
    assert kept.further_addresses.get().address_line1 == "1 Pier"
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before


def test_a_wish_not_to_be_written_to_survives(kept: Donor, gone: Donor, clerk: User) -> None:
    Donor.objects.filter(pk=gone.pk).update(is_not_contacted=True, is_deceased=True)
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    assert (fresh(kept).is_not_contacted, fresh(kept).is_deceased, fresh(kept).is_anonymous) == (True, True, False)
    merging.unmerge(record.pk, user=clerk)
    assert not fresh(kept).is_not_contacted


def test_nobody_is_thanked_for_their_own_gift(kept: Donor, gone: Donor, clerk: User) -> None:
    of_kept, of_gone = builders.settled_gift(donor=kept), builders.settled_gift(donor=gone)
    other = builders.settled_gift(donor=builders.donor())
    SoftCredit.objects.create(gift=of_kept, donor=gone, role="spouse")
    SoftCredit.objects.create(gift=of_gone, donor=kept, role="spouse")
    SoftCredit.objects.create(gift=other, donor=gone, role="spouse")
    SoftCredit.objects.create(gift=other, donor=kept, role="spouse")
    before = picture()
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    assert [credit.gift for credit in SoftCredit.objects.filter(donor=kept)] == [other]
    assert SoftCredit.objects.count() == 4
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before


# --- sign-ins --------------------------------------------------------------------------------------------------------


def signed_in(email: str) -> User:
    """Somebody who typed the code from their letter."""
    user = accounts.open_for(email)
    assert user is not None
    EmailAddress.objects.filter(user=user, email=email).update(verified=True)
    accounts.link_donor(user)
    return user


def test_a_sign_in_moves_and_its_address_is_the_main_one(kept: Donor, gone: Donor, clerk: User) -> None:
    gift = builders.settled_gift(donor=kept)
    user = signed_in("anna@work.example")
    before = picture()
    record = merging.merge(kept.pk, gone.pk, user=clerk, choices={"email": "kept"})
    assert (fresh(kept).user, fresh(kept).email) == (user, "anna@work.example")
    assert list(Gift.objects.visible_to(user)) == [gift]
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before
    assert not Gift.objects.visible_to(user).exists()


def test_two_sign_ins_stop_and_ask(kept: Donor, gone: Donor, clerk: User) -> None:
    gift = builders.settled_gift(donor=gone)
    first, second = signed_in("ana@example.org"), signed_in("anna@work.example")
    before = picture()
    with pytest.raises(merging.CannotMerge, match="Both sign in"):
        merging.merge(kept.pk, gone.pk, user=clerk)
    assert picture() == before
    record = merging.merge(kept.pk, gone.pk, user=clerk, choices={"sign_in": "gone"})
    assert (fresh(kept).user, fresh(kept).email, fresh(gone).user) == (second, "anna@work.example", None)
    assert list(Gift.objects.visible_to(second)) == [gift]
    assert not Gift.objects.visible_to(first).exists()
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before


def test_the_old_address_still_signs_in(kept: Donor, gone: Donor, clerk: User) -> None:
    gift = builders.settled_gift(donor=kept)
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    user = signed_in("anna@work.example")
    assert list(Gift.objects.visible_to(user)) == [gift]
    # The other address would be a second key to the same account.
    assert accounts.open_for("ana@example.org") is not None
    assert not accounts.link_donor(signed_in("ana@example.org"))
    # Two people again: whoever proved the other one's mailbox sees what that one gave, and nothing else.
    merging.unmerge(record.pk, user=clerk)
    assert (fresh(gone).user, fresh(kept).user) == (user, None)
    assert not Gift.objects.visible_to(user).exists()


def test_a_former_mailbox_does_not_sign_in(kept: Donor) -> None:
    DonorEmail.objects.create(donor=kept, email="old@example.org", purpose="former")
    assert accounts.open_for("old@example.org") is None
    DonorEmail.objects.update(purpose="home")
    assert accounts.open_for("old@example.org") is not None
    Donor.objects.filter(pk=kept.pk).update(user=User.objects.create_user("ana@example.org"))
    DonorEmail.objects.create(donor=kept, email="third@example.org")
    assert accounts.open_for("third@example.org") is None


# --- gifts and numbers lead on ---------------------------------------------------------------------------------------


def test_a_gift_by_the_old_e_mail_comes_to_the_one_record(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    gift = builders.booked_gift(donor_email="Anna@Work.Example")
    assert gift.donor == kept
    assert merging.gifts_since(record) == 1
    merging.unmerge(record.pk, user=clerk)
    gift.refresh_from_db()
    assert gift.donor == kept
    assert builders.booked_gift(donor_email="anna@work.example").donor == gone
    assert Donor.objects.count() == 2


def test_old_numbers_lead_on_through_every_merge(kept: Donor, gone: Donor, clerk: User) -> None:
    third = builders.donor(name="A. Silva")
    merging.merge(gone.pk, third.pk, user=clerk)
    merging.merge(kept.pk, gone.pk, user=clerk)
    for old in (gone, third, kept):
        assert [match.donor_id for match in find.find(old.public_id)] == [kept.pk]
    assert donors.by_email(third.email or "") == kept


def test_a_row_booked_on_a_merged_record_goes_where_it_leads(kept: Donor, gone: Donor, clerk: User) -> None:
    """A page that was open during the merge, an import, a batch: they need not think of it."""
    merging.merge(kept.pk, gone.pk, user=clerk)
    stale = Donor.objects.get(pk=gone.pk)
    one = builders.settled_gift(donor=stale)
    many = Gift.objects.bulk_create([unsaved_gift(donor=stale) for _ in range(3)])
    plan, row = builders.starting_plan(donor=stale), batch_row(open_batch(), donor=stale)
    made: list[Any] = [one, *many, plan, row]
    for written in made:
        written.refresh_from_db()
        assert written.donor == kept


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_cannot_be_merged_says_why(kept: Donor, gone: Donor, clerk: User) -> None:
    def refused(*ids: int, user: User = clerk, **choices: str) -> str:
        with pytest.raises(merging.CannotMerge) as error:
            merging.merge(*ids, user=user, choices=choices)
        return str(error.value)

    before = picture()
    assert "one and the same" in refused(kept.pk, kept.pk)
    assert "does not exist" in refused(kept.pk, 0)
    assert "not understood" in refused(kept.pk, gone.pk, shoe_size="kept")
    assert "not understood" in refused(kept.pk, gone.pk, name="both")
    Donor.objects.filter(pk=gone.pk).update(user=clerk)
    assert "your own" in refused(kept.pk, gone.pk)
    Donor.objects.filter(pk=gone.pk).update(user=None)
    assert picture() == before
    Employer.objects.create(name="Works", donor=kept)
    Employer.objects.create(name="Works Inc.", donor=gone)
    assert "employers" in refused(kept.pk, gone.pk)
    Employer.objects.filter(donor=gone).delete()
    third = builders.donor()
    merging.merge(kept.pk, gone.pk, user=clerk)
    assert f"{gone.public_id} was merged into {kept.public_id} already" in refused(third.pk, gone.pk)
    assert "already" in refused(gone.pk, third.pk)


def test_gifts_without_a_name_are_not_given_to_somebody_by_a_merge(kept: Donor, clerk: User) -> None:
    """They had no receipt while nobody was known; each gets its own when its page is told whose it is."""
    nobody = builders.donor(kind=Donor.Kind.UNKNOWN, name="Unknown", email=None)
    other = builders.donor(kind=Donor.Kind.UNKNOWN, name="Unidentified", email=None)
    merging.merge(kept.pk, other.pk, user=clerk)
    gift = builders.settled_gift(donor=nobody)
    for pair in ((kept.pk, nobody.pk), (nobody.pk, kept.pk)):
        with pytest.raises(merging.CannotMerge, match="on the page of each gift whose it is"):
            merging.merge(*pair, user=clerk)
    gift.refresh_from_db()
    assert gift.donor == nobody
    third = builders.donor(kind=Donor.Kind.UNKNOWN, name="Unknown", email=None)
    merging.merge(third.pk, nobody.pk, user=clerk)
    gift.refresh_from_db()
    assert gift.donor == third


def test_taking_back_goes_in_reverse_order(kept: Donor, gone: Donor, clerk: User) -> None:
    third, fourth = builders.donor(), builders.donor()
    first = merging.merge(kept.pk, gone.pk, user=clerk)
    second = merging.merge(kept.pk, third.pk, user=clerk)
    last = merging.merge(fourth.pk, kept.pk, user=clerk)
    for record, why in ((first, "was itself merged"), (second, "was itself merged")):
        with pytest.raises(merging.CannotMerge, match=why):
            merging.unmerge(record.pk, user=clerk)
    merging.unmerge(last.pk, user=clerk)
    with pytest.raises(merging.CannotMerge, match=f"{third.public_id} was merged into {kept.public_id} after this"):
        merging.unmerge(first.pk, user=clerk)
    merging.unmerge(second.pk, user=clerk)
    merging.unmerge(first.pk, user=clerk)
    assert not Donor.objects.filter(merged_into__isnull=False).exists()


def test_an_e_mail_given_away_since_stands_in_the_way(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    DonorEmail.objects.get(email="anna@work.example").delete()
    other = builders.donor(email="anna@work.example")
    before = picture()
    with pytest.raises(merging.CannotMerge, match=f"anna@work.example belongs to {other.public_id}"):
        merging.unmerge(record.pk, user=clerk)
    assert picture() == before
    Donor.objects.filter(pk=other.pk).update(email=None)
    merging.unmerge(record.pk, user=clerk)
    assert fresh(gone).email == "anna@work.example"


def test_what_staff_changed_since_stays_changed(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk, choices={"address": "gone"})
    Donor.objects.filter(pk=kept.pk).update(phone="555 9999", city="Boston", name="Ana Silva-Reyes")
    merging.unmerge(record.pk, user=clerk)
    now = fresh(kept)
    assert (now.phone, now.city, now.address_line1) == ("555 9999", "Boston", "9 Elm")
    assert now.name == "Ana Silva-Reyes"
    assert now.further_addresses.get().address_line1 == "1 Pier"
    assert fresh(gone).phone == "555 0142"


def test_an_e_mail_made_the_main_one_since_comes_back_too(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    kept.further_emails.all().delete()
    Donor.objects.filter(pk=kept.pk).update(email="anna@work.example")
    DonorEmail.objects.create(donor=kept, email="ana@example.org")
    merging.unmerge(record.pk, user=clerk)
    assert (fresh(kept).email, fresh(gone).email) == ("ana@example.org", "anna@work.example")
    assert not DonorEmail.objects.exists()


def test_twice_is_once(kept: Donor, gone: Donor, clerk: User) -> None:
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    assert merging.merge(kept.pk, gone.pk, user=clerk) == record
    merging.unmerge(record.pk, user=clerk)
    undone = picture()
    merging.unmerge(record.pk, user=clerk)
    assert picture() == undone
    assert AuditEntry.objects.filter(action="take merge back").count() == 2
    again = merging.merge(kept.pk, gone.pk, user=clerk)
    assert again.pk != record.pk


def test_the_preview_says_what_would_happen(kept: Donor, gone: Donor, clerk: User) -> None:
    everything_of(gone)
    NotTheSame.objects.create(first=kept, second=gone, decided_by=clerk)
    Donor.objects.filter(pk=gone.pk).update(kind="company", is_deceased=True)
    before = picture()
    shown = merge_choices.preview(fresh(kept), fresh(gone), clerk, {"name": "gone"})
    assert picture() == before
    assert dict(shown.moving)["gifts"] == 1
    assert len(shown.moving) == len(merge_choices.MOVES)
    lines = {line.name: line for line in shown.choices}
    assert (lines["name"].taken, lines["name"].kept, lines["name"].gone) == ("gone", "Ana Silva", "Anna Silva")
    assert (lines["phone"].taken, lines["email"].taken, lines["email"].is_open) == ("gone", "kept", True)
    assert [text.split(".")[0][:24] for text in shown.warnings] == [
        "Somebody looked at these",
        "One is kept as individua",
        "One of them is marked as",
    ]
    assert shown.obstacle == ""
    Donor.objects.filter(pk=gone.pk).update(user=clerk)
    assert "your own" in merge_choices.preview(fresh(kept), fresh(gone), clerk, {}).obstacle


# --- at once ---------------------------------------------------------------------------------------------------------


def at_once(*deeds: Any) -> list[Any]:
    """What each deed answered or raised, all begun together."""
    answers: list[Any] = [None] * len(deeds)
    gate = threading.Barrier(len(deeds))

    def run(number: int) -> None:
        gate.wait()
        try:
            answers[number] = deeds[number]()
        except merging.CannotMerge as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_merges_at_once_are_one(kept: Donor, gone: Donor, clerk: User) -> None:
    rows = everything_of(gone)
    answers = at_once(*[lambda: merging.merge(kept.pk, gone.pk, user=clerk)] * 3)
    assert DonorMerge.objects.count() == 1
    record = DonorMerge.objects.get()
    for answer in answers:
        assert answer == record or "at this moment" in str(answer)
    assert set(holders(rows).values()) == {kept.pk}


@pytest.mark.django_db(transaction=True)
def test_two_merges_of_one_record_in_both_directions_never_make_a_ring(kept: Donor, gone: Donor, clerk: User) -> None:
    at_once(
        lambda: merging.merge(kept.pk, gone.pk, user=clerk),
        lambda: merging.merge(gone.pk, kept.pk, user=clerk),
    )
    assert Donor.objects.filter(merged_into__isnull=True).count() == 1
    assert DonorMerge.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_gift_that_settles_during_a_merge_is_with_the_one_who_stays(kept: Donor, gone: Donor, clerk: User) -> None:
    waiting = [builders.pending_gift(donor_email="anna@work.example") for _ in range(4)]
    paid = [builders.payment(gift) for gift in waiting]
    deeds = [lambda n=number: gifts.settle(waiting[n].pk, paid[n]) for number in range(4)]
    at_once(*deeds, lambda: merging.merge(kept.pk, gone.pk, user=clerk))
    if not DonorMerge.objects.exists():
        # A gift was being booked at that moment: the merge was refused politely, and now goes through.
        merging.merge(kept.pk, gone.pk, user=clerk)
    assert Gift.objects.filter(donor=kept, status="settled").count() == 4
    assert Donor.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", ["gift.donor", "plan.donor", "batchrow.donor"])
def test_a_merge_waits_for_nobody(kept: Donor, gone: Donor, clerk: User, held: str) -> None:
    """It holds the supporters, and whoever holds a gift may want them: waiting for that gift could never end."""
    rows = everything_of(gone)
    before = picture()
    with transaction.atomic():
        merge_choices.table(held)._default_manager.select_for_update().get(pk=rows[held].pk)
        [answer] = at_once(lambda: merging.merge(kept.pk, gone.pk, user=clerk))
        assert "at this moment" in str(answer)
    assert picture() == before
    record = merging.merge(kept.pk, gone.pk, user=clerk)
    with transaction.atomic():
        merge_choices.table(held)._default_manager.select_for_update().get(pk=rows[held].pk)
        [answer] = at_once(lambda: merging.unmerge(record.pk, user=clerk))
        assert "at this moment" in str(answer)
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before


@pytest.mark.django_db(transaction=True)
def test_a_merge_killed_before_its_end_has_done_nothing(kept: Donor, gone: Donor, clerk: User) -> None:
    everything_of(gone)
    before = picture()

    def dies(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT") and "auditentry" in sql:
            raise KeyboardInterrupt
        return execute(sql, *rest)

    with connection.execute_wrapper(dies), pytest.raises(KeyboardInterrupt):
        merging.merge(kept.pk, gone.pk, user=clerk)
    assert picture() == before
    assert not DonorMerge.objects.exists()
