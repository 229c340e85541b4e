"""The only two doors upward: what the floors above may follow. Sent inside the transaction that books."""

from django.dispatch import Signal

# Sent by gifts.settle with gift=Gift, once per gift.
gift_settled = Signal()
# Sent when money of a settled gift goes back, with gift=Gift and entry=LedgerEntry.
gift_reversed = Signal()
