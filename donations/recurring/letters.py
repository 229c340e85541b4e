"""What supporters are told of their monthly gifts: one letter for each fact, in plain words, with what they can do.

Queued in the transaction that makes the fact; a supporter without an e-mail is called by staff, from the worklists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.urls import reverse

from donations.models import ChargeDay, Installment, Plan
from donations.rules import dunning, schedule
from nonprofit import mail, nudge, organization
from nonprofit.models import OutgoingEmail

KEY = "plan:"


@dataclass(frozen=True, slots=True)
class Words:
    """A letter about a plan. facts: lines of a small table; button: its words and the page's name and arguments."""

    subject: str
    paragraphs: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    button: str = ""
    page: str = "members:plan"


def _queue(plan: Plan, key: str, words: Words) -> OutgoingEmail | None:
    donor = plan.donor
    if donor is None or not donor.email:
        return None
    letter = mail.queue(
        f"{KEY}{plan.pk}:{key}",
        donor.email,
        "plan",
        {
            "salutation": f"{(donor.salutation or f'Dear {donor.name}').rstrip(' ,')},",
            "words": words,
            "url": settings.BASE_URL + reverse(words.page, args=[plan.pk]),
        },
    )
    nudge.after_commit("nonprofit.tasks.send_mail")
    return letter


@mail.before_sending
def _still_wanted(letter: OutgoingEmail) -> str:
    """Flags are looked at when a letter leaves (domain rule 83); what concerns money goes to everybody (rule 81)."""
    if letter.template != "plan":
        return ""
    plan = Plan.objects.select_related("donor").filter(pk=int(letter.key.split(":")[1])).first()
    if plan is None or plan.donor is None:
        return ""
    if plan.donor.is_deceased:
        return "the supporter has died"
    if plan.donor.is_not_contacted and letter.key.split(":")[2].startswith("anniversary"):
        return "the supporter asked not to be contacted"
    return ""


def often(plan: Plan) -> str:
    """ "$25 monthly": a gift that repeats is always called so beside its amount."""
    fee = " and the card fee" if plan.is_fee_covered else ""
    return f"{plan.amount.short}{fee} {plan.get_interval_display()}"


def gift(plan: Plan) -> str:
    """ "monthly gift of $25"."""
    return f"{plan.get_interval_display()} gift of {plan.amount.short}"


def day(on: date | None) -> str:
    """ "March 3, 2027"."""
    return f"{on:%B} {on.day}, {on.year}" if on else "—"


def card(plan: Plan) -> str:
    """ "Visa ending 4242"."""
    brand = "American Express" if plan.card_brand == "amex" else plan.card_brand.title()
    return f"{brand} ending {plan.card_last4}" if plan.card_last4 else "your card"


def _table(plan: Plan) -> list[tuple[str, str]]:
    rows = [("Gift", often(plan)), ("For", plan.fund.name), ("Card", card(plan))]
    if plan.is_running:
        rows.insert(1, ("Next on", day(next_on(plan))))
    return rows


def next_on(plan: Plan) -> date | None:
    """When the plan is charged next, after any pause."""
    if plan.next_due_on is None or plan.anchor_day is None:
        return None
    if plan.paused_until is None:
        return plan.next_due_on
    return schedule.first_from(plan.next_due_on, plan.anchor_day, plan.interval, plan.paused_until)


# --- changes the supporter asked for ----------------------------------------------------------------------------------


def changed(plan: Plan, what: str, change: int) -> OutgoingEmail | None:
    """From when on it is how. what: the change in words; change: the audit entry's id, so that each is told once."""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift has changed",
        paragraphs=[f"As you asked, {what}.", "If you did not ask for this, answer this letter or call us today."],
        facts=_table(plan),
        button="See or change it",
    )
    return _queue(plan, f"changed-{change}", words)


def _under_way(in_flight: Installment | None) -> list[str]:
    """What must be said where the bank may be charging at this moment."""
    if in_flight is None:
        return []
    return [
        f"One charge was on its way already: {in_flight.amount} for {day(in_flight.due_on)} may still go through. "
        "If you do not want it, answer this letter and we give it back."
    ]


