"""The pages on which staff make, change, pay and write off promises: one question each, then back to the promise."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from donations.admin.promise_forms import DonorForm, GiftForm, LinkForm, MatchForm, PartForm, PromiseForm, ReasonForm
from donations.admin.promise_rights import ADD, CHANGE, PRIVATE, VIEW, WRITE_OFF, allow, shown, user
from donations.desk import matches, promises, unidentified
from donations.desk.promises import CannotPromise, Promised
from donations.models import Donor, Gift, PartWriteOff, Promise, PromisePart, PromisePayment
from nonprofit.admin_parts import actor, link, may, url_of
from nonprofit.generics import ModelAdmin
from nonprofit.money import Money

# What a form may make here; a match is expected from the gift it doubles.
KINDS = (Promise.Kind.PLEDGE, Promise.Kind.GRANT, Promise.Kind.STOCK)
NEWEST = 50


@dataclass(frozen=True, slots=True)
class Question:
    """A page that asks one thing. facts: what it is about, label and value. back: the page to return to."""

    title: str
    button: str
    back: str
    facts: list[tuple[str, object]]
    lead: str = ""


class PromisePages(ModelAdmin[Promise]):
    """The addresses of the deeds, beneath the promises' own."""

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("new/", self.new, "new"),
            ("new/<int:pk>/", self.new, "new_of"),
            ("match-of/<int:pk>/", self.match, "match"),
            ("whose/<int:pk>/", self.whose, "whose"),
            ("part/<int:pk>/change/", self.change_part, "change_part"),
            ("part/<int:pk>/send-link/", self.send_link, "send_link"),
            ("part/<int:pk>/paid-by/", self.paid_by, "paid_by"),
            ("part/<int:pk>/write-off/", self.write_off_part, "write_off_part"),
            ("part/<int:pk>/take-back/", self.take_back, "take_back"),
            ("<int:pk>/write-off/", self.write_off, "write_off"),
            ("payment/<int:pk>/detach/", self.detach, "detach"),
        ]
        view = self.admin_site.admin_view
        mine = [path(where, view(page), name=f"donations_promise_{name}") for where, page, name in views]
        return [*mine, *super().get_urls()]

    def new(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """A promise of somebody, or of the supporter from whose page this was opened."""
        allow(request, ADD)
        donor = get_object_or_404(Donor.objects.current(), pk=pk) if pk else None
        kinds = [*KINDS, Promise.Kind.BEQUEST] if may(request, PRIVATE) else KINDS
        form = PromiseForm(request.POST or None, kinds=kinds, donor=donor)
        back = url_of(donor) if donor else promises_url(request)
        question = Question("New promise", "Record the promise", back, [], NEW)

        def do() -> tuple[str, str]:
            made = promises.promise(_promised(form), actor=actor(request))
            return f"{made.public_id} is recorded. It counts as received only when gifts come.", url_of(made)

        return self._ask(request, question, form, do)

    def match(self, request: HttpRequest, pk: int) -> HttpResponse:
        """An employer's match of this gift."""
        allow(request, ADD)
        gift = get_object_or_404(Gift.objects.select_related("donor"), pk=pk)
        form = MatchForm(gift, request.POST or None, may_add=may(request, "donations.add_employer"))
        facts = [("Gift", link(gift, gift.public_id)), ("From", gift.donor_name), ("Amount", gift.amount)]
        question = Question("Expect an employer's match", "Expect the match", url_of(gift), facts, MATCH)

        def do() -> tuple[str, str]:
            typed, who = form.cleaned_data, actor(request)
            employer = typed["employer"] or matches.employer_named(typed["new_employer"], who)
            made = matches.expect_match(
                gift.pk,
                employer,
                amount=Money(typed["amount"], gift.currency),
                expected_on=typed["expected_on"],
                description=typed["description"],
                actor=who,
            )
            return f"{made.public_id}: a match from {employer.name} is expected.", url_of(made)

        return self._ask(request, question, form, do)

    def whose(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whose gift this nameless one is."""
        allow(request, CHANGE)
        gift = get_object_or_404(Gift, pk=pk, donor__kind=Donor.Kind.UNKNOWN)
        form = DonorForm(request.POST or None)
        facts = [("Gift", link(gift, gift.public_id)), ("Came on", gift.gift_on), ("As", gift.get_kind_display())]
        question = Question("Whose gift is this?", "It is theirs", url_of(gift), facts, WHOSE)

        def do() -> tuple[str, str]:
            found = unidentified.identify(gift.pk, form.cleaned_data["donor"].pk, actor(request))
            return f"{found.public_id} is now {found.donor_name}'s.", url_of(found)

        return self._ask(request, question, form, do)

    def change_part(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Another date or amount."""
        part = self._part(request, pk, CHANGE)
        form = PartForm(part, request.POST or None)

        def do() -> tuple[str, str]:
            typed = form.cleaned_data
            promises.change_part(
                part.pk, due_on=typed["due_on"], amount_minor=typed.get("amount"), actor=actor(request)
            )
            return "The part is changed.", ""

        return self._ask(request, _of_part("Change a part", "Save", part), form, do)

    def paid_by(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which of the gifts that are here paid it."""
        part = self._part(request, pk, CHANGE)
        gifts = payable(part)
        asks = any(promises.needs_papers_checked(gift, part.promise) for gift in gifts)
        form = GiftForm(gifts, asks_papers=asks, data=request.POST or None)
        question = _of_part("This gift paid it", "It paid this part", part, "" if gifts else NO_GIFT)

        def do() -> tuple[str, str]:
            typed, who = form.cleaned_data, actor(request)
            gift: Gift = typed["gift"]
            if gift.donor and gift.donor.kind == Donor.Kind.UNKNOWN:
                unidentified.identify_and_pay(part.pk, gift.pk, who)
            else:
                promises.pay(part.pk, gift.pk, who, is_unmentioned=typed.get("is_unmentioned", False))
            return f"{gift.public_id} pays this part.", ""

        return self._ask(request, question, form if gifts else None, do)

    def send_link(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A letter with a private address at which what is open can be paid by card."""
        part = self._part(request, pk, CHANGE)
        is_again = promises.waiting_link(part) is not None
        question = _of_part("Send a payment link", "Send it again" if is_again else "Send the link", part, LINK)
        question.facts[-1] = ("To pay", part.open or "nothing is open")
        question.facts.append(("Goes to", part.promise.donor.email or "nowhere: there is no e-mail address"))
        form = LinkForm(part, request.POST or None)

        def do() -> tuple[str, str]:
            gift = promises.send_link(part.pk, note=form.cleaned_data["note"], actor=actor(request))
            return f"A link to pay {gift.amount} is on its way to {gift.donor_email}.", ""

        return self._ask(request, question, form, do)

    def write_off_part(self, request: HttpRequest, pk: int) -> HttpResponse:
        part = self._part(request, pk, WRITE_OFF)
        question = _of_part("Write off a part", "Write it off", part, LOST)
        return self._reason(request, question, lambda why: promises.write_off(part, why, user(request)))

    def take_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        part = self._part(request, pk, WRITE_OFF)
        question = _of_part("Expect it again", "Expect it again", part, BACK)
        return self._reason(request, question, lambda why: promises.take_back(part, why, user(request)))

    def write_off(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Every part of which something is still open."""
        allow(request, WRITE_OFF)
        made = get_object_or_404(shown(request), pk=pk)
        facts = [("Promise", str(made)), ("From", made.donor.name)]
        question = Question("Write off what is open", "Write it off", url_of(made), facts, LOST)
        return self._reason(request, question, lambda why: promises.write_off(made, why, user(request)))

    def detach(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The gift was attached by mistake."""
        allow(request, CHANGE)
        payments = PromisePayment.objects.filter(part__promise__in=shown(request))
        payment = get_object_or_404(payments.select_related("gift", "part__promise__donor"), pk=pk)
        question = _of_part("This gift did not pay it", "Let the gift go", payment.part, LET_GO)
        question.facts.append(("Gift", link(payment.gift)))

        def do(why: str) -> list[PartWriteOff]:
            promises.detach(payment.pk, why, actor(request))
            return []

        return self._reason(request, question, do, done="The gift pays this promise no more.")

    def _reason(
        self,
        request: HttpRequest,
        question: Question,
        do: Callable[[str], list[PartWriteOff]],
        done: str = "",
    ) -> HttpResponse:
        """A deed that asks why."""
        form = ReasonForm(request.POST or None)

        def asked() -> tuple[str, str]:
            events = do(form.cleaned_data["reason"])
            return done or _in_words(events), ""

        return self._ask(request, question, form, asked)

    def _ask(
        self,
        request: HttpRequest,
        question: Question,
        form: forms.Form | None,
        do: Callable[[], tuple[str, str]],
    ) -> HttpResponse:
        """Show the form; when it is sent and right, `do` says what happened and where to go ("": back)."""
        if form is not None and request.method == "POST" and form.is_valid():
            try:
                said, then = do()
            except CannotPromise as trouble:
                form.add_error(None, str(trouble))
            else:
                messages.success(request, said)
                return redirect(then or question.back)
        context = {
            **self.admin_site.each_context(request),
            "title": question.title,
            "question": question,
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/promises/question.html", context)

    def _part(self, request: HttpRequest, pk: int, right: str) -> PromisePart:
        allow(request, right)
        parts = PromisePart.objects.filter(promise__in=shown(request)).with_paid()
        return get_object_or_404(parts.select_related("promise__donor", "promise__matched_gift"), pk=pk)


NEW = "A promise is no gift: there is no receipt, and it stands in no total until money comes."
MATCH = "The company promises, not the supporter. Its check is the company's gift; the supporter is thanked for it."
WHOSE = "The gift becomes theirs as if it had come with their name, and its receipt goes to them."
LINK = "They pay by card on a page of their own, and what they pay then counts for this part. The link is private."
LOST = "What is still open will not come. Nothing else changes, and it can be taken back."
BACK = "What was written off is expected again."
LET_GO = "The gift itself stays as it is; it may pay another promise."
NO_GIFT = "No received gift waits to be attached. When the check is entered in a batch, its row can name this promise."


def payable(part: PromisePart) -> list[Gift]:
    """The newest settled gifts that may pay this part and pay nothing yet; for shares also those without a name."""
    gifts = promises.candidates(part.promise)
    if part.promise.kind == Promise.Kind.STOCK:
        kinds = [Gift.Kind.STOCK, Gift.Kind.CRYPTO]
        nameless = Gift.objects.settled().filter(donor__kind=Donor.Kind.UNKNOWN, kind__in=kinds).values("pk")
        gifts = gifts | Gift.objects.filter(pk__in=nameless)
    return list(gifts.filter(promise_payment__isnull=True).select_related("donor").order_by("-gift_on", "-pk")[:NEWEST])


def promises_url(request: HttpRequest) -> str:
    """The worklist; the desk for those who may not see it."""
    return reverse("admin:donations_promisepart_changelist" if may(request, VIEW) else "admin:index")


def _promised(form: PromiseForm) -> Promised:
    typed = form.cleaned_data
    return Promised(
        attempt=typed["attempt"],
        kind=typed["kind"],
        donor=typed["donor"],
        amount=form.money,
        schedule=form.schedule,
        fund=typed["fund"],
        promised_on=typed["promised_on"],
        currency=typed.get("currency", "usd"),
        campaign=typed["campaign"],
        description=typed["description"],
        note=typed["note"],
    )


def _of_part(title: str, button: str, part: PromisePart, lead: str = "") -> Question:
    facts: list[tuple[str, object]] = [
        ("Promise", str(part.promise)),
        ("From", part.promise.donor.name),
        ("Due", part.due_on or "no date"),
        ("Promised", part.amount or part.promise.description or "no figure"),
    ]
    return Question(title, button, url_of(part.promise), facts, lead)


def _in_words(events: list[PartWriteOff]) -> str:
    if not events:
        return "There was nothing left to do."
    what = "1 part" if len(events) == 1 else f"{len(events)} parts"
    return f"{what}: {events[0].get_deed_display()}."
