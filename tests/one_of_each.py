"""One row of everything the admin has a page for, so that every address can be tried. Its money is SUM and no other."""

import gzip
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import models

from donations import reversals
from donations.desk import merging
from donations.models import (
    Account,
    AccountDetail,
    BalanceTransaction,
    BankAccount,
    BankImport,
    BankLine,
    Batch,
    BatchRow,
    Benefit,
    ChargeDay,
    Difference,
    Dispute,
    Donor,
    DonorMerge,
    Employer,
    Export,
    ExportDownload,
    ExportPart,
    FormerId,
    Gift,
    GiftBenefit,
    GiftDetail,
    GiftImport,
    GiftOrigin,
    Installment,
    LedgerEntry,
    Month,
    PaymentLink,
    Payout,
    PhoneCall,
    Policy,
    PrintedReceipt,
    PrintRun,
    Promise,
    PromisePart,
    PromisePayment,
    Receipt,
    ReceiptCopy,
    ReceiptDue,
    Refund,
    RenderTrouble,
    Renewals,
    Reversal,
    SafeHarbor,
    SoftCredit,
    StatementDue,
    StatementRun,
    StatementText,
    StripeEvent,
    Tag,
    Way,
)
from donations.receipts import statement_people, void
from members.models import (
    ConsentEntry,
    EmailChange,
    ErasureRequest,
    Fulfilment,
    Level,
    LevelBenefit,
    Membership,
    MembershipGrant,
    MembershipPerson,
    MembershipPolicy,
    NewsletterExport,
    NewsletterNews,
    NewsletterSubscription,
    NewsletterSuppression,
)
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, Organization, OutgoingEmail, StoredFile, User
from tests import builders

# In minor units: a sum that stands nowhere by chance.
SUM = 777_719
DAY = date(2026, 11, 20)


def rows() -> dict[str, Any]:
    """By "app_model": a row's primary key; of tables that a page's address names."""
    clerk = builders.staff("Staff", email="clerk@example.org")
    builders.campaign()
    gift = builders.receipted_gift(
        amount_minor=SUM, plan=_plan(), address_line1="12 Ropewalk Lane", city="Port Haven", postal_code="04001"
    )
    donor = gift.donor
    assert donor is not None
    # Before anything waits for its receipt: this one numbers all that do.
    gone = builders.receipted_gift(amount_minor=SUM, donor_email="gone@example.org").paper
    void.void(gone.its_gift.pk, reason="other", actor="task")
    builders.booked_gift(amount_minor=SUM, donor_email="due@example.org")
    check = _check(donor, clerk)
    waiting = builders.pending_gift(amount_minor=SUM, kind=Gift.Kind.PHONE, donor_name="Carla Caller")
    PaymentLink.objects.create(
        gift=waiting, key="call:1", asked_by="task", expires_at=clock.now() + timedelta(days=7), letters=1
    )
    made: list[models.Model] = [
        *(gift, donor, gift.paper, gift.receipt_due if hasattr(gift, "receipt_due") else _due(), check),
        *_promised(donor, gift),
        *_came_with(check),
        *_on_paper(gift.paper),
        *_went_back(gift, clerk),
        _batch(donor, clerk),
        _reversal(donor, clerk),
        PhoneCall.objects.create(
            gift=waiting, taken_by=clerk, paid_by=PhoneCall.PaidBy.CARD, consent_text="May I?", consent_version="1"
        ),
        _merge(donor, clerk),
        Tag.objects.create(name="Book club"),
        _imported(check, donor, clerk),
        *_stated(donor, gift.paper),
        _exported(clerk),
        *_members(clerk),
        *_floor(clerk),
        *_books(clerk),
        *_newsletter(clerk),
    ]
    # The first of a table is the one that its pages are tried with.
    found: dict[str, Any] = {}
    for row in [*reversed(made), gift]:
        found[f"{row._meta.app_label}_{row._meta.model_name}"] = row.pk
    found |= {
        f"{model._meta.app_label}_{model._meta.model_name}": model._default_manager.order_by("pk").values_list(
            "pk", flat=True
        )[0]
        for model in (
            Account,
            Policy,
            LedgerEntry,
            ReceiptDue,
            AuditEntry,
            BatchRow,
            PromisePart,
            PromisePayment,
            SafeHarbor,
            Organization,
            ContentType,
        )
    }
    found |= {"donations_campaign": gift.campaign_id, "donations_fund": gift.fund_id, "donations_plan": gift.plan_id}
    found |= _renewals(gift)
    nameless = builders.donor(name="Unknown", email=None, kind=Donor.Kind.UNKNOWN)
    found["nameless_gift"] = builders.settled_gift(amount_minor=SUM, donor=nameless).pk
    found["returned_gift"] = Reversal.objects.values_list("gift_id", flat=True)[0]
    found["unpapered_gift"] = check.pk
    found["closed_batch"] = Batch.objects.get(status=Batch.Status.CLOSED).pk
    copy = ReceiptCopy.objects.create(receipt=gift.paper, file=gift.paper.pdf.file, made_by="task")
    found |= {"void_receipt": gone.pk, "receipt_copy": copy.pk}
    found |= {"phone_gift": waiting.pk, "other_donor": Donor.objects.get(name="Luis Silva").pk}
    return found


