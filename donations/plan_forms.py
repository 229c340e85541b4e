"""Forms of a monthly gift's changes: the same for the supporter in the portal and for staff on the phone.

Each says what it asks (`title`, `button`), checks shape, and hands over to a verb of `recurring.plans`, whose refusals
become sentences on the form.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms

from donations.models import Fund, Installment, Plan
from donations.recurring import adopting, letters, plans, states
from donations.rules import schedule
from nonprofit import card_numbers, clock
from nonprofit.money import Money, MoneyError

INTERVALS = [
    (Plan.Interval.MONTH, "Every month"),
    (Plan.Interval.QUARTER, "Every three months"),
    (Plan.Interval.YEAR, "Every year"),
]
MONTHS = {"1": "1 month", "2": "2 months", "3": "3 months", "6": "6 months", "12": "12 months"}


class PlanForm(card_numbers.Guarded, forms.Form):
    """One change. lead: a sentence above the form.

    does_harm: the button is not the page's main one. is_for_staff: the portal does not offer it.
    """

    title: ClassVar[str]
    button: ClassVar[str]
    does_harm: ClassVar[bool] = False
    is_for_staff: ClassVar[bool] = False

    def __init__(self, plan: Plan, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=self.begin(plan), label_suffix="")
        self.plan = plan
        self.fit()

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        """What the fields hold at first."""
        return {}

    def fit(self) -> None:
        """Bring fields in line with the plan."""

    @property
    def lead(self) -> str:
        return ""

    def run(self, by: plans.Agreed) -> str | None:
        """Do it; what happened, in words. None when it was refused: the form says why."""
        try:
            return self.do(by)
        except plans.CannotChange as refusal:
            self.add_error(None, str(refusal))
            return None

    def do(self, by: plans.Agreed) -> str:
        """Call the verb. Raises CannotChange."""
        raise NotImplementedError


class AmountForm(PlanForm):
    title, button = "Change the amount", "Save the amount"

    amount = forms.CharField(
        label="Amount",
        max_length=24,
        error_messages={"required": "Enter an amount in numbers, like 25 or 25.50."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    covers_fee = forms.BooleanField(label="Cover the card fee, so that the whole gift reaches us", required=False)

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"amount": plan.amount.short.lstrip("$"), "covers_fee": plan.is_fee_covered}

    @property
    def lead(self) -> str:
        day = letters.day(states.counts_from(self.plan))
        return f"Now {letters.often(self.plan)}. The new amount is charged for the first time on {day}."

    def clean_amount(self) -> Money:
        try:
            return Money.parse(str(self.cleaned_data["amount"]), self.plan.currency)
        except MoneyError as error:
            raise forms.ValidationError(str(error)) from error

    def do(self, by: plans.Agreed) -> str:
        data = self.cleaned_data
        plan = plans.change_amount(self.plan.pk, data["amount"], covers_fee=data["covers_fee"], by=by)
        return f"Saved: {letters.often(plan)}, from {letters.day(states.counts_from(plan))}."


class DayForm(PlanForm):
    title, button = "Change the day or the rhythm", "Save the day"

    interval = forms.ChoiceField(label="How often", choices=INTERVALS, widget=forms.RadioSelect)
    day = forms.TypedChoiceField(
        label="Day of the month",
        coerce=int,
        choices=[(day, str(day)) for day in range(1, 32)],
        help_text="In a shorter month it is the last day.",
    )

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"interval": plan.interval, "day": plan.anchor_day}

    @property
    def lead(self) -> str:
        return f"The next gift is due on {letters.day(letters.next_on(self.plan))}. No date is doubled by a change."

    def do(self, by: plans.Agreed) -> str:
        plans.change_interval(self.plan.pk, self.cleaned_data["interval"], by=by)
        plan = plans.change_day(self.plan.pk, self.cleaned_data["day"], by=by)
        return f"Saved: {letters.often(plan)}, next on {letters.day(letters.next_on(plan))}."


class FundForm(PlanForm):
    title, button = "Change where it goes", "Save"

    fund = forms.ModelChoiceField(
        Fund.objects.filter(is_offered=True),
        label="Where your gift goes",
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"required": "Choose where your gift goes.", "invalid_choice": "Choose where your gift goes."},
    )

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"fund": plan.fund_id}

    def do(self, by: plans.Agreed) -> str:
        plan = plans.change_fund(self.plan.pk, self.cleaned_data["fund"], by=by)
        return f"Saved: from the next gift on it goes to {plan.fund.name}."


class SkipForm(PlanForm):
    title, button = "Skip the next gift", "Skip this one"

    due_on = forms.DateField(widget=forms.HiddenInput)

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"due_on": plan.next_due_on}

    @property
    def lead(self) -> str:
        plan = self.plan
        if plan.next_due_on is None or plan.anchor_day is None:
            return ""
        following = schedule.following(plan.next_due_on, plan.anchor_day, plan.interval)
        skipped = letters.day(plan.next_due_on)
        return f"Nothing is charged on {skipped}. Your gift goes on on {letters.day(following)}."

    def do(self, by: plans.Agreed) -> str:
        due_on = self.cleaned_data["due_on"]
        plan = plans.skip_next(self.plan.pk, due_on, by=by)
        return f"Nothing is charged on {letters.day(due_on)}. The next gift is on {letters.day(plan.next_due_on)}."


class UnskipForm(PlanForm):
    title, button = "Give on that day after all", "Yes, charge it"

    due_on = forms.DateField(widget=forms.HiddenInput)

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"due_on": skipped_on(plan)}

    @property
    def lead(self) -> str:
        return f"You had asked to skip {letters.day(skipped_on(self.plan))}."

    def do(self, by: plans.Agreed) -> str:
        plan = plans.unskip(self.plan.pk, self.cleaned_data["due_on"], by=by)
        return f"Good: the next gift is on {letters.day(plan.next_due_on)}."


def skipped_on(plan: Plan) -> date | None:
    """A date to come that the supporter asked to skip, and may still have back."""
    skipped = plan.installments.filter(
        status=Installment.Status.SKIPPED, reason=Installment.Reason.ASKED, due_on__gt=clock.today()
    )
    last = skipped.order_by("-due_on").first()
    if last is None or plan.anchor_day is None:
        return None
    following = schedule.following(last.due_on, plan.anchor_day, plan.interval)
    return last.due_on if following == plan.next_due_on else None


class PauseForm(PlanForm):
    title, button = "Pause", "Pause"

    months = forms.ChoiceField(label="For how long", choices=list(MONTHS.items()), widget=forms.RadioSelect)

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"months": "3"}

    @property
    def lead(self) -> str:
        return (
            "Nothing is charged while it is paused, and nothing is made up for afterwards. A week before it goes on, "
            "we remind you."
        )

    def do(self, by: plans.Agreed) -> str:
        until = schedule.months_later(clock.today(), int(self.cleaned_data["months"]))
        in_flight = plans.pause(self.plan.pk, until, by=by)
        self.plan.refresh_from_db()
        return f"Paused. The next gift is on {letters.day(letters.next_on(self.plan))}.{under_way(in_flight)}"


class ResumeForm(PlanForm):
    title, button = "End the pause", "Go on giving"

    @property
    def lead(self) -> str:
        day = letters.day(schedule_after_pause(self.plan))
        return f"Your {letters.gift(self.plan)} goes on, next on {day}. What fell into the pause is not charged."

    def do(self, by: plans.Agreed) -> str:
        plan = plans.resume(self.plan.pk, by=by)
        return f"Welcome back. The next gift is on {letters.day(plan.next_due_on)}."


def schedule_after_pause(plan: Plan) -> date | None:
    """The next date if the pause ended today."""
    if plan.next_due_on is None or plan.anchor_day is None:
        return None
    return schedule.first_from(plan.next_due_on, plan.anchor_day, plan.interval, clock.today())


class StopForm(PlanForm):
    title, button, does_harm = "Stop", "Stop my gift", True

    words = forms.CharField(
        label="Would you tell us why? (optional)",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    @property
    def lead(self) -> str:
        return (
            f"Your {letters.gift(self.plan)} ends at once, and nothing more is charged. What you gave and your "
            "receipts stay here. You can begin again at any time."
        )

    def do(self, by: plans.Agreed) -> str:
        words = self.cleaned_data["words"].strip()
        if not self.plan.is_ours:
            stopped = adopting.stop(self.plan.pk, by=by, words=words)
            return f"Your gift has ended. Thank you for all of it.{not_confirmed(stopped)}"
        in_flight = plans.stop(self.plan.pk, by=by, words=words)
        return f"Your gift has ended. Thank you for all of it.{under_way(in_flight)}{not_confirmed(self.plan)}"


def not_confirmed(plan: Plan) -> str:
    """What must be said while our payment service has not answered that it charges no more."""
    if not plan.at_stripe:
        return ""
    return (
        " Our payment service has not confirmed it yet. We ask it again every hour and write to you once it has; if a "
        "charge comes before that, tell us and we give it back."
    )


def under_way(in_flight: Installment | None) -> str:
    """What must be said when the bank may be charging at this very moment."""
    if in_flight is None:
        return ""
    return (
        f" The charge of {in_flight.amount} for {letters.day(in_flight.due_on)} was already at your bank and may still "
        "go through; if you do not want it, tell us and we give it back."
    )


class RestartForm(PlanForm):
    title, button = "Begin again", "Begin again"

    first = forms.ChoiceField(
        label="First gift", choices=[("today", "Today"), ("usual", "On its usual day")], widget=forms.RadioSelect
    )

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"first": "usual"}

    def fit(self) -> None:
        usual = letters.day(self.usual())
        choices = [("today", f"Today, {letters.day(clock.today())}"), ("usual", f"On its usual day, {usual}")]
        self.fields["first"].choices = choices  # type: ignore[attr-defined]

    def usual(self) -> date:
        """The next time the plan's day of the month comes."""
        day = self.plan.anchor_day or 1
        today = clock.today()
        this = schedule.in_month(today.year, today.month, day)
        return this if this > today else schedule.following(this, day, Plan.Interval.MONTH)

    @property
    def lead(self) -> str:
        return plans.words(self.plan)

    def do(self, by: plans.Agreed) -> str:
        first_on = clock.today() if self.cleaned_data["first"] == "today" else self.usual()
        plan = plans.restart(self.plan.pk, first_on, by=by)
        return f"Thank you. Your {letters.gift(plan)} begins again on {letters.day(plan.next_due_on)}."


