"""The address of a month's tie-out page."""

from datetime import date

from django.urls import reverse


def address(starts_on: date) -> str:
    """The month's tie-out page."""
    return reverse("admin:donations_month_tie_out", args=[month_word(starts_on)])


def month_word(starts_on: date) -> str:
    """The month as its address has it: "2026-11"."""
    return f"{starts_on:%Y-%m}"
