"""The call-taker's page: what the caller wants, the words read aloud, and their card or a payment link by e-mail."""

import uuid
from typing import Any, cast

from csp.decorators import csp_update
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from donations import gateway, gifts, throttle, waiting
from donations.admin.forms import MoneyField
from donations.countries import COUNTRIES
from donations.desk import find, links
from donations.desk import phone as phone_desk
from donations.forms import CONTACT, Email, Text
from donations.models import Campaign, Donor, Fund, Gift, PaymentLink, PhoneCall
from donations.views import REFUSED, STRIPE_CSP
from nonprofit import card_numbers
from nonprofit.admin_parts import Column, Panel, ShownAdmin, actor, actors, audit_panel, link, may, on_page
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User
from nonprofit.money import Money

RIGHT = "donations.phone_gift"
CARD, LINK = PhoneCall.PaidBy.CARD, PhoneCall.PaidBy.LINK
# Stripe takes eight digits.
LARGEST = 99_999_999
LABELS = {
    "name": "Caller's name, as it should stand on the receipt",
    "email": "E-mail, for the receipt",
    "address_line1": "Address",
    "address_line2": "Apartment, suite",
    "region": "State",
    "postal_code": "ZIP code",
    "tribute": "Dedication",
    "tribute_name": "Name of the person honored or remembered",
    "note": "Note",
}
ADVICE = {
    "insufficient_funds": "The bank says there is not enough money on this card.",
    "expired_card": "This card has expired.",
    "incorrect_cvc": "The security code does not match this card. Please ask for it again.",
    "incorrect_zip": "The bank knows another ZIP code for this card. Please ask for it again.",
    "incorrect_number": "The bank does not know this number. Please ask for it again.",
    "processing_error": "The bank had a problem just now. Please try again in a minute.",
    "card_velocity_exceeded": "This card has reached a limit at the bank.",
    "card_not_supported": "The bank does not allow this kind of payment with this card.",
}
DECLINED = "The bank declined this card and did not say why."
ANOTHER = " Nothing was charged. Ask for another card, or offer a link by e-mail."
NEEDS_CALLER = (
    "The caller's bank wants them to confirm this payment. Nothing was charged. Please offer a link by e-mail."
)


OFTEN = [(value, value.label) for value in Gift.ASKED_FOR]


