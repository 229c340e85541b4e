"""Stripe's own books as it tells them: every movement of the balance, and the payouts that leave it for the bank."""

from django.db import models

from nonprofit import clock
from nonprofit.money import Money


class Payout(models.Model):
    """Money that Stripe sent to our bank or, below nothing, took from it.

    The bank shows it as one line; its lines tell what is inside.

    Only automatic payouts keep the link to their lines. Stripe, "Payout reconciliation",
    https://docs.stripe.com/payouts/reconciliation (read 2026-11-23).
    """

    stripe_payout_id = models.CharField(max_length=80, unique=True)
    # Signed like Stripe's: positive when it went to the bank.
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=12, help_text="Stripe's word: paid, pending, in_transit, canceled, failed.")
    is_automatic = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    arrival_on = models.DateField(db_index=True)
    # When all its lines were fetched and came to its amount.
    tied_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["-arrival_on", "-pk"]

    def __str__(self) -> str:
        return self.stripe_payout_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class BalanceTransaction(models.Model):
    """One movement of the Stripe balance, stored once as Stripe told it. Only `payout` is filled in later.

    Group by reporting_category, never by type. Stripe, "Reporting categories",
    https://docs.stripe.com/reports/reporting-categories (read 2026-11-23).
    """

    stripe_id = models.CharField(max_length=80, unique=True)
    # What it is of: a charge (ch_), refund (re_), dispute (du_), payout (po_) … A ledger line of the same source, or of
    # this transaction's own id where one source has several, is its counterpart.
    source_id = models.CharField(max_length=80, blank=True, db_index=True)
    type = models.CharField(max_length=60)
    reporting_category = models.CharField(max_length=60)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    # The organisation's date of `created_at`, as the ledger counts days.
    created_on = models.DateField(db_index=True)
    available_on = models.DateField()
    description = models.CharField(max_length=200, blank=True)
    payout = models.ForeignKey(Payout, null=True, blank=True, on_delete=models.PROTECT, related_name="lines")
    stored_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(net_minor=models.F("amount_minor") - models.F("fee_minor")),
                name="balance_transaction_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def net(self) -> Money:
        return Money(self.net_minor, self.currency)


class BalanceSweep(models.Model):
    """Until when Stripe's balance transactions have been read; one row. balance_*: what Stripe said it holds then."""

    swept_until = models.DateTimeField()
    # Pending, available and in transit together, by currency: {"usd": 123400}.
    balance = models.JSONField(default=dict)
    balance_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="balance_sweep_is_one_row")]

    def __str__(self) -> str:
        return f"read until {self.swept_until}"