def paused(plan: Plan, change: int, in_flight: Installment | None = None) -> OutgoingEmail | None:
    """No charge until when, and when it goes on. in_flight: a charge that may be under way all the same."""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift is paused",
        paragraphs=[
            f"We will not charge your card before {day(plan.paused_until)}. "
            f"After that your {gift(plan)} goes on, next on {day(next_on(plan))}; a week before, we remind you.",
            *_under_way(in_flight),
            "You can end the pause, make it longer or stop altogether at any time.",
        ],
        button="Change the pause",
    )
    return _queue(plan, f"paused-{change}", words)


def resumed(plan: Plan, change: int) -> OutgoingEmail | None:
    """It goes on; the months of the pause are not made up for (domain rule 57)."""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift goes on",
        paragraphs=["Welcome back, and thank you. What fell into the pause is not charged."],
        facts=_table(plan),
        button="See or change it",
    )
    return _queue(plan, f"resumed-{change}", words)


def restarted(plan: Plan) -> OutgoingEmail | None:
    """A new agreement: what, when, and how to stop (domain rule 67)."""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift begins again",
        paragraphs=[
            f"Thank you for coming back. This gift is {plan.get_interval_display()}: we charge your card "
            f"{often(plan)} until you stop it, which takes two clicks in your portal.",
        ],
        facts=_table(plan),
        button="See, change or stop it",
    )
    return _queue(plan, "restarted", words)


def card_updated(plan: Plan, change: int) -> OutgoingEmail | None:
    """Another card is charged from now on."""
    words = Words(
        subject="Your new card is saved",
        paragraphs=[f"From now on your {gift(plan)} is charged to your {card(plan)}."],
        facts=_table(plan),
        button="See your gift",
    )
    return _queue(plan, f"card-{change}", words)


def card_link_key(plan: Plan, attempt: str) -> str:
    """Names the letter of that request."""
    return f"{KEY}{plan.pk}:card-link-{attempt}"


def card_link(plan: Plan, attempt: str) -> OutgoingEmail | None:
    """Where another card can be saved, for who asked for it on the phone."""
    words = Words(
        subject=f"Another card for your {plan.get_interval_display()} gift",
        paragraphs=[
            f"As we said on the phone: here you can save another card for your {gift(plan)}. "
            "You sign in with a code that we e-mail you, and your bank may ask you to confirm.",
            "Your card goes straight to our payment service; we never see its number.",
        ],
        button="Save another card",
        page="members:plan_card",
    )
    return _queue(plan, f"card-link-{attempt}", words)


def ended(plan: Plan, in_flight: Installment | None = None) -> OutgoingEmail | None:
    """It is over, why, and that nothing more is charged, or what may be. Nobody writes to the dead, or twice.

    While Stripe has not confirmed that it charges no more, there is no letter: `adopting` asks for it once it has.
    """
    if plan.at_stripe:
        return None
    why = {
        Plan.End.ASKED: "As you asked, it is stopped. Nothing more will be charged.",
        Plan.End.STAFF: "It is stopped. Nothing more will be charged.",
        Plan.End.FAILED: "Your card has not worked for a while, so we have stopped trying. You owe us nothing.",
        Plan.End.COMPLETED: "It has come to its agreed end. Nothing more will be charged.",
        Plan.End.ELSEWHERE: "It is stopped. Nothing more will be charged.",
    }.get(Plan.End(plan.end))
    if why is None:
        return None
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift has ended",
        paragraphs=[
            f"Your {gift(plan)} has ended. {why}",
            *_under_way(in_flight),
            "What you gave stays at work, and all your receipts stay in your portal. Thank you for every month of it."
            if plan.interval == Plan.Interval.MONTH
            else "What you gave stays at work, and all your receipts stay in your portal. Thank you.",
        ],
        button="Begin again, if you like",
    )
    return _queue(plan, "ended", words)


# --- when a charge does not go through --------------------------------------------------------------------------------


def declined(plan: Plan, one: Installment, again_on: date) -> OutgoingEmail | None:
    """The first decline of a date on each card: when it is tried again. Later ones are silent until it is over."""
    said = dunning.says(one.code)
    because = f": {said}" if said else ""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift did not go through",
        paragraphs=[
            f"We could not charge your {card(plan)} for your {gift(plan)} on {day(one.due_on)}. "
            f"Your bank declined it{because}.",
            f"You need not do anything: we try once more on {day(again_on)}. "
            "If you would rather use another card, that takes a minute.",
        ],
        button="Use another card",
        page="members:plan_card",
    )
    return _queue(plan, f"declined-{one.pk}-{one.stripe_payment_method_id}", words)


