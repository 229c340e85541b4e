"""The rows of a batch as its page speaks of them: shown, saved, taken out; and the supporters found for them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse

from donations.admin import batch_forms
from donations.admin.batch_forms import NewcomerForm, RowForm
from donations.desk import batches, checking, find, newcomers, promises, rows
from donations.models import Batch, BatchRow, Campaign, Donor, Gift
from donations.rules import dating, kinds, slip_code
from nonprofit import clock
from nonprofit.admin_parts import may
from nonprofit.models import User

# What the next row takes over from the one before.
CARRIED = ("kind", "sent_by", "postmarked_on", "received_on", "credited_on")
MORE = ("gift_on_override", "date_reason", "fund", "campaign", "tribute", "tribute_name", "note", "is_name_hidden")
NEWCOMER = (
    ("name", "Name", "text"),
    ("address_line1", "Street", "text"),
    ("city", "City", "text"),
    ("region", "State", "text"),
    ("postal_code", "ZIP code", "text"),
    ("email", "E-mail, if they gave one", "email"),
    ("phone", "Phone", "tel"),
)


def person(request: HttpRequest) -> User:
    """The member of staff behind the request."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def is_script(request: HttpRequest) -> bool:
    """Whether our script asks, which wants JSON, and not a person's form."""
    return request.headers.get("Accept") == "application/json"


# ---- Shown -----------------------------------------------------------------------------------------------------------


