"""The portal's page of the supporter's own membership: level, through when, why, who shares it, what comes with it."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from donations.models import Donor
from members import card, fulfilment, granting, memberships
from members.models import Fulfilment, Level, LevelBenefit, Membership, MembershipPerson
from nonprofit import card_numbers, organization
from nonprofit.models import User
from nonprofit.money import Money

unkept = cache_control(private=True, no_store=True)
ACTOR = "supporter"


class SignedIn(HttpRequest):
    """A request that passed `login_required`."""

    user: User


class PersonForm(card_numbers.Guarded, forms.Form):
    """Somebody who shares the membership."""

    name = forms.CharField(label="Name", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(
        label="E-mail (if they read us signed in)",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class WishForm(forms.Form):
    """Whether anything is sent from the next gift on."""

    declines = forms.BooleanField(required=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A level as somebody sees it who may join: what it asks for in a year and in a month."""

    level: Level
    yearly: Money
    monthly: Money


@require_safe
@login_required
@unkept
def show(request: SignedIn) -> HttpResponse:
    """What membership is theirs, or what it would take."""
    return _page(request, PersonForm())


def _page(request: SignedIn, form: PersonForm, status: int = 200) -> HttpResponse:
    donor = Donor.objects.filter(user=request.user).first()
    row = Membership.objects.visible_to(request.user).real().select_related("level", "benefit_level", "donor").first()
    if row is not None:
        memberships.as_of_today(row)
    page = {
        "donor": donor,
        "membership": row,
        "headline": memberships.headline(row) if row else None,
        "why": [one["text"] for one in row.why] if row else [],
        "offers": _offers(),
        "form": form,
        "people": MembershipPerson.objects.filter(donor__user=request.user) if row else [],
        "benefits": _privileges(row),
        "sent": Fulfilment.objects.filter(donor__user=request.user)
        .exclude(state=Fulfilment.State.WITHDRAWN)
        .select_related("level_benefit__benefit")
        .order_by("-due_on", "-pk")[:12],
    }
    return render(request, "members/membership.html", page, status=status)


def _offers() -> list[Offer]:
    levels = Level.objects.filter(is_offered=True)
    # Rounded up: twelve of them must come to the level.
    return [Offer(one, one.price, Money(-(-one.from_minor // 12))) for one in levels]


def _privileges(row: Membership | None) -> list[str]:
    """What comes with the level without being sent."""
    if row is None or not row.is_member or row.benefit_level_id is None:
        return []
    held = LevelBenefit.objects.filter(level_id=row.benefit_level_id, is_shipped=False, benefit__is_offered=True)
    return [one.benefit.description for one in held.select_related("benefit")]


@require_safe
@login_required
@unkept
def card_picture(request: SignedIn) -> HttpResponse:
    """The card of a member, to keep; of nobody else."""
    row = Membership.objects.visible_to(request.user).select_related("level", "donor").first()
    if row is None or not memberships.as_of_today(row).is_member:
        raise Http404("no membership")
    name = row.donor.addressee or row.donor.name
    picture = card.svg(row, name, organization.get(), memberships.ahead(row))
    response = HttpResponse(picture, content_type="image/svg+xml")
    if "save" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="membership-{row.public_id}.svg"'
    return response


@require_POST
@login_required
@unkept
def add_person(request: SignedIn) -> HttpResponse:
    """Somebody shares the membership from now on."""
    row = get_object_or_404(Membership.objects.visible_to(request.user))
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        person = granting.add_person(row.donor_id, form.cleaned_data["name"], form.cleaned_data["email"], actor=ACTOR)
    except granting.CannotGrant as refusal:
        form.add_error("name", str(refusal))
        return _page(request, form, status=422)
    messages.success(request, f"{person.name} shares your membership.")
    return redirect("members:membership")


@require_POST
@login_required
@unkept
def remove_person(request: SignedIn, pk: int) -> HttpResponse:
    """They no longer share it."""
    person = get_object_or_404(MembershipPerson, pk=pk, donor__user=request.user)
    granting.remove_person(person.pk, actor=ACTOR)
    messages.success(request, f"{person.name} no longer shares your membership.")
    return redirect("members:membership")


@require_POST
@login_required
@unkept
def benefit(request: SignedIn, pk: int) -> HttpResponse:
    """A benefit that waits is declined, or wanted after all."""
    row = get_object_or_404(Fulfilment, pk=pk, donor__user=request.user)
    try:
        if request.POST.get("wish") == "decline":
            fulfilment.decline(row.pk, actor=ACTOR)
            messages.success(request, "Thank you. We will not send it.")
        else:
            fulfilment.accept(row.pk, actor=ACTOR)
            messages.success(request, "We will send it.")
    except fulfilment.CannotShip as refusal:
        messages.error(request, str(refusal))
    return redirect("members:membership")


@require_POST
@login_required
@unkept
def wish(request: SignedIn) -> HttpResponse:
    """From the next gift on nothing is sent, or things are sent again."""
    row = get_object_or_404(Membership.objects.visible_to(request.user))
    form = WishForm(request.POST)
    form.is_valid()
    fulfilment.wish(row.donor_id, declines=form.cleaned_data["declines"], actor=ACTOR)
    messages.success(request, "Saved. It holds from your next gift on.")
    return redirect("members:membership")
