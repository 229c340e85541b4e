"""Django's classes that take a type parameter for the type checker and not when the program runs."""

from typing import TYPE_CHECKING

from django.contrib.admin import ModelAdmin as ModelAdmin
from django.core.paginator import Paginator as Paginator
from django.forms import ModelForm as ModelForm

from nonprofit import card_numbers

if not TYPE_CHECKING:

    class ModelAdmin(ModelAdmin):
        """`ModelAdmin[Gift]` is ModelAdmin."""

        def __class_getitem__(cls, _parameter: object) -> type:
            return cls

    class ModelForm(card_numbers.Guarded, ModelForm):
        """`ModelForm[Gift]` is ModelForm, and no form of ours takes a card number into a field of words."""

        def __class_getitem__(cls, _parameter: object) -> type:
            return cls

    class Paginator(Paginator):
        """`Paginator[Gift]` is Paginator."""

        def __class_getitem__(cls, _parameter: object) -> type:
            return cls
