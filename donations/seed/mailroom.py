"""A year of mail, bank credits and brokers' notices at The Harbor Light, entered and closed by the desk's own verbs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from inspect import unwrap
from random import Random
from typing import Any
from uuid import UUID

from donations.desk import batches, matches, merging, promises, returned, rows
from donations.models import Batch, BatchRow, Campaign, Donor, Employer, Fund, Gift, PhoneCall, Promise, PromisePart
from donations.receipts import print_run
from donations.rules import consent, kinds
from donations.rules.instalments import Schedule
from donations.seed import former, neighbors
from nonprofit import audit, clock
from nonprofit.models import Organization, User
from nonprofit.money import Money

# The desk's verbs insist on being the outermost transaction. Here the whole seed is one, all or nothing.
open_batch: Callable[..., Batch] = unwrap(batches.open)
close_batch: Callable[..., Batch] = unwrap(batches.close)
discard_batch: Callable[..., Batch] = unwrap(batches.discard)
override_batch: Callable[..., Batch] = unwrap(batches.override)
tie_to_bank: Callable[..., Batch] = unwrap(batches.set_bank_reference)
save_row: Callable[..., BatchRow] = unwrap(rows.save)
take_back = unwrap(returned.apply)
told = unwrap(returned.told)
merge = unwrap(merging.merge)
print_letters = unwrap(print_run.make)
mail_letters = unwrap(print_run.mark_mailed)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a batch. who: a key of neighbors.PEOPLE or "ana". amount_minor: None for property.

    facts: what is more than the day it came. thanked: who recommended it, or whose gift it matches.
    """

    who: str
    kind: str
    amount_minor: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    thanked: str = ""
    more: dict[str, Any] = field(default_factory=dict)


def check(who: str, number: str, dollars: int, **more: Any) -> Item:
    return Item(who, "check", dollars * 100, {"check_number": number}, more=more)


