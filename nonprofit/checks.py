"""What `manage.py check` looks for beyond Django's own checks."""

from typing import Any

from django.core import checks
from django.urls import get_resolver

from nonprofit import card_numbers

PACKAGES = ("nonprofit", "donations", "members")


@checks.register(checks.Tags.security)
def forms_refuse_card_numbers(app_configs: Any, **_options: Any) -> list[checks.CheckMessage]:
    """Every field of words in a form of ours refuses card numbers."""
    # Reading the addresses imports every view, and with it every form.
    _ = get_resolver().url_patterns
    hint = "Let the form inherit from nonprofit.card_numbers.Guarded, or give the field card_numbers.refuse."
    return [
        checks.Error(f"{field} would take a card number.", hint=hint, id="nonprofit.E001")
        for field in card_numbers.unguarded(PACKAGES)
    ]