def needs_card(plan: Plan, one: Installment) -> OutgoingEmail | None:
    """This card does not work any more; the supporter's new one is charged at once."""
    said = dunning.says(one.code)
    because = f": {said}" if said else ""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift needs another card",
        paragraphs=[
            f"Your {card(plan)} was declined for your {gift(plan)} due on {day(one.due_on)}{because}. "
            "We will not try it again.",
            "With another card your gift goes on at once. If now is not a good time, you can pause or stop it instead; "
            "you owe us nothing.",
        ],
        button="Save another card",
        page="members:plan_card",
    )
    return _queue(plan, f"needs-card-{one.pk}-{one.tries}", words)


def authenticate(plan: Plan, one: Installment) -> OutgoingEmail | None:
    """The bank wants to see its customer say yes."""
    words = Words(
        subject=f"Please confirm your {plan.get_interval_display()} gift with your bank",
        paragraphs=[
            f"Your bank wants you to confirm your {gift(plan)} due on {day(one.due_on)} yourself. It takes a moment, "
            "and nothing is charged before you do.",
        ],
        button="Confirm with your bank",
        page="members:plan_confirm",
    )
    return _queue(plan, f"authenticate-{one.pk}-{one.tries}", words)


# --- before something happens -----------------------------------------------------------------------------------------


def card_expiring(plan: Plan) -> OutgoingEmail | None:
    """The card is over before the next charge; once for each expiry."""
    words = Words(
        subject="Your card expires soon",
        paragraphs=[
            f"Your {card(plan)} is good until {day(plan.card_expires_on)}. Your {gift(plan)} is next due on "
            f"{day(next_on(plan))}, after that.",
            "Many banks tell us about the new card by themselves. To be sure, save it now.",
        ],
        button="Save the new card",
        page="members:plan_card",
    )
    return _queue(plan, f"expiring-{plan.card_expires_on}", words)


def resumes_soon(plan: Plan) -> OutgoingEmail | None:
    """A week before a pause ends."""
    words = Words(
        subject=f"Your {plan.get_interval_display()} gift goes on soon",
        paragraphs=[
            f"Your pause ends, and your {gift(plan)} goes on: we charge your {card(plan)} on {day(next_on(plan))}.",
            "If you need longer, extend the pause or stop; both take a moment.",
        ],
        button="Keep or change it",
    )
    return _queue(plan, f"resumes-{plan.paused_until}", words)


def yearly_reminder(plan: Plan) -> OutgoingEmail | None:
    """Before a yearly charge, so that nobody is surprised."""
    words = Words(
        subject=f"Your yearly gift comes on {day(next_on(plan))}",
        paragraphs=[
            f"You give {often(plan)}, and this is the time: on {day(next_on(plan))} we charge your {card(plan)}.",
            "If anything should be different this time, change it before then.",
        ],
        facts=_table(plan),
        button="Keep or change it",
    )
    return _queue(plan, f"yearly-{plan.next_due_on}", words)


def anniversary(plan: Plan, years: int, given: str) -> OutgoingEmail | None:
    """Thanks on the day it began. given: what came of it in all, like "$300"."""
    span = "a year" if years == 1 else f"{years} years"
    words = Words(
        subject=f"Thank you for {span}",
        paragraphs=[
            f"Today {span} ago you began to give {plan.get_interval_display()}. Since then {given} of yours has paid "
            "for reporting that answers to readers and to nobody else.",
            "This is no request. We wanted to say thank you.",
        ],
        button="See what you gave",
    )
    return _queue(plan, f"anniversary-{years}", words)


# --- to ourselves -----------------------------------------------------------------------------------------------------


def stopped(day_of: ChargeDay) -> OutgoingEmail:
    """The alarm: charging has stopped for today until somebody looks."""
    letter = mail.queue(
        f"charging-stopped:{day_of.on}:{day_of.stopped_at:%H%M%S}",
        organization.get().email,
        "charging_stopped",
        {
            "day": day(day_of.on),
            "why": day_of.stopped_why,
            "claimed": day_of.claimed,
            "paid": day_of.paid,
            "declined": day_of.declined,
            "url": settings.BASE_URL + reverse("admin:donations_chargeday_changelist"),
        },
    )
    nudge.after_commit("nonprofit.tasks.send_mail")
    return letter
