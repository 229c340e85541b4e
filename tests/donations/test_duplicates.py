"""Supporters who may be one: which pairs are shown, why, and that a decision is remembered."""

import pytest

from donations.desk import duplicates, merging
from donations.models import Donor, DonorEmail, NotTheSame
from nonprofit.models import AuditEntry
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Donor:
    return builders.donor(
        name="Ana Silva",
        email="ana.silva@gmail.com",
        phone="(207) 555-0142",
        address_line1="12 Elm Street",
        postal_code="04000",
    )


@pytest.mark.parametrize(
    ("other", "score", "reasons"),
    [
        ({"name": "A. S.", "email": "anasilva+news@googlemail.com"}, 70, ("same e-mail in another spelling",)),
        ({"name": "ANA SILVA", "phone": "+1 207 555 0142"}, 70, ("same phone", "same name")),
        ({"name": "Silva, Ana", "postal_code": "04000-1234"}, 45, ("same name", "same ZIP")),
        (
            {"name": "Anna Silva", "address_line1": "12 elm st.", "postal_code": "04000"},
            65,
            ("same street and ZIP", "name one letter apart"),
        ),
        (
            {"name": "A Silva", "address_line1": "12 Elm St", "postal_code": "04000", "phone": "2075550142"},
            95,
            ("same street and ZIP", "same phone", "same family name and initial"),
        ),
        ({"name": "Luis Silva", "phone": "207 555 0142"}, 45, ("same phone", "same family name")),
        ({"name": "Ana and Luis Silva", "phone": "207 555 0142"}, 55, ("same phone", "one name is part of the other")),
    ],
)
def test_a_pair_is_shown_with_its_reasons(
    ana: Donor, other: dict[str, str], score: int, reasons: tuple[str, ...]
) -> None:
    newer = builders.donor(**{"email": None, **other})
    [pair] = duplicates.page().pairs
    assert (pair.older, pair.newer, pair.score, pair.reasons) == (ana, newer, score, reasons)
    assert duplicates.of(ana) == duplicates.of(newer) == [pair]


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Ana Silva"},  # As many as there are: alone it says nothing.
        {"name": "Bob Jones", "phone": "207 555 0142"},
        {"name": "Bob Jones", "address_line1": "12 Elm Street", "postal_code": "04000"},
        {"name": "Ana Silva", "postal_code": "10001"},
        {"name": "Ana Pereira", "email": "ana.silva@outlook.com"},
        {"name": "Bob Silva", "phone": "0142", "postal_code": "04000"},
    ],
)
def test_little_in_common_asks_nobody(ana: Donor, other: dict[str, str]) -> None:
    builders.donor(**{"email": None, **other})
    assert duplicates.page().pairs == duplicates.of(ana) == []


def test_a_further_e_mail_counts(ana: Donor) -> None:
    other = builders.donor(name="Bob")
    DonorEmail.objects.create(donor=other, email="anasilva@gmail.com")
    assert [pair.reasons for pair in duplicates.of(ana)] == [("same e-mail in another spelling",)]


def test_a_decision_is_remembered(ana: Donor) -> None:
    other = builders.donor(name="Ana Silva", phone="2075550142")
    clerk = builders.staff("Staff")
    duplicates.not_the_same(other.pk, ana.pk, user=clerk)
    duplicates.not_the_same(ana.pk, other.pk, user=clerk)
    assert duplicates.page().pairs == duplicates.of(other) == []
    assert NotTheSame.objects.get().decided_by == clerk
    assert AuditEntry.objects.filter(action="not the same", actor=f"staff:{clerk.pk}").count() == 1


def test_merged_records_are_no_duplicates(ana: Donor) -> None:
    other = builders.donor(name="Ana Silva", phone="2075550142")
    record = merging.merge(ana.pk, other.pk, user=builders.staff())
    assert duplicates.page().pairs == duplicates.of(ana) == duplicates.of(Donor.objects.get(pk=other.pk)) == []
    merging.unmerge(record.pk, user=builders.staff())
    assert len(duplicates.page().pairs) == 1


def test_each_pair_is_found_once_however_far_back_the_older_one_is(ana: Donor) -> None:
    for _ in range(3):
        builders.donor()
    twin = builders.donor(name="Ana Silva", phone="2075550142")
    for _ in range(2):
        builders.donor()
    seen, before, pages = [], None, 0
    while True:
        page = duplicates.page(before, window=2)
        seen += page.pairs
        pages += 1
        if page.next_before is None:
            break
        before = page.next_before
    assert [(pair.older, pair.newer) for pair in seen] == [(ana, twin)]
    assert pages == 4