def entry(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """What the entry page shows: the rows, the bar, and the row being typed."""
    review = checking.review(batch)
    current = _current(request, review)
    shown = [one for one in review.rows if current is None or one.row.pk != current.row.pk]
    start = batch_forms.initial(current.row) if current else fresh(batch, review)
    form = RowForm(batch, initial=start)
    kind = kinds.KINDS[str(start["kind"])]
    errors = {trouble.field: trouble.text for trouble in current.troubles} if current else {}
    names = batch_forms.asked(batch)
    return {
        "rows": [shown_row(one) for one in shown],
        "form": form,
        "current": current,
        "current_detail": _detail(current.row.donor) if current else "",
        "current_date": gift_date(current.row) if current else "",
        "errors": errors,
        "row_error": errors.get("", ""),
        "candidates": find.find(current.row.unread.get("donor", "")) if current else [],
        "kinds": json.dumps(kinds_of(batch)),
        "is_property": kind.is_property,
        "recognizes": batch_forms.RECOGNIZED.get(kind.recognizes, ""),
        "facts": [
            {"field": form[name], "is_hidden": name not in kind.asks, "error": errors.get(name, "")} for name in names
        ],
        "more": [{"field": form[name], "error": errors.get(name, "")} for name in MORE],
        "parts": _parts(request, current.row.donor, current.row.kind) if current else [],
        "has_more": any(start.get(name) for name in MORE),
        "newcomer_fields": NEWCOMER,
        "donor_kinds": [choice for choice in Donor.Kind.choices if choice[0] != Donor.Kind.UNKNOWN],
        **bar(review),
    }


def _current(request: HttpRequest, review: checking.Review) -> checking.Checked | None:
    """The row in the form: the one asked for, or the one this person left half typed at the end."""
    wanted = request.GET.get("row", "")
    for one in review.rows:
        if str(one.row.pk) == wanted:
            return one
    last = review.rows[-1] if review.rows and not wanted else None
    is_left = last is not None and not last.is_finished and last.row.entered_by_id == person(request).pk
    return last if is_left else None


def fresh(batch: Batch, review: checking.Review) -> dict[str, Any]:
    """The next row before anything is typed: what carries over from the last one."""
    kind = batch_forms.kind_choices(batch)[0][0]
    start: dict[str, Any] = {"attempt": uuid4(), "kind": kind, "is_benefit_declined": True}
    if review.rows:
        last = max(review.rows, key=lambda one: one.row.position).row
        return start | {name: getattr(last, name) for name in CARRIED if getattr(last, name)}
    return start | {"received_on": clock.today(), "credited_on": clock.today()}


def kinds_of(batch: Batch) -> dict[str, dict[str, Any]]:
    """What the script knows of each kind: what it asks, what it needs, whom it thanks, and other words for labels."""
    return {
        code: {
            "asks": kinds.KINDS[code].asks,
            "needs": [name for name in kinds.KINDS[code].asks if name in kinds.KINDS[code].needs],
            "property": kinds.KINDS[code].is_property,
            "recognizes": batch_forms.RECOGNIZED.get(kinds.KINDS[code].recognizes, ""),
            "labels": {name: text for (kind, name), text in batch_forms.LABELS.items() if kind == code},
        }
        for code, _ in batch_forms.kind_choices(batch)
    }


def bar(review: checking.Review) -> dict[str, Any]:
    """Count, total and difference as the bar says them."""
    batch, balance = review.batch, review.balance
    return {
        "batch": batch,
        "balance": balance,
        "total": batch.money(balance.total_minor),
        "expected": batch.expected_total,
        "difference": batch.money(abs(balance.difference_minor)),
        "left": balance.expected_count - balance.count,
        "doubtful": sum(one.is_doubtful for one in review.rows),
    }


def shown_row(one: checking.Checked) -> dict[str, Any]:
    """A row of the table."""
    row = one.row
    form = RowForm(row.batch, initial=batch_forms.initial(row))
    values = {name: form[name].value() for name in form.fields}
    values["donor_detail"] = _detail(row.donor)
    values["recognized_detail"] = _detail(row.recognized)
    plain = {
        name: "" if value is None else value if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }
    return {
        "row": row,
        "one": one,
        "detail": values["donor_detail"],
        "number": row.check_number or row.reference,
        "what": what(row),
        "gift_date": gift_date(row),
        "values": json.dumps(plain),
    }


def _detail(donor: Donor | None) -> str:
    if donor is None:
        return ""
    place = ", ".join(part for part in (donor.city, donor.region) if part)
    return " · ".join(part for part in (donor.public_id, place, donor.email or donor.phone) if part)


def what(row: BatchRow) -> str:
    """What came instead of money: "50 ACME", "a ladder"."""
    if row.ticker and row.quantity is not None:
        return f"{row.quantity.normalize():f} {row.ticker}"
    return row.property_description


def gift_date(row: BatchRow) -> str:
    """The gift date with its basis in words; why there is none yet."""
    if row.gift_on_override:
        return f"{row.gift_on_override:%b %-d, %Y}: set by staff"
    try:
        dated = dating.propose(row.kind, row.facts())
    except dating.NoDate:
        return ""
    return f"{dated.on:%b %-d, %Y}: {Gift.DateBasis(dated.basis).label}"


# ---- Saved -----------------------------------------------------------------------------------------------------------


def save(request: HttpRequest, pk: int) -> HttpResponse:
    """A row as typed: by the script while it is typed, or by the form's button."""
    if not may(request, batches.ENTER):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    batch = get_object_or_404(Batch, pk=pk)
    form = RowForm(batch, request.POST)
    form.full_clean()
    try:
        typed = form.typed()
        if not is_script(request):
            typed = _looked_up(typed, request.POST.get("picked", ""))
        row = rows.save(batch.pk, typed, person(request))
    except (batches.CannotChange, ValidationError) as error:
        return _refused(request, batch, " ".join(error.messages) if isinstance(error, ValidationError) else str(error))
    batch.refresh_from_db()
    if is_script(request):
        return JsonResponse(_answer(request, batch, row.pk, form))
    left = checking.troubles(BatchRow.objects.select_related("batch").get(pk=row.pk), clock.today())
    back = reverse("admin:donations_batch_change", args=[batch.pk])
    return redirect(f"{back}?row={row.pk}#typing" if left else f"{back}?row=new#typing")


def _looked_up(typed: rows.Typed, picked: str) -> rows.Typed:
    """Without script: the one who was picked from the list beneath, or the only one who fits what was typed."""
    if "donor" not in typed.unread:
        return typed
    found = [match for match in find.find(typed.unread["donor"]) if picked in ("", str(match.donor_id))]
    if len(found) != 1:
        return typed
    unread = {name: text for name, text in typed.unread.items() if name != "donor"}
    return replace(typed, donor_id=found[0].donor_id, unread=unread)


def _answer(request: HttpRequest, batch: Batch, row_id: int, form: RowForm) -> dict[str, Any]:
    review = checking.review(batch)
    one = next(one for one in review.rows if one.row.pk == row_id)
    errors = {trouble.field: trouble.text for trouble in one.troubles}
    errors |= {name: str(found[0]) for name, found in form.errors.items() if name in one.row.unread}
    shown = shown_row(one)
    return {
        "id": one.row.pk,
        "position": one.row.position,
        "is_finished": one.is_finished,
        "errors": errors,
        "unread": list(one.row.unread),
        "values": json.loads(shown["values"]),
        "gift_date": shown["gift_date"],
        "row": render_to_string("admin/batches/_row.html", {**shown, "batch": batch}, request),
        "bar": render_to_string("admin/batches/_bar.html", bar(review)),
    }


def _refused(request: HttpRequest, batch: Batch, text: str) -> HttpResponse:
    if is_script(request):
        return JsonResponse({"refused": text}, status=409)
    messages.error(request, text)
    return redirect("admin:donations_batch_change", batch.pk)


# ---- Buttons of a row ------------------------------------------------------------------------------------------------


def remove(request: HttpRequest, pk: int, row_id: int) -> HttpResponse:
    """The row is taken out."""
    return _button(request, pk, lambda: rows.remove(row_id, person(request)), "The row is removed.")


def accept(request: HttpRequest, pk: int, row_id: int) -> HttpResponse:
    """It is another check than the one it looks like."""
    return _button(request, pk, lambda: rows.accept_duplicate(row_id, person(request)), "Noted: it is another one.")


def aside(request: HttpRequest, pk: int, row_id: int) -> HttpResponse:
    """The postdated check waits for its date."""
    return _button(request, pk, lambda: rows.put_aside(row_id, person(request)), "Put aside until its date.")


def _button(request: HttpRequest, pk: int, do: Callable[[], object], said: str) -> HttpResponse:
    if not may(request, batches.ENTER):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    batch = get_object_or_404(Batch, pk=pk)
    try:
        done = do()
    except batches.CannotChange as error:
        return _refused(request, batch, str(error))
    if isinstance(done, Batch):
        said = f"Put aside: it waits in {done} until {done.deposit_on:%B %-d, %Y}."
    batch.refresh_from_db()
    if not is_script(request):
        messages.success(request, said)
        return redirect("admin:donations_batch_change", pk)
    review = checking.review(batch)
    answer: dict[str, Any] = {"said": said, "bar": render_to_string("admin/batches/_bar.html", bar(review))}
    if isinstance(done, BatchRow):
        one = next(one for one in review.rows if one.row.pk == done.pk)
        answer["row"] = render_to_string("admin/batches/_row.html", {**shown_row(one), "batch": batch}, request)
    return JsonResponse(answer)


# ---- Supporters ------------------------------------------------------------------------------------------------------


def supporters(request: HttpRequest) -> HttpResponse:
    """Who fits what is typed, the best first; a reply slip's code says the campaign, too."""
    if not may(request, batches.ENTER) or not may(request, "donations.view_donor"):
        raise PermissionDenied
    text = request.GET.get("q", "")[:200]
    code = slip_code.read(text)
    found = find.find(text)
    answer: dict[str, Any] = {"campaign": ""}
    if code is not None:
        campaign = Campaign.objects.filter(code=code.campaign).first()
        found = find.find(f"D-{code.donor_id}") if code.donor_id else []
        answer["campaign"] = str(campaign.pk) if campaign else ""
    answer["found"] = [
        {"id": str(one.donor_id), "name": one.name, "detail": " · ".join(filter(None, [one.public_id, one.detail]))}
        for one in found
    ]
    return JsonResponse(answer)


def promised(request: HttpRequest) -> HttpResponse:
    """The open parts of a supporter's promises, which a gift may pay; for those who may see promises."""
    if not may(request, batches.ENTER):
        raise PermissionDenied
    given = request.GET.get("donor", "")
    donor = Donor.objects.filter(pk=int(given)).first() if given.isdigit() and len(given) < 19 else None
    return JsonResponse(
        {
            "parts": [
                {"id": str(pk), "label": label} for pk, label in _parts(request, donor, request.GET.get("kind", ""))
            ]
        }
    )


def _parts(request: HttpRequest, donor: Donor | None, kind: str) -> list[tuple[int, str]]:
    if donor is None or not may(request, "donations.view_promise"):
        return []
    return [(part.pk, part.label) for part in promises.open_parts_of(donor, kind)]


def add_supporter(request: HttpRequest) -> HttpResponse:
    """A supporter made in place."""
    if not may(request, newcomers.RIGHT) or not may(request, batches.ENTER):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = NewcomerForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": {name: str(found[0]) for name, found in form.errors.items()}}, status=422)
    try:
        donor = newcomers.add(form.newcomer(), person(request), is_sure=form.cleaned_data["is_sure"])
    except newcomers.AlreadyHere as error:
        known = {"id": str(error.donor.pk), "name": error.donor.name, "detail": _detail(error.donor)}
        field = "email" if form.cleaned_data["email"] and "e-mail" in str(error) else "name"
        return JsonResponse({"errors": {field: str(error)}, "known": known}, status=422)
    return JsonResponse({"id": str(donor.pk), "name": donor.name, "detail": _detail(donor)})
