"""Supporters in the admin: written down by staff, every change in the log, and nobody's way in is moved quietly."""

import re
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations import donors
from donations.models import Donor, DonorEmail, DonorMerge, DonorNote, FormerId, NotTheSame, Tag
from nonprofit.models import AuditEntry, User
from tests import builders

pytestmark = pytest.mark.django_db

LIST = "/admin/donations/donor/"


def desk(group: str) -> Client:
    builders.organization()
    client = Client()
    client.force_login(builders.staff(group))
    return client


def typed(donor: Donor | None = None, **fields: Any) -> dict[str, Any]:
    """What the form sends: the supporter as they are, with what is changed."""
    names = "name kind addressee salutation email phone address_line1 address_line2 city region postal_code country"
    data: dict[str, Any] = {"kind": "household", "receipts": "email"}
    if donor is not None:
        data |= {name: getattr(donor, name) or "" for name in names.split()}
    for prefix in ("further_emails", "further_addresses", "former_ids"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return {**data, **fields}


def errors(answer: Any) -> str:
    return " ".join(re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', answer.content.decode(), re.DOTALL))


# --- writing it down -------------------------------------------------------------------------------------------------


def test_staff_write_down_a_household_without_e_mail() -> None:
    client = desk("Staff")
    assert client.get(f"{LIST}add/").status_code == 200
    sent = typed(
        None,
        name="Ana Silva and Luis Ortega",
        addressee="Ana and Luis Ortega-Silva",
        salutation="Dear Ana and Luis",
        postal_code="04000",
        is_not_mailed="on",
        tag_names="board, Letter writer, board",
        **{
            "further_addresses-TOTAL_FORMS": "1",
            "further_addresses-0-purpose": "seasonal",
            "further_addresses-0-address_line1": "9 Beach Road",
        },
    )
    answer = client.post(f"{LIST}add/", sent)
    donor = Donor.objects.get()
    assert answer.headers["Location"] == f"{LIST}{donor.pk}/change/"
    assert (donor.kind, donor.email, donor.is_not_mailed) == ("household", None, True)
    assert {tag.name for tag in donor.tags.all()} == {"board", "Letter writer"}
    assert donor.further_addresses.get().address_line1 == "9 Beach Road"
    page = client.get(f"{LIST}{donor.pk}/change/").content.decode()
    for text in ("Ana and Luis Ortega-Silva", "Dear Ana and Luis", "No paper mail", "9 Beach Road", donor.public_id):
        assert text in page
    assert AuditEntry.objects.filter(action="add donor", target_id=str(donor.pk)).count() == 1


def test_every_change_is_in_the_log_with_before_and_after() -> None:
    donor, client = builders.donor(name="Ana Silva", phone="555 1"), desk("Staff")
    further = DonorEmail.objects.create(donor=donor, email="old@example.org")
    Tag.objects.create(name="Board")
    sent = typed(
        donor,
        phone="555 2",
        is_deceased="on",
        tag_names="board",
        **{
            "further_emails-TOTAL_FORMS": "2",
            "further_emails-INITIAL_FORMS": "1",
            "further_emails-0-id": str(further.pk),
            "further_emails-0-donor": str(donor.pk),
            "further_emails-0-email": "old@example.org",
            "further_emails-0-purpose": "former",
            "further_emails-1-donor": str(donor.pk),
            "further_emails-1-email": "New@Example.org",
            "further_emails-1-purpose": "work",
        },
    )
    assert client.post(f"{LIST}{donor.pk}/edit/", sent).status_code == 302
    entries = AuditEntry.objects.filter(action="change donor", target_id=str(donor.pk)).order_by("pk")
    main, rows = entries
    assert main.actor.startswith("staff:")
    assert main.before == {"phone": "555 1", "is_deceased": False, "tag_names": ""}
    assert main.after == {"phone": "555 2", "is_deceased": True, "tag_names": "board"}
    assert rows.before == {f"further e-mail {further.pk}": {"email": "old@example.org", "purpose": "home"}}
    assert {value["email"] for value in rows.after.values()} == {"old@example.org", "new@example.org"}
    assert Tag.objects.get().donors.get() == donor
    assert donors.by_email("NEW@example.org") == donor


def test_an_e_mail_has_one_owner() -> None:
    client, other = desk("Staff"), builders.donor(name="Bob Jones", email="bob@example.org")
    DonorEmail.objects.create(donor=other, email="bob@work.example")
    donor = builders.donor(name="Ana Silva", email="ana@example.org")
    DonorEmail.objects.create(donor=donor, email="ana@work.example")
    for email, said in (
        ("bob@work.example", f"Bob Jones ({other.public_id})"),
        ("Ana@Work.example", "a further e-mail of theirs"),
        ("bob@example.org", "Bob Jones"),
    ):
        answer = client.post(f"{LIST}{donor.pk}/edit/", typed(donor, email=email, name="Typed Name"))
        assert answer.status_code == 200
        assert said in errors(answer)
        assert 'value="Typed Name"' in answer.content.decode()
    for email, said in (("bob@example.org", "Bob Jones"), ("ana@example.org", "main e-mail already")):
        further = {"further_emails-TOTAL_FORMS": "1", "further_emails-0-email": email}
        answer = client.post(f"{LIST}{donor.pk}/edit/", typed(donor, **further, **{"further_emails-0-purpose": "home"}))
        assert said in errors(answer)
    assert Donor.objects.get(pk=donor.pk).email == "ana@example.org"
    assert not AuditEntry.objects.exists()


def test_the_database_holds_it_too() -> None:
    one, other = builders.donor(email="ana@example.org"), builders.donor(email="bob@example.org")
    with pytest.raises(IntegrityError, match="main one"), transaction.atomic():
        DonorEmail.objects.create(donor=other, email="ana@example.org")
    DonorEmail.objects.create(donor=one, email="ana@work.example")
    with pytest.raises(IntegrityError, match="further one"), transaction.atomic():
        Donor.objects.filter(pk=other.pk).update(email="ana@work.example")
    with pytest.raises(IntegrityError, match="further one"), transaction.atomic():
        builders.donor(email="ana@work.example")


def test_the_e_mail_of_a_sign_in_is_not_changed_here() -> None:
    user = User.objects.create_user("ana@example.org")
    donor, client = builders.donor(name="Ana", email="ana@example.org", user=user), desk("Administrator")
    answer = client.post(f"{LIST}{donor.pk}/edit/", typed(donor, email="thief@example.org"))
    assert "whoever gets the codes" in errors(answer)
    for email in ("thief@example.org", ""):
        client.post(f"{LIST}{donor.pk}/edit/", typed(donor, email=email))
        assert Donor.objects.get(pk=donor.pk).email == "ana@example.org"
    assert client.post(f"{LIST}{donor.pk}/edit/", typed(donor, phone="555 2")).status_code == 302


def test_a_note_has_its_author_and_no_card_number() -> None:
    donor, client = builders.donor(), desk("Staff")
    client.post(f"{LIST}{donor.pk}/note/", {"text": "Prefers letters.\nCall in spring."})
    note = DonorNote.objects.get()
    page = client.get(f"{LIST}{donor.pk}/change/").content.decode()
    assert "Prefers letters." in page
    assert str(note.author.get_full_name()) in page
    refused = client.post(f"{LIST}{donor.pk}/note/", {"text": "Card 4242 4242 4242 4242, see me"})
    assert refused.status_code == 200
    assert "looks like a card number" in errors(refused)
    assert "see me" in refused.content.decode()
    assert DonorNote.objects.count() == 1
    assert AuditEntry.objects.get(action="add note").after == {"note": note.pk}


def test_a_gift_by_a_further_e_mail_is_theirs() -> None:
    donor = builders.donor(email="ana@example.org")
    DonorEmail.objects.create(donor=donor, email="ana@work.example")
    assert builders.booked_gift(donor_email="Ana@work.example").donor == donor
    assert Donor.objects.count() == 1


def test_the_list_finds_by_phone_old_number_and_slip_and_hides_merged_ones() -> None:
    client, donor = desk("Staff"), builders.donor(name="Ana Silva", phone="(207) 555-0142", postal_code="04000")
    FormerId.objects.create(donor=donor, source="lgl", value="LGL-9")
    merged = builders.donor(name="Ana Sylva", merged_into=donor, email=None)
    for text in ("2075550142", "LGL-9", "slva", "04000", merged.public_id, "silva"):
        found = client.get(LIST, {"q": text}).context["cl"].result_list
        assert [one.pk for one in found] == [donor.pk], text
    assert [one.pk for one in client.get(LIST).context["cl"].result_list] == [donor.pk]
    page = client.get(f"{LIST}{merged.pk}/change/").content.decode()
    assert "This record was merged" in page
    assert client.get(f"{LIST}{merged.pk}/edit/").headers["Location"] == f"{LIST}{donor.pk}/change/"


def test_whoever_is_called_what_was_typed_is_found_without_a_further_question() -> None:
    client, donor = desk("Staff"), builders.donor(name="Ana Silva")
    merged = builders.donor(name="Ana Sylva", merged_into=donor, email=None)

    def asked(text: str) -> tuple[list[int], bool]:
        with CaptureQueriesContext(connection) as queries:
            found = client.get(LIST, {"q": text}).context["cl"].result_list
        looks = [one["sql"] for one in queries if one["sql"].startswith("SELECT 1") and "donations_donor" in one["sql"]]
        return [one.pk for one in found], bool(looks)

    assert asked("silva") == ([donor.pk], False)
    # A name that only a merged record has is nobody's: the finder knows whose it is today.
    assert asked("sylva") == ([donor.pk], True)
    # With a number beside it, the name alone does not say that somebody fits.
    assert asked(f"{merged.public_id} silva")[1]


# --- merging by hand -------------------------------------------------------------------------------------------------


def test_staff_find_compare_merge_and_take_back() -> None:
    client = desk("Staff")
    kept = builders.donor(name="Ana Silva", phone="2075550142", city="Port Haven", address_line1="1 Pier")
    gone = builders.donor(name="Ana Silva", phone="207-555-0142", city="Salem", address_line1="9 Elm")
    gift = builders.booked_gift(donor_email=gone.email)
    assert "Who may be the same?" in client.get(LIST).content.decode()
    pairs = client.get(f"{LIST}duplicates/").content.decode()
    assert "same phone, same name" in pairs
    assert f"{LIST}{kept.pk}/merge/{gone.pk}/" in pairs
    assert "same phone, same name" in client.get(f"{LIST}{kept.pk}/change/").content.decode()
    assert gone.public_id in client.get(f"{LIST}{kept.pk}/merge/", {"q": "silva"}).content.decode()
    preview = client.get(f"{LIST}{kept.pk}/merge/{gone.pk}/").content.decode()
    assert "Gifts: <strong>1</strong>" in preview
    address = f"{LIST}{kept.pk}/merge/{gone.pk}/"
    assert "This field is required" in errors(client.post(address, {"address": "gone"}))
    assert not DonorMerge.objects.exists()
    done = client.post(address, {"address": "gone", "reason": "she called"}, follow=True)
    assert "is one record now" in done.content.decode()
    record = DonorMerge.objects.get()
    gift.refresh_from_db()
    assert (gift.donor, record.reason) == (kept, "she called")
    assert Donor.objects.get(pk=kept.pk).city == "Salem"
    assert "Take this merge back" in client.get(f"/admin/donations/donormerge/{record.pk}/change/").content.decode()
    builders.booked_gift(donor_email=gone.email)
    undo = f"/admin/donations/donormerge/{record.pk}/undo/"
    assert "1 gift came after the merge and stays" in client.get(undo).content.decode()
    client.post(undo, {"reason": "two people"})
    gift.refresh_from_db()
    assert gift.donor == gone
    client.post(f"{LIST}{gone.pk}/not/{kept.pk}/")
    assert NotTheSame.objects.count() == 1
    assert "same phone" not in client.get(f"{LIST}duplicates/").content.decode()


def test_two_sign_ins_ask_on_the_page() -> None:
    client = desk("Staff")
    kept, gone = (
        builders.donor(name=f"Ana {n}", email=email, user=User.objects.create_user(email))
        for n, email in enumerate(("ana@example.org", "ana@work.example"))
    )
    address = f"{LIST}{kept.pk}/merge/{gone.pk}/"
    page = client.get(address).content.decode()
    assert "Ask which sign-in" in page
    assert not re.search(r'name="sign_in"[^>]*checked', page)
    refused = client.post(address, {"reason": "same"})
    assert "Both sign in" in refused.content.decode()
    assert 'value="same"' in refused.content.decode()
    assert client.post(address, {"reason": "same", "sign_in": "kept"}).status_code == 302
    assert Donor.objects.get(pk=kept.pk).user is not None


@pytest.mark.parametrize("group", ["", "Data entry", "Finance"])
def test_the_wrong_person_neither_merges_nor_changes(group: str) -> None:
    kept, gone, client = builders.donor(), builders.donor(), desk(group)
    merge = DonorMerge.objects.create(kept=kept, gone=builders.donor(), moved={}, merged_by=builders.staff())
    for page in (
        *(f"{LIST}duplicates/", f"{LIST}{kept.pk}/merge/", f"{LIST}{kept.pk}/merge/{gone.pk}/"),
        *(f"{LIST}{kept.pk}/not/{gone.pk}/", f"{LIST}{kept.pk}/edit/", f"{LIST}{kept.pk}/note/"),
        f"/admin/donations/donormerge/{merge.pk}/undo/",
    ):
        assert client.get(page).status_code == 403, page
        assert client.post(page, typed(kept, name="X", reason="x", text="x")).status_code == 403, page
        assert Client().get(page).status_code == 302
    assert client.post(f"{LIST}{kept.pk}/change/", typed(kept, name="X")).status_code == 403
    assert not Donor.objects.filter(merged_into__isnull=False).exists()
    assert not Donor.objects.filter(name="X").exists()
    assert not DonorNote.objects.exists()
    assert not AuditEntry.objects.exists()
    read = client.get(f"{LIST}{kept.pk}/change/")
    assert read.status_code == (200 if group else 403)
    assert "Merge with" not in read.content.decode()


def test_entry_staff_see_who_it_is_and_not_what_they_gave() -> None:
    donor = builders.booked_gift(amount_minor=123400).donor
    page = desk("Data entry").get(f"{LIST}{donor.pk}/change/").content.decode()  # type: ignore[union-attr]
    assert "ana@example.org" in page
    assert "1,234" not in page
    assert "G-0000" not in page
    assert "Received" not in page
