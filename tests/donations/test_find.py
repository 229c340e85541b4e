"""Finding a supporter while somebody types: by everything staff may have in hand, and as whom they have become."""

import pytest
from django.db import connection

from donations.desk import find
from donations.models import Donor, DonorEmail, FormerId, GiftDetail
from tests import builders

pytestmark = pytest.mark.django_db


def names(text: str, limit: int = 8) -> list[str]:
    return [match.name for match in find.find(text, limit)]


@pytest.fixture
def ana() -> Donor:
    return builders.donor(
        name="Ana María Silva-Reyes",
        addressee="Ana and Luis Reyes",
        email="ana.silva@example.org",
        phone="+1 (207) 555-0142",
        city="Port Haven",
        region="ME",
        postal_code="04000",
    )


@pytest.fixture(autouse=True)
def others() -> None:
    builders.donor(name="Seamus O'Brien", phone="555 010 7777", postal_code="10001")
    builders.donor(name="The Harbor Family Foundation", kind=Donor.Kind.FOUNDATION, email=None)
    builders.donor(name="Roberto Johnson")


@pytest.mark.parametrize(
    "typed",
    [
        *("ana", "AN", "silva", "reyes", "maria", "María", "ana silva", "silva ana", "Silva, Ana", "reyes mar"),
        *("an sil", "silva ana maria", "luis", "ana silva 040", "04000", "0400", "silva 04000", "04000-1234"),
        *("ana.silva@", "ANA.SILVA@example.org", "ana.sil", "ana@old.example", "ana@old"),
        *("2075550142", "(207) 555", "+1 207 555 0142", "1-207-555-0142", "0142", "555-0142"),
        *("LGL-77", "lgl-77", "Bank Trust for", "slva", "sivla", "ana slva", "silva anna", "Reyess", "reyes silba"),
    ],
)
def test_a_supporter_is_found_by_whatever_staff_have_in_hand(ana: Donor, typed: str) -> None:
    DonorEmail.objects.create(donor=ana, email="ana@old.example")
    FormerId.objects.create(donor=ana, source="lgl", value="LGL-77")
    GiftDetail.objects.create(gift=builders.settled_gift(donor=ana), payer_name="Bank Trust for A. Silva")
    assert names(typed)[:1] == ["Ana María Silva-Reyes"]


@pytest.mark.parametrize("typed", ["", "   ", "\x00", "zzzz", "%", "_", "12", "D-9999999999", "ana zzzz", "@", "'"])
def test_nothing_that_fits_is_nobody(ana: Donor, typed: str) -> None:
    assert find.find(typed) == []


def test_a_name_with_an_apostrophe_or_a_slip_is_found() -> None:
    assert names("obrien") == names("o'br") == names("O’Brien s") == ["Seamus O'Brien"]
    for slip in ("jonson", "johnsen", "jhonson", "johnsonn", "rboerto"):
        assert names(slip) == ["Roberto Johnson"], slip
    assert names("the harbor") == names("family harbor") == ["The Harbor Family Foundation"]


def test_what_fits_exactly_stands_before_what_is_a_slip_away() -> None:
    builders.donor(name="Petra Johnsen")
    assert names("johnsen") == ["Petra Johnsen", "Roberto Johnson"]


def test_the_number_finds_one_and_the_detail_tells_namesakes_apart(ana: Donor) -> None:
    twin = builders.donor(name="Ana María Silva-Reyes", email=None, phone="555 1", city="Salem", region="MA")
    [match] = find.find(ana.public_id)
    assert (match.donor_id, match.public_id, match.kind) == (ana.pk, ana.public_id, "individual")
    assert match.detail == "Port Haven, ME · ana.silva@example.org"
    assert find.find(f"d{ana.pk}") == [match]
    assert {one.detail for one in find.find("silva reyes")} == {match.detail, "Salem, MA · 555 1"}
    assert find.find(twin.public_id)[0].detail == "Salem, MA · 555 1"


def test_whoever_was_merged_is_found_as_who_they_became(ana: Donor) -> None:
    older = builders.donor(name="Anna Sylva", merged_into=ana)
    oldest = builders.donor(name="Annie Zylva", merged_into=older, postal_code="99999")
    for typed in (older.public_id, oldest.public_id, "sylva", "zylva annie", "99999"):
        assert [match.donor_id for match in find.find(typed)] == [ana.pk], typed


def test_no_more_than_asked_for_and_each_once(ana: Donor) -> None:
    for number in range(12):
        builders.donor(name=f"Ana Vale{chr(97 + number)} Quist")
    assert len(find.find("ana")) == 8
    found = [match.donor_id for match in find.find("ana", 20)]
    assert len(found) == len(set(found)) == 13


def test_the_words_follow_every_way_of_writing() -> None:
    """One by one, many at once, by UPDATE, and gone with the supporter."""
    made = Donor.objects.bulk_create([Donor(name="Nadia Quell"), Donor(name="Omar Quell")])
    assert len(names("quell")) == 2
    Donor.objects.filter(pk=made[0].pk).update(name="Nadia Brandt", postal_code="04999")
    assert names("quell") == ["Omar Quell"]
    assert names("brandt") == names("brnadt") == names("04999") == ["Nadia Brandt"]
    made[1].delete()
    assert names("quell") == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM donations_donorterm WHERE donor_id = %s", [made[1].pk])
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("one", "other", "slips"), [("ana", "ana", 0), ("anna", "ana", 1), ("sivla", "silva", 1), ("", "abc", 3)]
)
def test_slips_between_words_are_counted(one: str, other: str, slips: int) -> None:
    assert find.distance(one, other) == find.distance(other, one) == slips