def _plan() -> Any:
    return builders.starting_plan(amount_minor=SUM)


def _due() -> Any:
    return Gift.objects.get(donor_email="due@example.org").receipt_due


def _check(donor: Donor, clerk: User) -> Gift:
    check = builders.settled_gift(
        donor=donor, kind=Gift.Kind.CHECK, amount_minor=SUM, card_brand="", card_last4="", gift_on=DAY
    )
    GiftDetail.objects.create(gift=check, check_number="1042", received_on=DAY, payer_name="Ana Silva")
    SoftCredit.objects.create(gift=check, donor=_spouse(), role=SoftCredit.Role.SPOUSE)
    return check


def _spouse() -> Donor:
    return Donor.objects.filter(name="Luis Silva").first() or builders.donor(name="Luis Silva")


def _came_with(check: Gift) -> list[models.Model]:
    worth: dict[str, Any] = {"description": "a chart of the harbor", "value_minor": SUM, "cost_minor": SUM}
    benefit = Benefit.objects.create(name="Chart", campaign=check.campaign, from_minor=SUM, **worth)
    came = GiftBenefit.objects.create(gift=check, benefit=benefit, added_by="task", **worth)
    text = StatementText.objects.create(code="S0", version=2, text="{organization} gave nothing.", written_by="task")
    return [benefit, came, text]


def _promised(donor: Donor, gift: Gift) -> list[models.Model]:
    promise = Promise.objects.create(
        kind=Promise.Kind.PLEDGE, donor=donor, fund=builders.fund(), promised_on=DAY, created_by="task"
    )
    part, _ = [PromisePart.objects.create(promise=promise, due_on=DAY, amount_minor=SUM) for _ in range(2)]
    paid = PromisePayment.objects.create(part=part, gift=gift, actor="task")
    return [promise, part, paid, Employer.objects.create(name="Harbor Hardware, LLC")]


def _on_paper(receipt: Receipt) -> list[models.Model]:
    run = PrintRun.objects.create(file=StoredFile.keep(b"%PDF-1.7 run", "application/pdf"), made_by="task")
    return [run, PrintedReceipt.objects.create(run=run, receipt=receipt, page=1)]


def _went_back(gift: Gift, clerk: User) -> list[models.Model]:
    waiting = Refund.objects.create(
        gift=gift, amount_minor=SUM, state="waiting", requested_by=clerk, payment_id=gift.payment_intent_id or ""
    )
    asked = Dispute.objects.create(
        stripe_dispute_id="du_1",
        charge_id="ch_1",
        gift=gift,
        amount_minor=SUM,
        currency="usd",
        reason="general",
        status="warning_needs_response",
        evidence_due_at=clock.now() + timedelta(days=5),
        opened_at=clock.now(),
    )
    return [waiting, asked]


