"""Pages of the newsletter. Whatever a mail program fetches by itself (GET) changes nothing; a button does."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from members import accounts
from members.models import NewsletterSubscription, Purpose
from members.newsletter import choices, links, optin, words
from members.newsletter.forms import JoinForm
from members.views import SignedIn, unkept
from nonprofit import clock, limits

# A person mistypes once or twice; an office or a library shares one address.
PER_EMAIL = limits.Limit("newsletter by e-mail", "6 per 1 day")
PER_ADDRESS = limits.Limit("newsletter by address", "30 per 1 hour")
ALL = limits.Limit("newsletter", "600 per 1 minute")
TOO_MANY = "That was a lot of sign-ups in a short time. Please try again in an hour, or write to us."
JOIN, CONFIRM, LEAVE, PREFERENCES = (f"newsletter/{name}.html" for name in ("join", "confirm", "leave", "preferences"))


# No page of ours is needed to send this form: it may stand on any site (docs/newsletter.md), where Django's token
# cannot be. Nothing follows from it but one letter to the address, so nobody can be made to send it to their harm.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def join(request: HttpRequest) -> HttpResponse:
    """The sign-up box. Its answer is the same for every address, known or not, and for robots."""
    form = JoinForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _join_page(request, form, 200)
    if not form.is_valid():
        return _join_page(request, form, 422)
    email = form.cleaned_data["email"]
    ip = limits.address(request)
    if limits.allow([(PER_EMAIL, email), (PER_ADDRESS, ip), (ALL, "all")]):
        form.add_error(None, TOO_MANY)
        return _join_page(request, form, 429)
    if not form.is_of_a_robot:
        optin.want(email, source="sign-up box", consent_at=clock.now(), shown=words.BOX, consent_ip=ip or None)
    return redirect("newsletter:sent")


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Look into your mailbox."""
    return render(request, "newsletter/sent.html", {"days": links.CONFIRM_WITHIN.days})


@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """One button; only pressing it confirms, because mail programs and scanners follow links."""
    ticket = links.read(token, links.CONFIRM)
    if ticket is None:
        return _private(render(request, CONFIRM, {"outcome": optin.Outcome.USED}, status=404))
    page: dict[str, Any] = {"token": token, "words": words.CONFIRM.text}
    if request.method == "POST":
        page["outcome"] = optin.confirm(ticket, ip=limits.address(request) or None)
        if row := NewsletterSubscription.objects.filter(pk=ticket.subscription_id).first():
            page["preferences_url"] = links.url(row, links.PREFERENCES)
    elif ticket.is_older_than(links.CONFIRM_WITHIN):
        page["outcome"] = optin.Outcome.EXPIRED
    return _private(render(request, CONFIRM, page))


@require_POST
@unkept
def again(request: HttpRequest, token: str) -> HttpResponse:
    """Another letter for whoever holds a link that is too old."""
    ticket = links.read(token, links.CONFIRM)
    if ticket is not None:
        optin.send_again(ticket)
    return redirect("newsletter:sent")


# RFC 8058, 3.2: the mail program posts without cookies, so there is no token to compare; the signed address is the
# proof. The same POST comes from the button of the page. Nothing may redirect it.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Off the list with one POST, again and again; GET shows the button. A link never gets too old to leave."""
    ticket = links.read(token, links.LEAVE)
    if ticket is None:
        return _private(render(request, LEAVE, {"is_unknown": True}, status=404))
    if request.method == "POST":
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        choices.leave(ticket.subscription_id, source="one click" if one_click else "unsubscribe page")
    row = NewsletterSubscription.objects.filter(pk=ticket.subscription_id).first()
    page = {
        "has_left": row is None or row.status == NewsletterSubscription.Status.UNSUBSCRIBED,
        "list": Purpose(row.purpose).label if row else "",
        "token": token,
        "preferences_url": links.url(row, links.PREFERENCES) if row else "",
    }
    return _private(render(request, LEAVE, page))


@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Which lists, for whoever holds the link from one of our letters."""
    ticket = links.read(token, links.PREFERENCES)
    row = NewsletterSubscription.objects.filter(pk=ticket.subscription_id).first() if ticket else None
    if ticket is None or row is None or ticket.is_older_than(links.PREFERENCES_WITHIN):
        return _private(render(request, "newsletter/unknown.html", status=404))
    if request.method == "POST":
        _choose(request, row.email, source="preference page", actor="visitor")
        return redirect("newsletter:preferences", token)
    return _private(render(request, PREFERENCES, _choices(row.email, masked(row.email))))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def portal(request: SignedIn) -> HttpResponse:
    """The same in the portal, for the mailbox that signed in; no letter is needed to join."""
    email = request.user.email
    if not accounts.is_proven(request.user):
        return render(request, "members/newsletter.html", {"email": email, "is_unproven": True})
    if request.method == "POST":
        _choose(request, email, source="portal", actor="supporter")
        return redirect("members:newsletter")
    return render(request, "members/newsletter.html", _choices(email, email))


def masked(email: str) -> str:
    """Enough of an address to know one's own: the page's link may have been passed on."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}•••@{domain}"


def _join_page(request: HttpRequest, form: JoinForm, status: int) -> HttpResponse:
    return render(request, JOIN, {"form": form, "words": words.BOX.text}, status=status)


def _choose(request: HttpRequest, email: str, *, source: str, actor: str) -> None:
    wanted = [] if "nothing" in request.POST else [one for one in request.POST.getlist("lists") if one in Purpose]
    changed = choices.choose(email, wanted, source=source, actor=actor, ip=limits.address(request) or None)
    if not wanted:
        messages.success(request, "You get none of our newsletters. Receipts for your gifts still come.")
    else:
        messages.success(request, "Saved." if changed else "Nothing to change.")


def _choices(email: str, shown: str) -> dict[str, Any]:
    status = choices.chosen(email)
    lists = [
        {
            "name": purpose,
            "label": purpose.label,
            "text": words.CHOICES[purpose].text,
            "status": status.get(purpose, ""),
        }
        for purpose in Purpose
    ]
    return {"lists": lists, "email": shown, "is_suppressed": choices.is_suppressed(email)}


def _private(response: HttpResponse) -> HttpResponse:
    # The address is the key to this page: no search engine keeps it and no other site is told it.
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return response