class LimitsForm(PlanForm):
    title, button, is_for_staff = "Let it end by itself", "Save", True

    ends_on = forms.DateField(
        label="Last day", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="May be empty."
    )
    ends_after_count = forms.IntegerField(label="After so many gifts in all", required=False, min_value=1)

    @staticmethod
    def begin(plan: Plan) -> dict[str, object]:
        return {"ends_on": plan.ends_on, "ends_after_count": plan.ends_after_count}

    def do(self, by: plans.Agreed) -> str:
        data = self.cleaned_data
        plans.change_limits(
            self.plan.pk,
            ends_on=data["ends_on"],
            ends_after_count=data["ends_after_count"],
            ends_after_minor=self.plan.ends_after_minor,
            by=by,
        )
        return "Saved."


CHANGES: dict[str, type[PlanForm]] = {
    "amount": AmountForm,
    "day": DayForm,
    "fund": FundForm,
    "skip": SkipForm,
    "unskip": UnskipForm,
    "pause": PauseForm,
    "resume": ResumeForm,
    "limits": LimitsForm,
    "stop": StopForm,
    "restart": RestartForm,
}


def offered(plan: Plan) -> list[str]:
    """Which changes fit how the plan stands, in the order in which people look for them."""
    if plan.status == Plan.Status.ENDED:
        # Not before Stripe has said that it charges no more.
        is_over = not plan.at_stripe and not Plan.objects.filter(follows=plan).exists()
        return ["restart"] if is_over else []
    if not plan.is_running:
        return []
    if not plan.is_ours:
        return ["stop"]
    if plan.status == Plan.Status.PAUSED:
        return ["resume", "amount", "day", "fund", "limits", "pause", "stop"]
    if plan.status != Plan.Status.ACTIVE:
        return ["pause", "amount", "day", "fund", "limits", "stop"]
    first = ["unskip"] if skipped_on(plan) else ["skip"]
    return ["amount", "day", "fund", *first, "pause", "limits", "stop"]
