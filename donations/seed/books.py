"""Writes the story down as the verbs would have left it: gifts, attempts, ledger, receipts with papers and letters."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from string import ascii_letters, digits
from typing import Any

from django.db.models import Q

from donations.models import (
    Attempt,
    Campaign,
    Donor,
    Fund,
    Gift,
    LedgerEntry,
    Plan,
    Receipt,
    ReceiptBook,
    ReceiptDue,
    ReceiptPdf,
)
from donations.receipts import deliver, issue, render, terms
from donations.rules import chain, consent, documents
from donations.seed import offers
from donations.seed.history import Giving, Promise
from donations.seed.people import Person
from nonprofit import clock, mail, money
from nonprofit.models import AuditEntry, Organization, OutgoingEmail, StoredFile
from nonprofit.money import Money

BATCH = 500
# What Stripe takes: more for cards from abroad and for American Express.
FEE_PERCENT = {"amex": Decimal("3.5"), "abroad": Decimal("4.4")}


class Books:
    """Everything of one seeding that more than one step needs."""

    def __init__(self, who: Organization, funds: list[Fund], campaigns: list[Campaign], chance: Random) -> None:
        self.who, self.funds, self.campaigns, self.chance = who, funds, campaigns, chance
        # Stripe's charge of each settled gift, by the gift's id.
        self._charges: dict[int, str] = {}
        # The last number of each book, by series and year.
        self._last: Counter[tuple[str, int]] = Counter()
        self._chain: dict[tuple[str, int], str] = {}

    def write(self, givings: list[Giving], say: Callable[[str], None]) -> None:
        """Every row of these gifts but their receipts. Call in one transaction, on empty tables."""
        donors = self._donors(givings)
        plans = self._plans(givings, donors)
        pairs = self._gifts(givings, donors, plans)
        self._attempts(pairs)
        settled = [(gift, giving) for gift, giving in pairs if gift.status == Gift.Status.SETTLED]
        self._ledger(settled)
        offers.came_with([gift for gift, _ in settled])
        say(f"{len(donors)} supporters, {len(plans)} plans, {len(pairs)} gifts")

    def issue(self, until: datetime, say: Callable[[str], None]) -> None:
        """Every gift booked until then has its paper, numbered in the order of the books, drawn and on its way."""
        waiting = Gift.objects.settled().filter(receipt__isnull=True, settled_at__lte=until)
        # Card gifts are all due; what staff recorded is unless it gets no paper, and imports had theirs elsewhere.
        due = waiting.filter(Q(kind__in=issue.BY_CARD, origin__isnull=True) | Q(receipt_due__isnull=False))
        gifts = list(due.select_related("fund", "campaign", "donor", "detail").order_by("settled_at", "pk"))
        receipts = self._receipts(gifts, terms.of([gift.pk for gift in gifts], self.who))
        ReceiptDue.objects.filter(gift__in=gifts).delete()
        files = self._papers(receipts)
        say(f"{len(receipts)} receipts and letters drawn")
        self._letters(receipts, files)

    def _donors(self, givings: list[Giving]) -> dict[str, Donor]:
        """By e-mail. As everywhere, somebody becomes a donor when their first gift arrives."""
        first: dict[str, Giving] = {}
        for giving in givings:
            if giving.status == "settled":
                first.setdefault(giving.person.email, giving)
        rows = [
            Donor(
                kind=_kind(giving.person.name),
                name=giving.person.name,
                email=giving.person.email,
                created_at=giving.at + timedelta(seconds=40),
                **_address(giving.person),
                phone=giving.person.phone,
            )
            for giving in first.values()
        ]
        return {donor.email or "": donor for donor in Donor.objects.bulk_create(rows)}

    def _plans(self, givings: list[Giving], donors: dict[str, Donor]) -> dict[int, Plan]:
        """By the identity of the promise."""
        first: dict[int, Giving] = {}
        for giving in givings:
            if giving.promise:
                first.setdefault(id(giving.promise), giving)
        made = {key: self._plan(giving, giving.promise, donors) for key, giving in first.items() if giving.promise}
        Plan.objects.bulk_create(made.values())
        return made

    def _plan(self, giving: Giving, promise: Promise, donors: dict[str, Donor]) -> Plan:
        plan = Plan(
            interval=promise.interval,
            amount_minor=promise.amount_minor,
            is_fee_covered=promise.is_fee_covered,
            fund=self.funds[promise.fund],
            consent_text=consent.text(
                organization=self.who.name, amount=str(Money(giving.amount_minor)), frequency=giving.frequency
            ),
            consent_version=consent.VERSION,
            consent_at=giving.at,
            consent_ip=f"203.0.113.{self.chance.randrange(1, 255)}",
            stripe_customer_id=self._id("cus", 14),
            created_at=giving.at,
        )
        if giving.status == "settled":
            month = self.chance.randrange(1, 13)
            plan.status = Plan.Status.ENDED if promise.ended_on else Plan.Status.ACTIVE
            if promise.ended_on:
                plan.end, plan.ended_at = Plan.End.ASKED, clock.midnight(promise.ended_on)
            plan.donor = donors[promise.person.email]
            plan.started_on, plan.anchor_day = promise.started_on, promise.started_on.day
            plan.next_due_on = promise.next_due_on
            plan.stripe_payment_method_id = self._id("pm", 24)
            plan.card_brand, plan.card_last4 = promise.person.card_brand, promise.person.card_last4
            plan.card_expires_on = promise.started_on.replace(year=clock.today().year + 2, month=month, day=28)
        return plan

    def _gifts(
        self, givings: list[Giving], donors: dict[str, Donor], plans: dict[int, Plan]
    ) -> list[tuple[Gift, Giving]]:
        gifts = [self._gift(giving, donors, plans) for giving in givings]
        Gift.objects.bulk_create(gifts, batch_size=BATCH)
        return list(zip(gifts, givings, strict=True))

    def _gift(self, giving: Giving, donors: dict[str, Donor], plans: dict[int, Plan]) -> Gift:
        person, at = giving.person, giving.at
        gift = Gift(
            plan=plans.get(id(giving.promise)),
            kind=giving.kind,
            status=giving.status,
            frequency=giving.frequency,
            amount_minor=giving.amount_minor,
            covered_fee_minor=giving.covered_fee_minor,
            fund=self.funds[giving.fund],
            campaign=self.campaigns[giving.campaign],
            donor_name=person.name,
            donor_email=person.email,
            donor_phone=person.phone,
            **_address(person),
            tribute=giving.tribute,
            tribute_name=giving.tribute_name,
            note=giving.note,
            is_name_hidden=giving.is_name_hidden,
            wants_newsletter=giving.wants_newsletter,
            started_at=min([at, *(when for when, _ in giving.declines)]) - timedelta(seconds=20),
            changed_at=max([at, *(when for when, _ in giving.declines)]),
        )
        if giving.status == "settled":
            gift.donor = donors[person.email]
            gift.gift_on, gift.gift_date_basis = clock.local_date(at), Gift.DateBasis.CHARGE
            gift.settled_at = gift.changed_at = at + timedelta(seconds=self.chance.randrange(2, 30))
            gift.card_brand, gift.card_last4 = person.card_brand, person.card_last4
        if giving.status in ("settled", "expired"):
            # Gifts that are still open have no payment at Stripe: the stand-in would not know it.
            gift.payment_intent_id = self._id("pi", 24)
        return gift

    def _attempts(self, pairs: list[tuple[Gift, Giving]]) -> None:
        attempts = []
        for gift, giving in pairs:
            common: dict[str, Any] = {"gift": gift, "amount_minor": gift.amount_minor, "currency": gift.currency}
            for at, code in giving.declines:
                refused = Attempt.Outcome.DECLINED
                attempts.append(
                    Attempt(**common, source=self._id("ch", 24), outcome=refused, code=code, happened_at=at)
                )
            if gift.status == Gift.Status.SETTLED:
                charge, paid = self._charges.setdefault(gift.pk, self._id("ch", 24)), Attempt.Outcome.SUCCEEDED
                attempts.append(Attempt(**common, source=charge, outcome=paid, happened_at=giving.at))
        Attempt.objects.bulk_create(attempts, batch_size=BATCH)

    def _ledger(self, settled: list[tuple[Gift, Giving]]) -> None:
        entries, deeds = [], []
        for gift, giving in settled:
            common: dict[str, Any] = {
                "source": self._charges[gift.pk],
                "gift": gift,
                "donor": gift.donor,
                "fund": gift.fund,
                "currency": gift.currency,
                "happened_at": giving.at,
                "account": LedgerEntry.Account.STRIPE,
                "booked_on": gift.gift_on,
                "recorded_at": gift.settled_at,
            }
            entries.append(LedgerEntry(**common, kind=LedgerEntry.Kind.GIFT, amount_minor=gift.amount_minor))
            entries.append(
                LedgerEntry(
                    **common,
                    kind=LedgerEntry.Kind.FEE,
                    amount_minor=-_fee(gift),
                    balance_transaction_id=self._id("txn", 24),
                    reporting_category="charge",
                )
            )
            after = {"payment": gift.payment_intent_id, "amount_minor": gift.amount_minor}
            deeds.append(_deed("settle", gift, _settled_at(gift), after))
        LedgerEntry.objects.bulk_create(entries, batch_size=BATCH)
        AuditEntry.objects.bulk_create(deeds, batch_size=BATCH)

    def _receipts(self, gifts: list[Gift], by: terms.Terms) -> list[Receipt]:
        """Numbered in the order in which the gifts were booked, without a gap, per series and year of issue."""
        receipts = Receipt.objects.bulk_create([self._receipt(gift, by) for gift in gifts], batch_size=BATCH)
        for (series, year), last in self._last.items():
            now = {"last_number": last, "last_chain": self._chain[series, year]}
            ReceiptBook.objects.update_or_create(series=series, year=year, defaults=now)
        issue.point(receipts)
        return receipts

    def _receipt(self, gift: Gift, by: terms.Terms) -> Receipt:
        day, facts = clock.local_date(_issued_at(gift)), issue.snapshot(gift, self.who, by=by)
        series = documents.Document(facts["kind"]).series
        self._last[series, day.year] += 1
        sequence = self._last[series, day.year]
        number = f"{series}-{day.year}-{sequence:06d}"
        facts |= issue.numbered(number, day)
        linked = chain.link(self._chain.get((series, day.year), ""), facts)
        self._chain[series, day.year] = linked
        return Receipt(
            series=series,
            year=day.year,
            sequence=sequence,
            number=number,
            gift=gift,
            snapshot=facts,
            code=chain.code(facts),
            chain=linked,
            issued_at=_issued_at(gift),
        )

    def draw(self) -> None:
        """The papers that the verbs have numbered meanwhile have their PDF and letter, too."""
        receipts = list(Receipt.objects.filter(pdf=None).select_related("gift__donor").order_by("pk"))
        self._letters(receipts, self._papers(receipts))

    def _papers(self, receipts: list[Receipt]) -> list[StoredFile]:
        """Drawn by two threads: the typesetter lets go of Python's lock."""
        with ThreadPoolExecutor(2) as pool:
            papers = pool.map(render.pdf, [receipt.snapshot for receipt in receipts])
            files = [StoredFile.of(paper, "application/pdf") for paper in papers]
        for file, receipt in zip(files, receipts, strict=True):
            file.created_at = receipt.issued_at + timedelta(seconds=1)
        return StoredFile.objects.bulk_create(files, batch_size=BATCH)

    def _letters(self, receipts: list[Receipt], files: list[StoredFile]) -> None:
        """Whoever has an e-mail gets it so; the others wait for the print run. One letter of all never arrived."""
        pairs = list(zip(receipts, files, strict=True))
        mailed = [pair for pair in pairs if pair[0].its_gift.donor_email or deliver.recipient(pair[0]).email]
        lost = len(mailed) - 7 if not OutgoingEmail.objects.filter(status=OutgoingEmail.Status.FAILED).exists() else -1
        letters = {
            receipt.pk: self._letter(receipt, file, is_lost=place == lost)
            for place, (receipt, file) in enumerate(mailed)
        }
        OutgoingEmail.objects.bulk_create(letters.values(), batch_size=BATCH)
        kept = [ReceiptPdf(receipt=receipt, file=file, email=letters.get(receipt.pk)) for receipt, file in pairs]
        ReceiptPdf.objects.bulk_create(kept, batch_size=BATCH)

    def _letter(self, receipt: Receipt, file: StoredFile, *, is_lost: bool) -> OutgoingEmail:
        letter = deliver.letter(receipt, file, write=partial(mail.compose, who=self.who))
        letter.queued_at = letter.next_try_at = receipt.issued_at + timedelta(seconds=1)
        letter.tries = 1
        if is_lost:
            letter.status, letter.last_error = OutgoingEmail.Status.FAILED, "SMTPRecipientsRefused 550"
        else:
            letter.status, letter.sent_at = OutgoingEmail.Status.SENT, receipt.issued_at + timedelta(seconds=3)
            letter.message_id = f"<{self.chance.getrandbits(64):016x}@harborlight.example>"
        return letter

    def _id(self, prefix: str, length: int) -> str:
        """An id that looks like one of Stripe's."""
        return f"{prefix}_{''.join(self.chance.choices(ascii_letters + digits, k=length))}"


def _fee(gift: Gift) -> int:
    kind = gift.card_brand if gift.country in ("", "US") else "abroad"
    return money.fee(gift.amount_minor, percent=FEE_PERCENT.get(kind, Decimal("2.9")), fixed_minor=30)


def _settled_at(gift: Gift) -> datetime:
    assert gift.settled_at is not None
    return gift.settled_at


def _issued_at(gift: Gift) -> datetime:
    return _settled_at(gift) + timedelta(seconds=2)


def _address(person: Person) -> dict[str, str]:
    names = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
    return {name: getattr(person, name) for name in names}


def _kind(name: str) -> Donor.Kind:
    words = {"LLC": Donor.Kind.COMPANY, "Foundation": Donor.Kind.FOUNDATION, "&": Donor.Kind.HOUSEHOLD}
    return next((kind for word, kind in words.items() if word in name.split()), Donor.Kind.INDIVIDUAL)


def _deed(action: str, gift: Gift, at: datetime, after: dict[str, Any]) -> AuditEntry:
    return AuditEntry(actor="stripe", action=action, target_type="gift", target_id=str(gift.pk), after=after, at=at)
