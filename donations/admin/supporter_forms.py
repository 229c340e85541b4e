"""Forms in which staff write a supporter's record: one owner for each e-mail, and no way into another's account."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from donations.models import Donor, DonorAddress, DonorEmail, DonorNote, FormerId, Tag
from nonprofit.generics import ModelForm
from nonprofit.models import normal_email

# Rule 85: who changes the address also gets the codes that open the account.
SIGNS_IN = (
    "They sign in to the portal with this e-mail, so it is not changed here: whoever gets the codes sees what they "
    "gave. Put the new address beneath, as a further e-mail; gifts with it will be theirs."
)
LONGEST_TAG = 40


class DonorForm(ModelForm[Donor]):
    """A supporter as staff write it."""

    tag_names = forms.CharField(
        label="Tags",
        required=False,
        max_length=400,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Words with commas between, like: board, letter writer",
    )

    class Meta:
        model = Donor
        fields = (
            *("name", "kind", "addressee", "salutation", "email", "phone"),
            *("address_line1", "address_line2", "city", "region", "postal_code", "country"),
            *("is_deceased", "is_not_contacted", "is_not_mailed", "is_anonymous", "wants_no_letter", "receipts"),
        )
        labels = {
            "name": "Legal name",
            "addressee": "On the envelope",
            "address_line1": "Street",
            "address_line2": "Suite, unit",
        }
        help_texts = {
            "name": "As it stands on receipts.",
            "addressee": "As written: “Ana and Luis Ortega”. Empty: the legal name.",
            "salutation": "As written: “Dear Ana and Luis”. Empty: the legal name is greeted.",
            "country": "Two letters, like US. Empty is the same as US.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["tag_names"] = ", ".join(tag.name for tag in self.instance.tags.all())
        if self.instance.user_id and "email" in self.fields:
            self.fields["email"].help_text = "They sign in with it, so it is not changed here."

    def clean_email(self) -> str | None:
        email = normal_email(self.cleaned_data["email"] or "") or None
        if email == self.instance.email:
            return email
        if self.instance.user_id:
            raise ValidationError(SIGNS_IN)
        if email is not None:
            refuse_owned(email, self.instance)
        return email

    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"].upper()
        if country and not re.fullmatch("[A-Z]{2}", country):
            raise ValidationError("Two letters, like US or CA.")
        return country

    def clean_tag_names(self) -> str:
        names = list(
            dict.fromkeys(name for part in self.cleaned_data["tag_names"].split(",") if (name := part.strip()))
        )
        if any(len(name) > LONGEST_TAG for name in names):
            raise ValidationError(f"A tag has at most {LONGEST_TAG} letters.")
        return ", ".join(names)

    def save_tags(self) -> None:
        """The supporter has the tags that were typed and no others; a word is one tag however it is written."""
        if "tag_names" not in self.changed_data:
            return
        tags = []
        for name in self.cleaned_data["tag_names"].split(", "):
            if name:
                tags.append(Tag.objects.filter(name__iexact=name).first() or Tag.objects.create(name=name))
        self.instance.tags.set(tags)


def refuse_owned(email: str, own: Donor | None) -> None:
    """The e-mail is nobody else's, main or further. Raises ValidationError naming whose it is."""
    owners = Donor.objects.filter(Q(email=email) | Q(further_emails__email=email))
    owner = owners.first()
    if owner is None:
        return
    if own is not None and owner.pk == own.pk:
        raise ValidationError("This is a further e-mail of theirs. Take it out beneath and save, then put it here.")
    url = reverse("admin:donations_donor_change", args=[owner.pk])
    raise ValidationError(format_html('It belongs to <a href="{}">{} ({})</a>.', url, owner.name, owner.public_id))


class EmailForm(ModelForm[DonorEmail]):
    class Meta:
        model = DonorEmail
        fields = ("email", "purpose")

    def clean_email(self) -> str:
        email = normal_email(self.cleaned_data["email"])
        if email != self.instance.email:
            owner = Donor.objects.filter(email=email).first()
            if owner is not None and owner.pk == self.instance.donor_id:
                raise ValidationError("This is their main e-mail already.")
            refuse_owned(email, None)
        return email


class AddressForm(ModelForm[DonorAddress]):
    class Meta:
        model = DonorAddress
        fields = ("purpose", "address_line1", "address_line2", "city", "region", "postal_code", "country")
        labels = {"address_line1": "Street", "address_line2": "Suite, unit"}


class FormerIdForm(ModelForm[FormerId]):
    class Meta:
        model = FormerId
        fields = ("source", "value")


class NoteForm(ModelForm[DonorNote]):
    """A note; a card number in it is refused."""

    class Meta:
        model = DonorNote
        fields = ("text",)
        labels = {"text": "New note"}
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}


class _OfSupporter(admin.StackedInline):  # type: ignore[type-arg]
    """Rows of a supporter: whoever may write the supporter may write them.

    Stacked: Django's tabular rows have no labels for a screen reader and are wider than a phone.
    """

    form = ModelForm
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        right = "donations.change_donor" if obj is not None else "donations.add_donor"
        return bool(request.user.has_perm(right))


class EmailInline(_OfSupporter):
    model = DonorEmail
    form = EmailForm


class AddressInline(_OfSupporter):
    model = DonorAddress
    form = AddressForm


class FormerIdInline(_OfSupporter):
    model = FormerId
    form = FormerIdForm
    verbose_name = "number in another system"
    verbose_name_plural = "numbers in other systems"