def _batch(donor: Donor, clerk: User) -> Batch:
    batch = Batch.objects.create(
        expected_count=2, expected_total_minor=SUM, deposit_on=DAY, fund=builders.fund(), opened_by=clerk
    )
    BatchRow.objects.create(
        batch=batch,
        position=1,
        attempt=uuid4(),
        donor=donor,
        amount_minor=SUM,
        entered_by=clerk,
        check_number="7",
        received_on=DAY,
    )
    Batch.objects.create(
        status=Batch.Status.CLOSED,
        expected_count=0,
        expected_total_minor=SUM,
        deposit_on=DAY,
        fund=builders.fund(),
        opened_by=clerk,
        closed_by=clerk,
        closed_at=clock.now(),
    )
    return batch


def _reversal(donor: Donor, clerk: User) -> models.Model:
    returned = _check(donor, clerk)
    LedgerEntry.objects.create(
        source="test:returned",
        kind=LedgerEntry.Kind.GIFT,
        gift=returned,
        donor=donor,
        fund=returned.fund,
        amount_minor=SUM,
        currency="usd",
        happened_at=clock.now(),
        booked_on=DAY,
    )
    return reversals.reverse(returned.pk, reason="bounced", noticed_on=DAY, actor=audit.staff(clerk))


def _stated(donor: Donor, receipt: Receipt) -> list[models.Model]:
    codes = [*statement_people.PEOPLE, *statement_people.GIFTS]
    counts = {"sums": [["cash", "usd", SUM, SUM]], "troubles": [], **dict.fromkeys(codes, 1)}
    run = StatementRun.objects.create(
        year=DAY.year - 1, not_before=DAY, state=StatementRun.State.COUNTED, counts=counts, made_by="task"
    )
    due = StatementDue.objects.create(donor=donor, year=DAY.year - 1, trouble="A receipt is not made yet.")
    return [run, due, RenderTrouble.objects.create(receipt=receipt, reason="The template is broken.")]


def _merge(donor: Donor, clerk: User) -> DonorMerge:
    return merging.merge(donor.pk, builders.donor(name="Anna Silva").pk, user=clerk)


def _imported(check: Gift, donor: Donor, clerk: User) -> GiftImport:
    file = StoredFile.keep(b"Name,Amount\n", "text/csv")
    brought = GiftImport.objects.create(
        source="paypal", file_name="gifts.csv", file=file, fund=builders.fund(), uploaded_by=clerk, state="applied"
    )
    GiftOrigin.objects.create(gift=check, gift_import=brought, source="paypal", external_id="9XY", line=2)
    FormerId.objects.create(donor=donor, source="paypal", value="P-7")
    return brought


def _exported(clerk: User) -> Export:
    sums = [{"currency": "USD", "rows": 1, "gross": f"{SUM / 100:.2f}"}]
    export = Export.objects.create(
        profile=Export.Profile.BOARD, state="done", rows=1, made_by=audit.staff(clerk), control={"sums": sums}
    )
    ExportPart.objects.create(export=export, position=0, content=gzip.compress(b"month"))
    ExportDownload.objects.create(export=export, user=clerk)
    return export


def _members(clerk: User) -> list[models.Model]:
    donor = builders.donor()
    # What a level costs is no secret: it stands on public pages.
    level = Level.objects.create(name="a Friend", from_minor=60_00)
    bag = Benefit.objects.create(name="Bag", description="a bag", value_minor=SUM, cost_minor=SUM)
    with_level = LevelBenefit.objects.create(level=level, benefit=bag)
    grant = {"kind": "life", "level": level, "starts_on": DAY, "why": "so", "made_by": audit.staff(clerk)}
    return [
        level,
        with_level,
        MembershipPolicy.objects.get_or_create(pk=1)[0],
        Membership.objects.create(donor=donor, state="current", level=level, joined_on=DAY),
        MembershipGrant.objects.create(donor=donor, **grant),
        MembershipPerson.objects.create(donor=donor, name="Luis", added_by=audit.staff(clerk)),
        Fulfilment.objects.create(donor=donor, level_benefit=with_level, due_on=DAY),
        ErasureRequest.objects.create(donor=donor),
        EmailChange.objects.create(
            user=clerk, kind="further", old_email=clerk.email, new_email="theirs@example.org", state="for_staff"
        ),
    ]


