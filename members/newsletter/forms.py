"""The form of the sign-up box."""

from django import forms

from nonprofit import card_numbers
from nonprofit.models import normal_email


class JoinForm(card_numbers.Guarded, forms.Form):
    """The sign-up box. Robots fill every field they find, so one that people do not see must stay empty."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email", "spellcheck": "false"}),
        error_messages={
            "required": "Enter your e-mail address.",
            "invalid": "Enter an e-mail address like name@example.org.",
        },
    )
    website = forms.CharField(required=False, max_length=200)

    def clean_email(self) -> str:
        return normal_email(self.cleaned_data["email"])

    @property
    def is_of_a_robot(self) -> bool:
        return bool(str(self.data.get("website", "")).strip())
