"""The only doors upward: what the floors above may follow. Sent inside the transaction that books."""

from django.dispatch import Signal

# Sent by gifts.settle with gift=Gift, once per gift.
gift_settled = Signal()
# Sent when money of a settled gift goes back, all or a part of it, with gift=Gift as it stands then (`kept`, `status`)
# and entry=LedgerEntry, None where the books had no line of it.
gift_reversed = Signal()
# Sent when money that had gone back came again, with the same: a refund that failed, a dispute that was won.
gift_restored = Signal()
# Sent once for a whole applied import, with gift_import=GiftImport, and not gift_settled for each of its gifts: they
# are the past of another platform, which wrote to these people then. One query for a listener and not 100,000.
gifts_imported = Signal()