def _floor(clerk: User) -> list[models.Model]:
    way, _ = Way.objects.get_or_create(kind=Way.Kind.OTHER, defaults={"title": "Other", "position": 9})
    StripeEvent.objects.create(
        event_id="evt_1", type="charge.updated", is_live=False, happened_at=clock.now(), body={"amount": SUM}
    )
    return [
        StripeEvent.objects.get(event_id="evt_1"),
        way,
        AccountDetail.objects.create(way=way, label="Routing number", value="021000021"),
        NewsletterSubscription.objects.create(email="n@example.org", source="giving page", consent_at=clock.now()),
        OutgoingEmail.objects.order_by("pk")[0],
        clerk,
        Group.objects.get(name="Staff"),
        Authenticator.objects.create(user=clerk, type=Authenticator.Type.TOTP, data={"secret": "x"}),
    ]


def _newsletter(clerk: User) -> list[models.Model]:
    news = {"email": "n@example.org", "purpose": "newsletter", "what": "left", "happened_at": clock.now()}
    return [
        ConsentEntry.objects.create(pseudonym="0" * 64, what="asked", source="giving page", actor="visitor"),
        NewsletterExport.objects.create(purpose="newsletter", rows=1, sha256="0" * 64, made_by=clerk),
        NewsletterNews.objects.create(entry_id=1, status="given up", **news),
        NewsletterSuppression.objects.create(email="n@example.org", reason="bounce", code="5.1.1"),
    ]


def _books(clerk: User) -> list[models.Model]:
    account = BankAccount.objects.create(name="Harbor Checking", number_end="4321")
    file = StoredFile.keep(b"Date,Description,Amount\n11/20/2026,Deposit,1.00\n", "text/plain; charset=utf-8")
    statement = BankImport.objects.create(account=account, file=file, name="a.csv", format="csv", made_by=clerk)
    payout = Payout.objects.create(
        stripe_payout_id="po_1", amount_minor=SUM, currency="usd", status="paid", created_at=clock.now(), arrival_on=DAY
    )
    movement = BalanceTransaction.objects.create(
        stripe_id="txn_1",
        source_id="ch_1",
        type="charge",
        reporting_category="charge",
        amount_minor=SUM,
        fee_minor=0,
        net_minor=SUM,
        currency="usd",
        created_at=clock.now(),
        created_on=DAY,
        available_on=DAY,
    )
    brought = BankImport.objects.create(
        account=account, file=file, name="b.csv", format="csv", made_by=clerk, applied_at=clock.now()
    )
    line = BankLine.objects.create(
        account=account, bank_import=brought, line_id="1", posted_on=DAY, amount_minor=SUM, currency="usd"
    )
    difference = Difference.objects.create(
        kind="bank_line_unknown", key=f"bank-line:{line.pk}", about="a line", theirs_minor=SUM, day=DAY
    )
    # Long ago, so that it closes nothing that other rows are booked in.
    month = Month.objects.create(
        starts_on=date(2020, 1, 1), state=Month.State.CLOSED, closed_by=clerk, closed_at=clock.now()
    )
    return [account, statement, payout, movement, line, difference, month]


def _renewals(gift: Gift) -> dict[str, Any]:
    """A date of the gift's plan, a day of charging that has stopped, the switch, and a plan managed at Stripe."""
    assert gift.plan is not None
    one = Installment.objects.create(plan=gift.plan, due_on=clock.today(), amount_minor=SUM, currency="usd")
    day = ChargeDay.objects.create(on=clock.today(), claimed=1, stopped_why="to look at", stopped_at=clock.now())
    return {
        "donations_installment": one.pk,
        "donations_chargeday": day.pk,
        "donations_renewals": Renewals.objects.create(pk=1).pk,
        "plan_at_stripe": builders.plan(provider="stripe", stripe_subscription_id="sub_1", amount_minor=SUM).pk,
    }
