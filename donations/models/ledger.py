"""The ledger: everything that happened to money, one signed row each. It only grows."""

from django.db import models

from donations.models.campaign import Fund
from donations.models.donor import Donor
from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money

INCOMING = ["gift", "property", "refund_failed", "dispute_won", "dispute_fee_back"]
OUTGOING = ["fee", "reversal", "property_back", "bank_fee", "refund", "dispute", "dispute_fee", "stripe_fee"]
# A payout below nothing is what Stripe takes from the bank when its balance lacks it.
EITHER_WAY = ["payout", "payout_failed", "adjustment"]


class LedgerEntry(models.Model):
    """One fact about money. Unique (source, kind): the same fact can arrive ten times and is booked once.

    amount_minor is signed, in minor units of `currency`: a gift is positive, a fee negative.
    Triggers refuse UPDATE, DELETE and TRUNCATE; a mistake is put right by another row.
    """

    class Kind(models.TextChoices):
        GIFT = "gift", "gift"
        FEE = "fee", "processor's fee"
        REVERSAL = "reversal", "reversal"
        # What the books carry property at; no part of any cash total, and on no receipt.
        PROPERTY = "property", "property"
        PROPERTY_REVERSAL = "property_back", "property's reversal"
        # An expense of ours, not part of any gift (domain rule 12).
        BANK_FEE = "bank_fee", "bank's fee"
        REFUND = "refund", "refund"
        # A refund that did not arrive and came back to us (domain rule 71).
        REFUND_FAILED = "refund_failed", "failed refund"
        # Taken at once when a dispute opens, given back when it is won; each with its own fee line (domain rule 72).
        DISPUTE = "dispute", "dispute"
        DISPUTE_WON = "dispute_won", "dispute won"
        DISPUTE_FEE = "dispute_fee", "dispute's fee"
        DISPUTE_FEE_BACK = "dispute_fee_back", "dispute's fee returned"
        PAYOUT = "payout", "payout to the bank"
        PAYOUT_FAILED = "payout_failed", "failed payout"
        # What Stripe takes or gives beside any gift: monthly fees, corrections.
        STRIPE_FEE = "stripe_fee", "Stripe's other fees"
        ADJUSTMENT = "adjustment", "adjustment"

    class Account(models.TextChoices):
        """Where the money of a line is."""

        STRIPE = "stripe", "Stripe balance"
        BANK = "bank", "bank, by deposit"
        # Shares, coins, goods: nothing to tie to a bank.
        PROPERTY = "property", "property"
        # Banked by a former platform before we had these books.
        FORMER = "former", "former platform"

    source = models.CharField(max_length=120, help_text="What proves it, like a charge's id.")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    gift = models.ForeignKey(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="ledger_entries")
    donor = models.ForeignKey(Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="ledger_entries")
    # None where the line is of no gift: a payout, Stripe's own fees.
    fund = models.ForeignKey(Fund, null=True, blank=True, on_delete=models.PROTECT)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    account = models.CharField(max_length=10, choices=Account.choices)
    # When it happened (Stripe's or the bank's instant) and the organisation's date it is booked on.
    happened_at = models.DateTimeField()
    booked_on = models.DateField(db_index=True)
    balance_transaction_id = models.CharField(max_length=80, blank=True, db_index=True)
    reporting_category = models.CharField(max_length=40, blank=True)
    recorded_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["source", "kind"], name="ledger_each_fact_once"),
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="ledger_amount_not_zero"),
            models.CheckConstraint(
                condition=models.Q(kind__in=INCOMING, amount_minor__gt=0)
                | models.Q(kind__in=OUTGOING, amount_minor__lt=0)
                | models.Q(kind__in=EITHER_WAY),
                name="ledger_sign_fits_kind",
            ),
        ]
        indexes = [
            # A month's lines, and what an account came to on a day.
            models.Index(fields=["account", "booked_on"], name="ledger_by_account"),
        ]

    def __str__(self) -> str:
        # No amount, as with gifts.
        return f"{self.get_kind_display()} {self.source}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
