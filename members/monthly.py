"""Portal pages of a gift that repeats: how it stands, each change, another card, a yes for the bank."""

import logging
from uuid import uuid4

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from donations import gateway, plan_forms, views
from donations.models import Installment, Plan
from donations.recurring import cards, charging, letters, plans
from members.views import SignedIn, unkept
from nonprofit import limits

logger = logging.getLogger(__name__)

# A card tester must not find a free way to try cards here; somebody with a wallet full of cards needs a few.
CARDS = limits.Limit("cards saved", "10 per 1 hour")
TOO_MANY = "Several cards were tried just now. Please wait an hour, or call us."
# How many dates stand on the page.
SHOWN = 24


def _own(request: SignedIn, plan_id: int) -> Plan:
    """The user's own plan; anybody else's is answered like one that does not exist."""
    own = Plan.objects.visible_to(request.user).exclude(status=Plan.Status.STARTING)
    return get_object_or_404(own.select_related("donor", "fund", "campaign"), pk=plan_id)


@require_safe
@login_required
@unkept
def plan(request: SignedIn, plan_id: int) -> HttpResponse:
    """The gift, its next date and card, what came of each date, and everything that can be changed."""
    own = _own(request, plan_id)
    offered = plan_forms.offered(own)
    page = {
        "plan": own,
        "often": letters.often(own),
        "card": letters.card(own),
        "next_on": letters.next_on(own),
        "waiting": own.installments.filter(status__in=Installment.OPEN).first(),
        "changes": [(name, form.title) for name in offered if not (form := plan_forms.CHANGES[name]).is_for_staff],
        "can_change_card": own.is_ours and bool(own.stripe_customer_id),
        "dates": own.installments.select_related("gift__receipt").order_by("-due_on")[:SHOWN],
        "successor": Plan.objects.filter(follows=own).first(),
    }
    return render(request, "members/plan.html", page)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def change(request: SignedIn, plan_id: int, what: str) -> HttpResponse:
    """One change: a page that asks, and what came of it on the gift's page."""
    own = _own(request, plan_id)
    form_class = plan_forms.CHANGES.get(what)
    if form_class is None or form_class.is_for_staff:
        raise Http404("no such change")
    if request.method != "POST":
        if what not in plan_forms.offered(own):
            return redirect("members:plan", own.pk)
        return _ask(request, own, form_class(own))
    form = form_class(own, request.POST)
    said = form.run(plans.Agreed(ip=limits.address(request) or None)) if form.is_valid() else None
    if said is None:
        return _ask(request, own, form, 422)
    messages.success(request, said)
    successor = Plan.objects.filter(follows=own).first() if what == "restart" else None
    return redirect("members:plan", (successor or own).pk)


def _ask(request: HttpRequest, own: Plan, form: plan_forms.PlanForm, status: int = 200) -> HttpResponse:
    return render(request, "members/plan_change.html", {"plan": own, "form": form}, status=status)


# --- another card -----------------------------------------------------------------------------------------------------


@csp_update(views.STRIPE_CSP)  # type: ignore[arg-type] # its types know only views without arguments
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def card(request: SignedIn, plan_id: int) -> HttpResponse:
    """Stripe's own field for another card; a POST answers what the page's script needs to save it."""
    own = _own(request, plan_id)
    if not own.is_ours or not own.stripe_customer_id:
        return redirect("members:plan", own.pk)
    if request.method != "POST":
        return render(request, "members/plan_card.html", _page(own) | {"attempt": uuid4().hex})
    if limits.allow([(CARDS, str(own.pk))]):
        return JsonResponse({"error": TOO_MANY}, status=429)
    try:
        setup = cards.begin(own.pk, attempt=request.POST.get("attempt", "")[:32])
    except gateway.GatewayError as error:
        return _no_answer(own, error)
    return JsonResponse(
        {"client_secret": setup.client_secret, "next": reverse("members:plan_card_saved", args=[own.pk])}
    )


@require_safe
@login_required
@unkept
def card_saved(request: SignedIn, plan_id: int) -> HttpResponse:
    """Where the browser comes back from Stripe: the card is the gift's when Stripe says so, and not before."""
    own = _own(request, plan_id)
    try:
        is_saved = cards.finish(own.pk, request.GET.get("setup_intent", ""), actor=plans.SUPPORTER)
    except plans.CannotChange as refusal:
        messages.error(request, str(refusal))
    except gateway.GatewayError:
        messages.info(request, "Stripe has not answered yet. If your card was saved, you see it here in a minute.")
    else:
        if not is_saved:
            messages.error(request, "The card was not saved. Nothing has changed; please try again.")
            return redirect("members:plan_card", own.pk)
        own.refresh_from_db()
        messages.success(request, f"Saved: your {letters.card(own)} is charged from now on.")
    return redirect("members:plan", own.pk)


# --- a yes for the bank -----------------------------------------------------------------------------------------------


@csp_update(views.STRIPE_CSP)  # type: ignore[arg-type] # its types know only views without arguments
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def confirm(request: SignedIn, plan_id: int) -> HttpResponse:
    """The bank asks the supporter about a charge; a POST answers what the page's script needs to let it ask."""
    own = _own(request, plan_id)
    waiting = own.installments.filter(status=Installment.Status.WAITING, gift__isnull=False).first()
    if waiting is None or own.waiting_for != Plan.WaitingFor.AUTHENTICATION:
        return redirect("members:plan", own.pk)
    if request.method != "POST":
        return render(request, "members/plan_confirm.html", _page(own) | {"waiting": waiting})
    try:
        payment = charging.for_supporter(waiting.pk)
    except gateway.GatewayError as error:
        return _no_answer(own, error)
    done = reverse("members:plan_confirmed", args=[own.pk])
    if payment.status in {"succeeded", "processing"}:
        return JsonResponse({"redirect": done})
    method = own.stripe_payment_method_id
    return JsonResponse({"client_secret": payment.client_secret, "payment_method": method, "next": done})


@require_safe
@login_required
@unkept
def confirmed(request: SignedIn, plan_id: int) -> HttpResponse:
    """Where the browser comes back from the bank: what is said here is what Stripe says."""
    own = _own(request, plan_id)
    waiting = own.installments.filter(gift__isnull=False).order_by("-due_on").first()
    if waiting is not None and waiting.is_open:
        try:
            waiting = charging.ask(waiting.pk)
        except gateway.GatewayError:
            messages.info(request, "Your bank has not answered yet. You see here in a minute what became of it.")
            return redirect("members:plan", own.pk)
    if waiting is not None and waiting.status == Installment.Status.PAID:
        messages.success(request, f"Thank you: your gift of {waiting.amount} went through.")
    elif waiting is not None and waiting.status in Installment.IN_FLIGHT:
        messages.info(request, "Your bank is still at work. You see here in a while what became of it.")
    elif waiting is not None:
        messages.error(
            request, "Your bank did not confirm it, and nothing was charged. Try again, or use another card."
        )
    return redirect("members:plan", own.pk)


def _page(own: Plan) -> dict[str, object]:
    return {
        "plan": own,
        "often": letters.often(own),
        "card": letters.card(own),
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
    }


def _no_answer(own: Plan, error: gateway.GatewayError) -> JsonResponse:
    logger.warning("plan page not answered by Stripe", extra={"plan": own.pk, "error": str(error)})
    return JsonResponse({"error": views.DOWN}, status=503)
