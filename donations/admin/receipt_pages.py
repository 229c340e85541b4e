"""Pages beneath the receipts: put a paper right, copy it, look at a void one, tell people, and explain every number."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from donations import corrections
from donations.admin.promise_forms import DonorField, Form
from donations.corrections import Correction
from donations.models import Difference, Receipt, ReceiptBook, ReceiptCopy, ReceiptVoid
from donations.receipts import copies, gaps, replace, taken_back
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import Refused, actor, may, url_of, verb
from nonprofit.admin_site import Figure, on_desk
from nonprofit.generics import ModelAdmin

REPLACE, RESEND, EXPLAIN = "donations.replace_receipt", "donations.resend_receipt", "donations.view_difference"


class CorrectForm(Form):
    """What is true instead; empty fields stay as they are."""

    donor = DonorField(
        label="It was given by",
        required=False,
        help_text="Another supporter: name, e-mail or number. Empty: no change.",
    )
    name = forms.CharField(
        label="Name on the paper", max_length=200, required=False, help_text="As it must stand there. Empty: no change."
    )
    gift_on = forms.DateField(
        label="Date of the gift",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The day that counts for their taxes. The books stay on the day they were written. Empty: no change.",
    )
    as_it_is = forms.BooleanField(
        label="Nothing of these: print it again as we know it now",
        required=False,
        help_text="The paper becomes void, and a new number takes its place with today's facts, texts and letterhead.",
    )
    note = forms.CharField(label="What was wrong", max_length=300, help_text="In a few words, for the books.")

    def right(self) -> Correction:
        typed = self.cleaned_data
        return Correction(typed["donor"], typed["name"], typed["gift_on"], typed["note"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_new = bool(cleaned.get("donor") or cleaned.get("name") or cleaned.get("gift_on"))
        if is_new == bool(cleaned.get("as_it_is")):
            raise forms.ValidationError("Say what is true instead, or that it is printed again as we know it now.")
        return cleaned


class ReceiptPages(ModelAdmin[Receipt]):
    """The addresses beneath the receipts' own."""

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("numbers/", self.numbers, "numbers"),
            ("to-tell/", self.to_tell, "to_tell"),
            ("<int:pk>/told/", require_POST(self.told), "told"),
            ("<int:pk>/correct/", self.correct, "correct"),
            ("<int:pk>/void/", self.voided, "voided"),
            ("<int:pk>/copy/", self.copy, "copy"),
            ("copy/<int:pk>/pdf/", self.copied, "copied"),
        ]
        view = self.admin_site.admin_view
        mine = [path(where, view(page), name=f"donations_receipt_{name}") for where, page, name in views]
        return [*mine, *super().get_urls()]

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is wrong on this paper; looked at before anything happens."""
        if not (may(request, REPLACE) and sees_amounts(request)):
            raise PermissionDenied
        receipt = get_object_or_404(Receipt.objects.select_related("gift__donor", "gift__fund"), pk=pk)
        form = CorrectForm(request.POST or None)
        page: dict[str, Any] = {"receipt": receipt, "gift": receipt.gift, "form": form}
        why = _not_correctable(receipt)
        step = request.POST.get("step", "")
        if why or request.method != "POST" or step == "change" or not form.is_valid():
            return self._page(request, "correct", {**page, "why": why, "title": f"Put {receipt.number} right"})
        try:
            if step == "do":
                return self._corrected(request, receipt, form)
            page["outlook"] = None if form.cleaned_data["as_it_is"] else _outlook(request, receipt, form)
            page["is_looking"] = True
        except corrections.CannotCorrect as trouble:
            form.add_error(None, str(trouble))
        return self._page(request, "correct", {**page, "title": f"Put {receipt.number} right"})

    def _corrected(self, request: HttpRequest, receipt: Receipt, form: CorrectForm) -> HttpResponse:
        gift, who = receipt.its_gift, actor(request)
        if form.cleaned_data["as_it_is"]:
            note, other = form.cleaned_data["note"], ReceiptVoid.Reason.OTHER
            replace.replace(gift.pk, reason=other, actor=who, note=note, instead_of=receipt.pk)
        else:
            corrections.correct(gift.pk, form.right(), actor=who)
        gift.refresh_from_db()
        if gift.receipt_id in (None, receipt.pk):
            messages.warning(request, f"{receipt.number} is void. The new paper waits until its trouble is put right.")
            return redirect(url_of(gift))
        messages.success(request, f"{receipt.number} is void, and {gift.paper.number} takes its place.")
        return redirect(url_of(gift.paper))

    def voided(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The bytes of a void paper with VOID across them."""
        self._only_who_sees(request)
        receipt = get_object_or_404(
            Receipt.objects.select_related("pdf__file"), pk=pk, void__isnull=False, pdf__isnull=False
        )
        return _pdf(copies.voided(receipt), f"void-{receipt.number}")

    def copy(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that makes a copy."""
        return verb(request, RESEND, Receipt, pk, _copy)

    def copied(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A copy as it was made."""
        self._only_who_sees(request)
        copy = get_object_or_404(ReceiptCopy.objects.select_related("file", "receipt"), pk=pk)
        return _pdf(bytes(copy.file.content), f"copy-{copy.receipt.number}")

    def numbers(self, request: HttpRequest) -> HttpResponse:
        """Every book with what its numbers are; with ?book=R-2026, its chain computed anew."""
        if not (may(request, EXPLAIN) and self.has_view_permission(request)):
            raise PermissionDenied
        series, _, year = request.GET.get("book", "").partition("-")
        chosen = ReceiptBook.objects.filter(series=series, year=int(year) if year.isdigit() else 0).first()
        page: dict[str, Any] = {"title": "Receipt numbers", "books": gaps.books(), "chosen": chosen}
        if chosen:
            page["broken"] = gaps.check_chain(chosen.series, chosen.year)
        page["differences"] = Difference.objects.open().filter(kind=Difference.Kind.NUMBER_UNEXPLAINED).order_by("key")
        return self._page(request, "numbers", page)

    def to_tell(self, request: HttpRequest) -> HttpResponse:
        """Supporters who have a void paper and do not know it."""
        self._only_who_replaces(request)
        rows = taken_back.to_tell()[:200]
        return self._page(request, "to_tell", {"title": "Tell them that a paper is void", "rows": rows})

    def told(self, request: HttpRequest, pk: int) -> HttpResponse:
        """They were told; how is noted."""
        self._only_who_replaces(request)
        receipt = get_object_or_404(Receipt, pk=pk, void__isnull=False)
        how = " ".join(request.POST.get("how", "").split())
        if not how:
            messages.error(request, "Say in a few words how they were told.")
        elif taken_back.told(receipt.pk, actor(request), how=how):
            messages.success(request, f"Noted for {receipt.number}.")
        return redirect("admin:donations_receipt_to_tell")

    def _only_who_sees(self, request: HttpRequest) -> None:
        if not (self.has_view_permission(request) and sees_amounts(request)):
            raise PermissionDenied

    def _only_who_replaces(self, request: HttpRequest) -> None:
        if not (may(request, REPLACE) and sees_amounts(request)):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/receipts/{name}.html", context)


def _outlook(request: HttpRequest, receipt: Receipt, form: CorrectForm) -> corrections.Outlook:
    return corrections.outlook(receipt.its_gift.pk, form.right(), actor=actor(request))


def _not_correctable(receipt: Receipt) -> str:
    if receipt.gift is None:
        return "A yearly statement is made anew by itself when one of its gifts is put right."
    if receipt.state in (Receipt.State.VOID, Receipt.State.REPLACED):
        return f"{receipt.number} is void already; only a paper that stands can be put right."
    return ""


def _copy(receipt: Receipt, who: str) -> str:
    try:
        copy = copies.make(receipt.pk, actor=who)
    except copies.CannotCopy as trouble:
        raise Refused(str(trouble)) from trouble
    url = reverse("admin:donations_receipt_copied", args=[copy.pk])
    return cast(str, format_html('A copy of {} is made. <a href="{}">Open it</a>.', receipt.number, url))


def _pdf(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


@on_desk
def numbers_to_explain(request: HttpRequest) -> list[Figure]:
    """Receipt numbers that nothing explains; shown only when there are any."""
    if not may(request, EXPLAIN):
        return []
    count = Difference.objects.open().filter(kind=Difference.Kind.NUMBER_UNEXPLAINED).count()
    url = reverse("admin:donations_receipt_numbers")
    return [Figure("Receipt numbers to explain", str(count), url, is_trouble=True)] if count else []


@on_desk
def void_papers_to_tell(request: HttpRequest) -> list[Figure]:
    """Supporters who do not know yet that their paper is void; shown only when there are any."""
    if not (may(request, REPLACE) and sees_amounts(request)):
        return []
    count = taken_back.to_tell().count()
    url = reverse("admin:donations_receipt_to_tell")
    return [Figure("Void papers to tell people of", str(count), url, is_trouble=True)] if count else []
