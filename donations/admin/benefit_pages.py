"""The pages on which staff record what came with a gift; where a paper stands, it is replaced with the reason given."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from donations import benefits
from donations.admin.benefit_forms import CameForm, WhyForm
from donations.admin.promise_pages import Question
from donations.models import Benefit, Gift, GiftBenefit, Receipt, ReceiptVoid
from nonprofit.admin_parts import actor, link, may, url_of
from nonprofit.generics import ModelAdmin

ADD, REPLACE = "donations.add_giftbenefit", "donations.replace_receipt"
LEAD = (
    "What a supporter gets for a gift may lower what they can deduct. The receipt says it by itself; what was declined "
    "when the gift was made does not count."
)


class BenefitPages(ModelAdmin[Benefit]):
    """The addresses beneath the catalogue's own."""

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("of-gift/<int:pk>/", self.came, "came"),
            ("<int:pk>/declined/", self.declined, "declined"),
            ("<int:pk>/taken/", self.taken, "taken"),
        ]
        view = self.admin_site.admin_view
        mine = [path(where, view(page), name=f"donations_benefit_{name}") for where, page, name in views]
        return [*mine, *super().get_urls()]

    def came(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Something came with this gift, or was offered and declined."""
        gift = get_object_or_404(Gift.objects.select_related("donor"), pk=pk)
        form = CameForm(gift, request.POST or None, is_replacing=_allowed(request, gift))
        question = Question("What came with this gift", "Record it", url_of(gift), _about(gift), LEAD)

        def do() -> str:
            why = form.cleaned_data.get("replacing", "")
            row = benefits.add(gift.pk, form.came, actor=actor(request), replacing=why)
            return f"Recorded: {row.description}{', declined' if row.is_declined else ''}."

        return self._ask(request, question, form, do)

    def declined(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It was declined when the gift was made."""
        return self._mark(request, pk, is_declined=True)

    def taken(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It was taken after all."""
        return self._mark(request, pk, is_declined=False)

    def _mark(self, request: HttpRequest, pk: int, *, is_declined: bool) -> HttpResponse:
        row = get_object_or_404(GiftBenefit.objects.select_related("gift__donor"), pk=pk)
        form = WhyForm(request.POST or None, is_replacing=_allowed(request, row.gift))
        title = "Declined with the gift" if is_declined else "Taken after all"
        facts = [*_about(row.gift), ("Benefit", row.description)]
        question = Question(title, "Record it", url_of(row.gift), facts, LEAD)

        def do() -> str:
            why = form.cleaned_data.get("replacing", "")
            benefits.mark(row.pk, is_declined=is_declined, actor=actor(request), replacing=why)
            return f"{row.description}: {'declined with the gift' if is_declined else 'taken'}."

        return self._ask(request, question, form, do)

    def _ask(self, request: HttpRequest, question: Question, form: forms.Form, do: Callable[[], str]) -> HttpResponse:
        """Show the form; when it is sent and right, `do` says what happened."""
        if request.method == "POST" and form.is_valid():
            try:
                messages.success(request, do())
            except benefits.CannotChange as trouble:
                form.add_error(None, str(trouble))
            else:
                return redirect(question.back)
        context = {**self.admin_site.each_context(request), "title": question.title, "opts": self.opts}
        return TemplateResponse(
            request, "admin/benefits/question.html", {**context, "question": question, "form": form}
        )


def stands(gift: Gift) -> Receipt | None:
    """The paper that already says what came with the gift."""
    return Receipt.objects.filter(gift=gift).exclude(pk__in=ReceiptVoid.objects.values("receipt")).first()


def _allowed(request: HttpRequest, gift: Gift) -> bool:
    """Whether a paper has to be replaced. Raises PermissionDenied for those who may not record it, or replace it."""
    is_replacing = stands(gift) is not None
    if not may(request, ADD) or (is_replacing and not may(request, REPLACE)):
        raise PermissionDenied
    return is_replacing


def _about(gift: Gift) -> list[tuple[str, object]]:
    return [("Gift", link(gift, gift.public_id)), ("From", gift.donor_name), ("As", gift.get_kind_display())]
