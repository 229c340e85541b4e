"""Card numbers in fields of words: found however they are written, and nothing else taken for one."""

import random

import pytest
from django import forms
from django.core.exceptions import ValidationError

from nonprofit import card_numbers

# Numbers that Stripe and the networks publish for tests.
CARDS = (
    *("4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222"),
    *("5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011981111111113"),
    *("3056930009020004", "36227206271667", "3566002020360505", "6205500000000000004", "6200000000000005"),
    *("4000002760003184", "4000000000000002", "6011000990139424", "30569309025904", "5200828282828210"),
)
WRITTEN = (
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242.4242.4242.4242",
    "4242 - 4242 - 4242 - 4242",
    "4242/4242/4242/4242",
    "4242, 4242, 4242, 4242",
    "4242_4242_4242_4242",
    "4242\n4242\n4242\n4242",
    "4242\u00a04242\u20094242\u202f4242",
    "4242\u200b4242\u200b4242\u200b4242",
    "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    "42 42 42 42 42 42 42 42",
    "42424242 42424242",
    "424242 4242424242",
    "4242 42424242 4242",
    "4242 4242 4242 4242 12/34 123",
    "42424242424242421234",
    "visa4242424242424242",
    "Please charge my card 4242 4242 4242 4242, thank you",
    "４２４２ ４２４２ ４２４２ ４２４２",
    "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
    "3782 822463 10005",
    "3056 930902 5904",
    "+4242424242424242",
    "(4242) 4242 4242 4242",
)
OTHERS = (
    "(555) 010-0142",
    "+1 (415) 242-4242",
    "207-555-0142, or 207-555-0199 after six",
    "+49 151 23456789",
    "0044 20 7946 0958 ext 1234",
    "00-1234567",
    "EIN 12-3456789 and 98-7654321",
    "R-2026-000142 and R-2026-000143",
    "G-00000042, G-00000043, G-00000044",
    "Check 4521 of 12/24/2026, postmarked 2026-12-26, received 12/30/2026",
    "2026-11-23 2026-12-24 2026-12-31",
    "pi_3QK1abCDe2FGhIjK0aBcDeFg ch_3QK1abCDe2FGhIjK0aBcDeFg",
    "8f14e45f-ceea-467f-a9e3-1c5b8e0d3f21",
    "ZIP 04101-1234, 04102-5678",
    "$4,000.00 + $5,000.00 + $1,500.00",
    "1 2 3",
    "4242 4242 4242",
    "4242 4242 4242 4241",
    "DAF grant 20261123000142",
    "1Z999AA10123456784",
    "VIN 1HGCM82633A004352",
    "978-3-16-148410-0",
    "GB82 WEST 1234 5698 7654 32",
    "",
)


@pytest.mark.parametrize("text", [*CARDS, *WRITTEN])
def test_a_card_number_is_found_refused_and_taken_out(text: str) -> None:
    assert card_numbers.find(text)
    with pytest.raises(ValidationError) as refused:
        card_numbers.refuse(f"Hello {text}")
    assert refused.value.messages == [card_numbers.SENTENCE]
    kept = card_numbers.without(f"Hello {text} bye")
    assert kept.startswith("Hello ")
    assert card_numbers.TAKEN_OUT in kept
    assert not card_numbers.find(kept)
    assert kept.endswith("bye")
    assert "4242" not in kept


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_pass(text: str) -> None:
    assert not card_numbers.find(text)
    card_numbers.refuse(text)
    assert card_numbers.without(text) == text


def test_what_was_taken_out_is_refused_until_a_person_looked() -> None:
    with pytest.raises(ValidationError):
        card_numbers.refuse(card_numbers.without("Charge 4242424242424242 please"))


def test_few_other_long_numbers_are_taken_for_cards() -> None:
    chance = random.Random(2026)
    numbers = [str(chance.randrange(10**15, 10**16)) for _ in range(20_000)]
    assert sum(map(card_numbers.find, numbers)) / len(numbers) < 0.05
    phones = [
        f"{chance.randrange(200, 999)}-{chance.randrange(200, 999)}-{chance.randrange(10**4):04}" for _ in numbers
    ]
    lists = [", ".join(phones[start : start + 4]) for start in range(0, len(phones), 4)]
    assert sum(map(card_numbers.find, lists)) == 0


def test_a_guarded_form_refuses_and_does_not_repeat_the_number() -> None:
    class NoteForm(card_numbers.Guarded, forms.Form):
        note = forms.CharField()
        place = forms.ChoiceField(choices=[("a", "A")])

    form = NoteForm({"note": "4242 4242 4242 4242", "place": "a"})
    assert form.errors == {"note": [card_numbers.SENTENCE]}
    assert NoteForm({"note": "Call 207-555-0142", "place": "a"}).is_valid()