class CallForm(card_numbers.Guarded, forms.Form):
    """What the caller says. No field of it takes a card: that is typed into Stripe's, on the next page."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
    donor = forms.ModelChoiceField(Donor.objects.current(), required=False, widget=forms.HiddenInput)
    name = Text(max_length=200, what="the caller's name")
    email = Email(
        max_length=254, required=False, help_text="Without one the receipt goes by mail: ask for the address."
    )
    phone = Text(max_length=40)
    address_line1 = Text(max_length=120)
    address_line2 = Text(max_length=120)
    city = Text(max_length=80)
    region = Text(max_length=40)
    postal_code = Text(max_length=20)
    country = forms.ChoiceField(choices=COUNTRIES, required=False)
    amount = MoneyField(label="Amount", error_messages={"required": "Enter the amount."})
    frequency = forms.ChoiceField(
        label="How often",
        choices=[(value, value.label) for value in Gift.ASKED_FOR],
        widget=forms.RadioSelect,
        initial=Gift.Frequency.ONCE,
    )
    fund = forms.ModelChoiceField(Fund.objects.all(), label="For")
    campaign = forms.ModelChoiceField(Campaign.objects.filter(is_open=True), required=False)
    tribute = forms.ChoiceField(choices=[("", "None"), *Gift.Tribute.choices[1:]], required=False)
    tribute_name = Text(max_length=120)
    note = Text(max_length=1000, lines=True)
    paid_by = forms.ChoiceField(
        label="How they pay",
        choices=[(CARD, "Card, typed now while they tell it"), (LINK, "Link by e-mail, to pay on their own")],
        widget=forms.RadioSelect,
        initial=CARD,
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        for name, label in LABELS.items():
            self.fields[name].label = label
        self.fields["note"].widget = forms.Textarea(attrs={"rows": 3})
        self.usual = Campaign.objects.filter(is_default=True).first()
        self.currency = self.usual.currency if self.usual else "usd"
        cast(MoneyField, self.fields["amount"]).currency = self.currency

    def clean_amount(self) -> Money:
        amount = Money(self.cleaned_data["amount"], self.currency)
        if self.usual and amount < self.usual.minimum:
            raise forms.ValidationError(f"The smallest gift we can take by card is {self.usual.minimum.short}.")
        if amount.minor > LARGEST:
            raise forms.ValidationError("This is more than a card can take. A check or a bank transfer can.")
        return amount

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("paid_by") == LINK and not typed.get("email") and "email" not in self.errors:
            self.add_error("email", "A link needs an e-mail address to go to.")
        if typed.get("campaign") and typed["campaign"].currency != self.currency:
            self.add_error("campaign", f"This campaign takes gifts in {typed['campaign'].currency.upper()}.")
        if typed.get("tribute") and not typed.get("tribute_name") and "tribute_name" not in self.errors:
            self.add_error("tribute_name", "Enter the name of the person honored or remembered.")
        return typed

    def call(self) -> phone_desk.Call:
        """The valid form as what `desk.phone.begin` takes."""
        typed = self.cleaned_data
        return phone_desk.Call(
            attempt=typed["attempt"],
            donor=typed["donor"],
            contact=gifts.Contact.typed(typed),
            amount=typed["amount"],
            frequency=typed["frequency"],
            fund=typed["fund"],
            campaign=typed["campaign"],
            tribute=typed["tribute"],
            tribute_name=typed["tribute_name"] if typed["tribute"] else "",
            note=typed["note"],
        )


@admin.register(PhoneCall)
class PhoneCallAdmin(ShownAdmin[PhoneCall]):
    """Calls as they were taken; taking one is its own page."""

    change_list_template = "admin/phone/list.html"
    list_display = ("taken_at", "gift_link", "supporter", "paid_by", "status", "taken_by")
    list_display_links = ("taken_at",)
    list_select_related = ("gift__donor", "taken_by")
    list_filter = ("paid_by", "gift__status")
    fields = ("taken_at", "taken_by", "gift_link", "supporter", "status", "paid_by", "consent_text", "consent_version")

    def has_view_permission(self, request: HttpRequest, obj: PhoneCall | None = None) -> bool:
        return may(request, RIGHT)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, RIGHT)

    @admin.display(description="Gift")
    def gift_link(self, call: PhoneCall) -> SafeString | str:
        return link(call.gift, call.gift.public_id)

    @admin.display(description="Supporter")
    def supporter(self, call: PhoneCall) -> str:
        return call.gift.donor_name

    @admin.display(description="Gift is")
    def status(self, call: PhoneCall) -> str:
        return call.gift.get_status_display()

    def panels(self, request: HttpRequest, row: PhoneCall) -> list[Panel]:
        return [audit_panel([row.gift])] if may(request, "nonprofit.view_auditentry") else []

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "donations_phonecall"
        return [
            path("take/", view(self.take), name=f"{name}_take"),
            path("take/<int:gift_id>/", view(self.call), name=f"{name}_call"),
            path("take/<int:gift_id>/agree/", view(require_POST(self.agree)), name=f"{name}_agree"),
            path("take/<int:gift_id>/charge/", view(require_POST(self.charge)), name=f"{name}_charge"),
            path("take/<int:gift_id>/send-again/", view(require_POST(self.send_again)), name=f"{name}_send_again"),
            *super().get_urls(),
        ]

    def take(self, request: HttpRequest) -> HttpResponse:
        """Who calls and what they want; a POST goes on to the words."""
        user = _call_taker(request)
        form = CallForm(request.POST) if request.method == "POST" else CallForm(initial=_initial(request))
        if request.method == "POST" and form.is_valid():
            try:
                gift = phone_desk.begin(form.call(), user=user)
                return redirect(_address(gift, by=form.cleaned_data["paid_by"]))
            except phone_desk.CannotTake as trouble:
                form.add_error(None, str(trouble))
        searched = request.GET.get("q", "").strip()
        page = {
            "title": "Take a gift on the phone",
            "form": form,
            "donor": Donor.objects.current().filter(pk=_number(form["donor"].value())).first(),
            "searched": searched,
            "matches": find.find(searched) if searched else [],
            "status_code": 422 if form.errors else 200,
        }
        return self._page(request, "take", page)

    @method_decorator(csp_update(STRIPE_CSP))
    @method_decorator(require_safe)
    def call(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        """The gift of this call and the next thing to do: words, card, waiting for a link, or thanks."""
        _call_taker(request)
        gift = _gift(gift_id)
        if "wait" in request.GET:
            gift = _looked_up(request, gift)
        call: PhoneCall | None = getattr(gift, "phone_call", None)
        by = request.GET.get("by") if request.GET.get("by") in PhoneCall.PaidBy.values else CARD
        state = _state(gift, call, str(by))
        page = {
            "title": f"{gift.donor_name}, {gift.amount.short}",
            "gift": gift,
            "call": call,
            "state": state,
            "by": by,
            "words": phone_desk.words(gift, str(by)) if state == "words" else "",
            "masked_email": waiting.masked(gift.donor_email),
            "link": PaymentLink.objects.filter(gift=gift).first(),
            "stripe_js": settings.STRIPE_JS_URL,
            "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        }
        return self._page(request, "call", page)

    def agree(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        """The caller said yes, or did not."""
        user, gift, by = _call_taker(request), _gift(gift_id), request.POST.get("by", "")
        if by not in PhoneCall.PaidBy.values or request.POST.get("yes") != "on":
            messages.error(request, "Please read the words aloud, and tick the box when the caller has said yes.")
            return redirect(_address(gift, by=by))
        try:
            phone_desk.agree(gift.pk, user=user, paid_by=by, said=request.POST.get("words", ""))
        except phone_desk.CannotTake as trouble:
            messages.error(request, str(trouble))
            return redirect(_address(gift, by=by))
        return redirect(_address(gift))

    def charge(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        """The card, which Stripe's field has turned into a token; answers where to go on, or what is wrong."""
        user, gift = _call_taker(request), _gift(gift_id)
        if message := throttle.call_refusal(user.pk):
            return JsonResponse({"error": message}, status=429)
        try:
            charged = phone_desk.charge(gift.pk, request.POST.get("token", ""), user=user)
        except phone_desk.CannotTake as trouble:
            return JsonResponse({"error": str(trouble)}, status=409)
        except gateway.GatewayRefused:
            return JsonResponse({"error": REFUSED}, status=503)
        if charged.outcome == phone_desk.Outcome.DECLINED:
            return JsonResponse({"error": ADVICE.get(charged.code, DECLINED) + ANOTHER}, status=402)
        if charged.outcome == phone_desk.Outcome.NEEDS_CALLER:
            return JsonResponse({"error": NEEDS_CALLER}, status=402)
        is_unknown = charged.outcome == phone_desk.Outcome.UNKNOWN
        return JsonResponse({"redirect": _address(gift) + ("?wait=1" if is_unknown else "")})

    def send_again(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        """The same link once more."""
        _call_taker(request)
        gift = _gift(gift_id)
        try:
            links.send_again(gift.pk, actor(request))
            messages.success(request, "The link is on its way again.")
        except links.CannotSend as trouble:
            messages.error(request, str(trouble))
        return redirect(_address(gift))

    def _page(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        status = page.pop("status_code", 200)
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/phone/{name}.html", context, status=status)


@on_page(Gift)
def call_panel(request: HttpRequest, gift: Gift) -> list[Panel]:
    """Who took the call, and the words; where the gift's payment link went and how long it is good."""
    call = PhoneCall.objects.filter(gift=gift).select_related("taken_by").first()
    sent = PaymentLink.objects.filter(gift=gift).first()
    rows: list[tuple[object, object, object]] = []
    if call is not None:
        what = f"{call.get_paid_by_display().capitalize()}. Read aloud: {call.consent_text}"
        rows.append((call.taken_at, call.taken_by.get_full_name(), what))
    if sent is not None:
        who = actors([sent.asked_by])[sent.asked_by]
        what = f"Payment link to {gift.donor_email}, {sent.letters} sent, good until {sent.expires_at:%B %-d, %Y}"
        rows.append((sent.created_at, who, what))
    if not rows:
        return []
    return [Panel("Phone and payment link", [Column("When"), Column("Who"), Column("What")], rows, "")]


def _call_taker(request: HttpRequest) -> User:
    if not may(request, RIGHT):
        raise PermissionDenied
    return cast(User, request.user)


def _gift(gift_id: int) -> Gift:
    found = Gift.objects.select_related("fund", "campaign", "donor", "phone_call__taken_by", "receipt")
    return get_object_or_404(found, pk=gift_id, kind=Gift.Kind.PHONE)


def _address(gift: Gift, *, by: str = "") -> str:
    asked = f"?by={by}" if by in PhoneCall.PaidBy.values else ""
    return reverse("admin:donations_phonecall_call", args=[gift.pk]) + asked


def _state(gift: Gift, call: PhoneCall | None, by: str) -> str:
    if gift.status not in links.UNPAID:
        paid = {Gift.Status.SETTLED: "paid", Gift.Status.PROCESSING: "processing"}
        return paid.get(Gift.Status(gift.status), "over")
    if call is None or (call.paid_by == CARD and by == LINK):
        return "words"
    return "sent" if call.paid_by == LINK else "card"


def _looked_up(request: HttpRequest, gift: Gift) -> Gift:
    """The gift as Stripe has it now, after an answer that did not come."""
    try:
        gifts.check(gift)
    except gateway.GatewayUnavailable:
        messages.error(request, "Stripe does not answer yet. Please do not take the card again; look here in a minute.")
        return gift
    now = _gift(gift.pk)
    if now.status in links.UNPAID:
        messages.warning(request, "We asked Stripe: the card was not charged. You can take it again.")
    return now


def _initial(request: HttpRequest) -> dict[str, Any]:
    """A blank form; with `?donor=` what we know of them, with `?gift=` what was typed before the words."""
    campaign = Campaign.objects.filter(is_default=True, is_open=True).first()
    blank: dict[str, Any] = {"attempt": uuid.uuid4(), "country": "US", "campaign": campaign}
    blank["fund"] = campaign.fund if campaign else None
    if gift := Gift.objects.filter(pk=_number(request.GET.get("gift")), kind=Gift.Kind.PHONE).first():
        return blank | _typed(gift)
    if found := find.current([pk] if (pk := _number(request.GET.get("donor"))) else []):
        donor = found[0]
        known = {name: getattr(donor, name) or "" for name in CONTACT}
        return blank | known | {"donor": donor.pk, "country": donor.country or "US"}
    return blank


def _typed(gift: Gift) -> dict[str, Any]:
    return {
        "attempt": gift.form_attempt,
        "donor": gift.donor_id,
        "name": gift.donor_name,
        "email": gift.donor_email,
        "phone": gift.donor_phone,
        **{name: getattr(gift, name) for name in CONTACT[3:]},
        "country": gift.country or "US",
        "amount": gift.amount_minor,
        **{name: getattr(gift, name) for name in ("frequency", "fund", "campaign", "tribute", "tribute_name", "note")},
    }


def _number(text: object) -> int:
    """The id in an address, 0 for anything else."""
    return int(str(text)) if str(text).isascii() and str(text).isdigit() and len(str(text)) < 16 else 0


@on_desk
def links_waiting(request: HttpRequest) -> list[Figure]:
    """Links that call-takers sent and nobody has paid yet."""
    if not may(request, RIGHT):
        return []
    waiting_links: QuerySet[PaymentLink] = PaymentLink.objects.waiting().filter(gift__phone_call__isnull=False)
    url = reverse("admin:donations_phonecall_changelist") + "?paid_by__exact=link&gift__status__exact=pending"
    return [Figure("Payment links not paid yet", str(waiting_links.count()), url, rank=7)]
