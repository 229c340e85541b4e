"""What `manage.py check` looks for beyond Django's own checks."""

from typing import Any

from django.contrib import admin
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
    loose = [*card_numbers.unguarded(PACKAGES), *_loose_admins()]
    return [checks.Error(f"{name} would take a card number.", hint=hint, id="nonprofit.E001") for name in loose]


def _loose_admins() -> list[str]:
    """Admins, and tables inside their pages, whose forms are made by Django from a form that is not ours."""
    made = [*map(type, admin.site._registry.values()), *card_numbers.below(admin.options.InlineModelAdmin)]
    return [
        f"{one.__module__}.{one.__qualname__}"
        for one in made
        if one.__module__.split(".")[0] in PACKAGES and not issubclass(one.form, card_numbers.Guarded)
    ]