class Mailroom:
    """Who works at the desk, and what they have done so far."""

    def __init__(self, who: Organization, funds: list[Fund], campaigns: list[Campaign], chance: Random) -> None:
        self.who, self.funds, self.campaigns, self.chance = who, funds, campaigns, chance
        people = {user.email.partition("@")[0]: user for user in User.objects.filter(is_staff=True)}
        self.entry, self.staff, self.finance, self.admin = (
            people[name] for name in ("entry", "staff", "finance", "admin")
        )
        self.today = clock.today()
        with clock.standing_at(self.at(1000)):
            self.donors = neighbors.settle_in(self.staff)
        self.donors["ana"] = Donor.objects.get(email="ana@example.org")

    def at(self, days: int, hour: int = 10) -> datetime:
        """That hour of a working day about so many days ago."""
        day = self.today - timedelta(days=days)
        while day.weekday() >= 5:
            day -= timedelta(days=1)
        return clock.midnight(day) + timedelta(hours=hour, minutes=self.chance.randrange(50))

    def batch(self, opened_at: datetime, kind: str, items: Sequence[Item], *, off_by: int = 0, note: str = "") -> Batch:
        """An open batch with these items typed. off_by: minor units by which the count beforehand was wrong."""
        with clock.standing_at(opened_at):
            header = batches.Header(
                kind=kind,
                expected_count=len(items),
                expected_total=Money(sum(item.amount_minor or 0 for item in items) + off_by),
                deposit_on=clock.today(),
                fund=self.funds[0],
                campaign=self.campaigns[0],
                note=note,
            )
            batch = open_batch(header, self.entry, self._attempt())
            for item in items:
                self.type(batch, item)
        return batch

    def type(self, batch: Batch, item: Item) -> BatchRow:
        """The item is a row of the open batch."""
        day = clock.today()
        needs = kinds.KINDS[item.kind].needs | ({"credited_on"} if item.kind == Gift.Kind.STOCK else set())
        dated: dict[str, Any] = {name: day for name in ("received_on", "credited_on") if name in needs}
        typed = rows.Typed(
            attempt=self._attempt(),
            kind=item.kind,
            donor_id=self.donors[item.who].pk if item.who else None,
            recognized_id=self.donors[item.thanked].pk if item.thanked else None,
            amount_minor=item.amount_minor,
            facts={**dated, **item.facts},
            **item.more,
        )
        return save_row(batch.pk, typed, self.entry)

    def close(self, batch: Batch, closed_at: datetime, bank_reference: str = "") -> list[Gift]:
        """The batch is closed two hours later by somebody else; its gifts in the order of the rows."""
        with clock.standing_at(closed_at):
            close_batch(batch.pk, self.finance)
        if bank_reference:
            with clock.standing_at(closed_at + timedelta(days=1)):
                tie_to_bank(batch.pk, bank_reference, self.finance)
        return [row.gift for row in batch.rows.select_related("gift").order_by("position") if row.gift]

    def done(self, days: int, kind: str, items: Sequence[Item], reference: str = "") -> list[Gift]:
        """A batch of about so many days ago, entered and closed."""
        opened_at = self.at(days)
        return self.close(self.batch(opened_at, kind, items), opened_at + timedelta(hours=2), reference)

    def _attempt(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    # --- the story ------------------------------------------------------------------------------------------------

    def year(self) -> None:
        """What came until three weeks ago."""
        former.bring_in(self.funds[0], self.finance, self.at(700, 14))
        self._calls()
        self._year_end()
        self.done(218, "checks", SPRING, "DEP 0412")
        self._grants()
        self._overridden()
        self.done(74, "property", PROPERTY)
        self._autumn()

    def weeks(self) -> None:
        """What came after that, until last week: a check that came back, and what replaced it."""
        bounced = self._by_check("harold", "2211")
        with clock.standing_at(self.at(18)):
            self._bounce(bounced, "Account closed")
        with clock.standing_at(self.at(17)):
            told(bounced.pk, self.staff, how="Called. Changed banks; a new check is in the mail.")
        self.done(13, "checks", NOVEMBER, "DEP 1110")

    def days(self) -> None:
        """The last days: what came back, what is promised, and what still waits."""
        self._returned()
        self._promises()
        self._waiting()
        with clock.standing_at(self.at(15)):
            merge(
                self.donors["ana"].pk,
                self.donors["old ana"].pk,
                user=self.staff,
                reason="Same phone and street; she confirmed it on the phone.",
            )

    def print(self) -> None:
        """What had no e-mail until now went out on paper."""
        with clock.standing_at(self.at(20, 15)):
            run = print_letters(audit.staff(self.staff))
        with clock.standing_at(self.at(19)):
            mail_letters(run.pk, audit.staff(self.staff))

    def _calls(self) -> None:
        """Gifts by card whose number was typed on a call."""
        for gift in Gift.objects.filter(kind=Gift.Kind.PHONE):
            words = consent.by_phone(
                organization=self.who.name,
                amount=str(gift.amount),
                frequency=gift.frequency,
                on=gift.gift_on or self.today,
            )
            PhoneCall.objects.create(
                gift=gift,
                taken_by=self.staff,
                taken_at=gift.started_at,
                paid_by=PhoneCall.PaidBy.CARD,
                consent_text=words,
                consent_version=consent.PHONE_VERSION,
            )

    def _year_end(self) -> None:
        """Mailed on the last days of December, opened in January: the postmark decides."""
        year = self.today.year
        opened_at = clock.midnight(date(year, 1, 3)) + timedelta(hours=11)
        if opened_at + timedelta(days=1) > clock.now():
            opened_at = clock.midnight(date(year - 1, 1, 3)) + timedelta(hours=11)
        mailed = date(clock.local_date(opened_at).year - 1, 12, 29)
        facts = {"check_on": mailed - timedelta(days=1), "postmarked_on": mailed, "sent_by": "usps"}
        items = [replace(item, facts=item.facts | facts) for item in (check("ana", "1042", 250), *YEAR_END)]
        self.close(self.batch(opened_at, "checks", items), opened_at + timedelta(hours=3), "DEP 0103")

    def _grants(self) -> None:
        gifts = self.done(158, "wires", GRANTS)
        pledge = self._promise(
            150,
            "pledge",
            "marsh",
            200_000,
            Schedule("quarterly", self.today - timedelta(days=120), 4),
            "At the spring supper",
        )
        del gifts
        first = pledge.parts.order_by("due_on")[0]
        (paid,) = self.done(118, "checks", [check("marsh", "5120", 500)])
        with clock.standing_at(self.at(117)):
            promises.pay(first.pk, paid.pk, audit.staff(self.finance))

    def _overridden(self) -> None:
        """The adding machine was wrong by ten dollars; a third person looked and let it close."""
        opened_at = self.at(96)
        batch = self.batch(opened_at, "checks", [check("ruth", "604", 40), check("stanley", "9911", 75)], off_by=1000)
        with clock.standing_at(opened_at + timedelta(hours=1)):
            override_batch(batch.pk, self.admin, "Two people counted it again: the adding machine's slip is wrong.")
        self.close(batch, opened_at + timedelta(hours=2))

    def _autumn(self) -> None:
        gift = Gift.objects.filter(donor=self.donors["ana"], kind=Gift.Kind.CARD).order_by("-gift_on")[3]
        employer = Employer.objects.get()
        with clock.standing_at(self.at(60)):
            expected = matches.expect_match(
                gift.pk, employer, expected_on=self.today - timedelta(days=45), actor=audit.staff(self.staff)
            )
        amount = gift.amount_minor
        match = Item("lobster", "match", amount, {"reference": "NEL-2231", "check_number": "88120"}, "ana")
        booked = self.done(41, "checks", [*AUTUMN, match], "DEP 1013")
        with clock.standing_at(self.at(40)):
            promises.pay(expected.parts.get().pk, booked[-1].pk, audit.staff(self.finance))

    def _returned(self) -> None:
        """One returned with a letter, one whose writer nobody has told yet, and an amount typed the wrong way round."""
        with clock.standing_at(self.at(5)):
            self._bounce(self._by_check("owen", "318"), "Insufficient funds")
        with clock.standing_at(self.at(2)):
            self._bounce(
                Gift.objects.get(donor=self.donors["lucille"], detail__check_number="77"), "Insufficient funds"
            )
            wrong = Gift.objects.get(donor=self.donors["stanley"], detail__check_number="9911")
            notice = returned.Notice("wrong_entry", clock.today(), wrong="wrong_amount", note="It was $57, not $75.")
            take_back(wrong.pk, notice, self.finance)

    def _by_check(self, who: str, number: str) -> Gift:
        return Gift.objects.get(donor=self.donors[who], detail__check_number=number)

    def _bounce(self, gift: Gift, note: str) -> None:
        take_back(gift.pk, returned.Notice("bounced", clock.today(), 1200, note=note), self.finance)

    def _promise(
        self, days: int, kind: str, who: str, amount_minor: int | None, schedule: Schedule, words: str
    ) -> Promise:
        with clock.standing_at(self.at(days)):
            return promises.promise(
                promises.Promised(
                    attempt=self._attempt(),
                    kind=kind,
                    donor=self.donors[who],
                    amount=Money(amount_minor) if amount_minor else None,
                    schedule=schedule,
                    fund=self.funds[0],
                    promised_on=clock.today(),
                    description=words,
                ),
                actor=audit.staff(self.staff),
            )

    def _promises(self) -> None:
        soon, late = self.today + timedelta(days=50), self.today - timedelta(days=12)
        self._promise(20, "grant", "casco", 2_500_000, Schedule(first_on=soon), "Schools desk, second year")
        self._promise(30, "stock", "beatrice", None, Schedule(first_on=late), "30 shares of HBRL from her broker")
        self._promise(70, "bequest", "sylvia", None, Schedule(), "One percent of the estate")
        given_up = self._promise(
            300, "pledge", "owen", 20_000, Schedule("monthly", self.today - timedelta(days=280), 2), ""
        )
        with clock.standing_at(self.at(9)):
            part: PromisePart = given_up.parts.order_by("due_on")[0]
            promises.write_off(part, "Lost his job; we told him not to worry.", self.finance)
        gift = Gift.objects.filter(donor=self.donors["ana"], kind=Gift.Kind.CARD).order_by("-gift_on")[1]
        with clock.standing_at(self.at(8)):
            expected_on = self.today + timedelta(days=30)
            matches.expect_match(
                gift.pk, Employer.objects.get(), expected_on=expected_on, actor=audit.staff(self.staff)
            )

    def _waiting(self) -> None:
        """Letters for the printer, a bundle somebody gave up, and one that is half typed."""
        self.done(1, "checks", YESTERDAY)
        opened_at = self.at(11)
        given_up = self.batch(opened_at, "checks", [check("ruth", "611", 40)])
        with clock.standing_at(opened_at + timedelta(minutes=9)):
            discard_batch(given_up.pk, self.entry, "Opened twice by mistake.")
        now = clock.now() - timedelta(minutes=40)
        typed = [check("sylvia", "402", 50), check("marsh", "5133", 150), check("ruth", "618", 40)]
        open_now = self.batch(now, "checks", typed, off_by=33_500, note="Monday's mail")
        with clock.standing_at(now + timedelta(minutes=3)):
            self.type(open_now, Item("", "check", 2500, {"check_number": "1207"}))
            Batch.objects.filter(pk=open_now.pk).update(expected_count=9)


YEAR_END = [
    check("marsh", "5044", 500, note="With thanks for the ferry story."),
    check("ruth", "588", 40),
    check("stanley", "9870", 75),
    check("sylvia", "377", 50, tribute="memory", tribute_name="Margaret Bouchard"),
    check("harold", "2176", 60),
    check("joan", "810", 25),
]
SPRING = [
    check("ruth", "596", 40),
    check("margaret", "1500", 100),
    Item("stanley", "cash", 2000),
    Item("lucille", "money_order", 3500, {"check_number": "27104418820"}),
    check("sylvia", "389", 50),
    check("lobster", "88031", 1000),
    Item("old ana", "check", 7500, {"check_number": "1019"}),
]
GRANTS = [
    Item("fidelity", "daf", 100_000, {"advised_fund": "Silva Family Giving Fund", "reference": "4471902"}, "ana"),
    Item("pine", "daf", 50_000, {"advised_fund": "Quiet Harbor Fund", "reference": "PT-118"}, "beatrice"),
    Item("fidelity", "daf", 25_000, {"reference": "4472333"}),
    Item("casco", "foundation", 2_500_000, {"reference": "CB-2026-07"}),
    Item("owen", "wire", 150_000, {"reference": "FT 88210"}),
    Item("town", "wire", 80_000, {"reference": "PO 1190"}),
]
PROPERTY = [
    Item("ana", "stock", None, {"ticker": "HBRL", "quantity": Decimal(12), "internal_value_minor": 104_160}),
    Item("beatrice", "stock", None, {"ticker": "NEPW", "quantity": Decimal(40), "internal_value_minor": 231_000}),
    Item("owen", "crypto", None, {"ticker": "BTC", "quantity": Decimal("0.015"), "internal_value_minor": 98_000}),
    Item("ana", "in_kind", None, {"property_description": "Six oak chairs for the reading room"}),
    Item("sylvia", "services", None, {"property_description": "Eleven evenings of proofreading"}),
    Item(
        "stanley",
        "vehicle",
        None,
        {
            "property_description": "1998 Volvo V70, gray",
            "vehicle_number": "YV1LW5547W2441987",
            "internal_value_minor": 45_000,
        },
    ),
]
AUTUMN = [
    check("harold", "2211", 60),
    Item("beatrice", "ira", 500_000, {"custodian": "Vanguard", "check_number": "55012", "is_benefit_declined": True}),
    Item("lobster", "payroll", 18_500, {"reference": "Q3", "check_number": "88117"}),
    Item("estate", "bequest", 1_000_000, {"reference": "Docket 2026-0311", "check_number": "1004"}),
    check("ruth", "609", 40),
    Item("joan", "other", 2500, {"property_description": "Coins from the jar at the market stall"}),
]
NOVEMBER = [check("harold", "0003", 60), check("owen", "318", 100), check("lucille", "77", 35)]
YESTERDAY = [
    check("marsh", "5131", 150),
    check("ruth", "615", 40),
    check("stanley", "9940", 57),
    check("sylvia", "399", 50),
    check("joan", "833", 25),
]
