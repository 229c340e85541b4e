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
# Sent when an import was taken back, with donor_ids of supporters who were here before it and had gifts of it.
import_undone = Signal()
# Sent by `manage.py seed` when its gifts are told, so that floors above tell their part of the fictional newsroom.
seeded = Signal()
# Sent when a gift turned out to be another supporter's, or of another day, with gift=Gift and was_donor_id.
gift_corrected = Signal()
# Sent when two records became one, and when that was taken back, with kept=Donor and gone=Donor. The merge waits for
# nobody: a listener locks without waiting, too.
donors_merged = Signal()
