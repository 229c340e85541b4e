"""A card number that is posted anywhere never comes past the door, and every form of ours refuses one."""

import logging
from uuid import UUID

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from nonprofit import card_numbers, checks
from nonprofit.middleware import no_card_numbers

SEEN: list[HttpRequest] = []


def post(data: dict[str, object], **options: str) -> HttpRequest:
    """The request as the view behind the door sees it."""
    SEEN.clear()

    def view(request: HttpRequest) -> HttpResponse:
        SEEN.append(request)
        return HttpResponse()

    no_card_numbers(view)(RequestFactory().post("/anywhere/", data, **options))  # type: ignore[arg-type]
    return SEEN[0]


def test_digits_are_taken_out_wherever_they_were_typed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = post({"note": "my card 4242 4242 4242 4242 please", "odd": ["5555555555554444", "fine"], "name": "Ana"})
    assert request.POST["note"] == "my card [card number] please"
    assert request.POST.getlist("odd") == ["[card number]", "fine"]
    assert request.POST["name"] == "Ana"
    assert "4242" not in caplog.text


def test_ids_of_our_own_pages_come_back_as_they_went() -> None:
    # All digits but the variant, with a card number inside.
    ours = UUID("42424242-4242-4242-8000-000000000000")
    assert card_numbers.find(str(ours))
    assert post({"attempt": str(ours)}).POST["attempt"] == str(ours)


def test_more_than_a_person_types_is_left_to_the_fields() -> None:
    long = "4242424242424242 " * 20_000
    assert post({"text": long}).POST["text"] == long


def test_a_field_that_is_added_to_a_form_is_guarded_too() -> None:
    class Growing(card_numbers.Guarded, forms.Form):
        def __init__(self, data: dict[str, str]) -> None:
            super().__init__(data)
            self.fields["later"] = forms.CharField()

    assert Growing({"later": "4242424242424242"}).errors == {"later": [card_numbers.SENTENCE]}


def test_no_form_of_ours_takes_a_card_number() -> None:
    assert checks.forms_refuse_card_numbers(None) == []


def test_the_check_finds_a_form_that_would() -> None:
    class LooseForm(forms.Form):
        note = forms.CharField()
        many = forms.IntegerField()

    LooseForm.__module__ = "planted"
    name = "planted.test_the_check_finds_a_form_that_would.<locals>.LooseForm.note"
    assert card_numbers.unguarded(("planted",)) == [name]
    LooseForm.base_fields["note"].validators.append(card_numbers.refuse)
    assert card_numbers.unguarded(("planted",)) == []
    with pytest.raises(ValidationError):
        LooseForm.base_fields["note"].clean("4242424242424242")
