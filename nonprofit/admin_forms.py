"""Forms of the admin's floor: the organisation, and who may sign in."""

from typing import Any

from django import forms

from nonprofit import colors
from nonprofit.generics import ModelForm
from nonprofit.models import HEX_COLOR, Organization, User, normal_email


class OrganizationForm(ModelForm[Organization]):
    """Refuses colours that could not be read on paper."""

    website = forms.URLField(required=False, assume_scheme="https")

    class Meta:
        model = Organization
        fields = (
            *("name", "legal_name", "ein", "tagline", "email", "phone", "website"),
            *("address_line1", "address_line2", "city", "region", "postal_code", "country"),
            *("brand_color", "accent_color", "signatory_name", "signatory_title", "receipt_thanks"),
        )
        widgets = {"brand_color": forms.ColorInput, "accent_color": forms.ColorInput}
        help_texts = {
            "brand_color": "Letterhead, headings and the bar at the top. Dark enough to read on white.",
            "accent_color": "Buttons and links. Dark enough to read on white.",
        }

    def clean_brand_color(self) -> str:
        return _readable(self.cleaned_data["brand_color"])

    def clean_accent_color(self) -> str:
        return _readable(self.cleaned_data["accent_color"])


def _readable(color: str) -> str:
    # The model's own check comes later than this one.
    HEX_COLOR(color)
    ratio = colors.contrast(color, colors.PAPER_LIGHT)
    if ratio < colors.READABLE:
        raise forms.ValidationError(
            f"Too light to read on white paper ({ratio:.1f} to 1). Choose a darker one: {colors.READABLE} or more."
        )
    return color.lower()


class StaffForm(ModelForm[User]):
    """Somebody who can sign in. Nobody gets a password: a code goes to their address."""

    class Meta:
        model = User
        fields = ("email", "name", "is_staff", "is_active", "groups", "is_superuser")
        widgets = {"groups": forms.CheckboxSelectMultiple}
        labels = {"is_staff": "May open the admin", "is_active": "May sign in", "is_superuser": "May do everything"}
        help_texts = {
            "is_staff": "What they see there follows from their groups.",
            "is_active": "Take this away instead of deleting somebody.",
            "is_superuser": "Also what no group allows. Keep this for one or two people.",
            "groups": "",
        }

    def clean_email(self) -> str:
        return normal_email(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("groups") and cleaned.get("is_staff") is False:
            self.add_error("is_staff", "Groups are for people who may open the admin.")
        return cleaned

    def save(self, commit: bool = True) -> User:
        if self.instance.pk is None:
            self.instance.set_unusable_password()
        return super().save(commit)
