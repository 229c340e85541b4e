"""Forms of signing in."""

from allauth.account.forms import RequestLoginCodeForm
from allauth.core import context
from django import forms
from django.core.exceptions import ValidationError

from members import accounts
from nonprofit import card_numbers, limits
from nonprofit.models import normal_email

# A person who mistypes needs three or four; a mailbox must not be flooded, and a guesser gets three tries per code.
PER_EMAIL = limits.Limit("sign-in code by e-mail", "5 per 15 minutes")
# An office or a library shares one address.
PER_ADDRESS = limits.Limit("sign-in code by address", "40 per 1 hour")
TOO_MANY = "Several codes were asked for just now. Please use the newest one, or try again in a quarter of an hour."


class RequestCodeForm(card_numbers.Guarded, RequestLoginCodeForm):
    """Asks for the address to send a code to. Its answer is the same whether we know the address or not."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email", "spellcheck": "false"}),
        error_messages={
            "required": "Enter your e-mail address.",
            "invalid": "Enter an e-mail address like name@example.org.",
        },
    )

    def clean_email(self) -> str:
        """The address as we store it; `_user` is who gets the code, or None. Counts before it looks anything up."""
        email = normal_email(self.cleaned_data["email"])
        if limits.allow([(PER_EMAIL, email), (PER_ADDRESS, limits.address(context.request))]):
            raise ValidationError(TOO_MANY, code="rate_limited")
        self._user = accounts.open_for(email)
        return email
