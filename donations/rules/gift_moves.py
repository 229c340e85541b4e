"""Which state a gift may move to. Success always wins; nothing undoes money that arrived (domain rules 68, 73)."""

MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"processing", "settled", "failed", "expired"}),
    "failed": frozenset({"pending", "processing", "settled", "expired"}),
    # Expired: what was closed at Stripe can not be paid any more, whatever older news said.
    "processing": frozenset({"settled", "failed", "expired"}),
    # The browser came back after we had closed the gift: the money is real.
    "expired": frozenset({"processing", "settled"}),
    # Only by a reversal, a refund or a dispute, each with its own ledger line; the news of them can skip a step.
    "settled": frozenset({"reversed", "refunded", "disputed", "lost"}),
    "reversed": frozenset(),
    # A refund can fail and come back (domain rule 71); the bank can still dispute what was refunded.
    "refunded": frozenset({"settled", "disputed", "lost"}),
    "disputed": frozenset({"settled", "refunded", "lost"}),
    # A dispute can be reopened: an appeal, or Stripe's own change of mind.
    "lost": frozenset({"settled", "refunded", "disputed"}),
}


def may_move(current: str, to: str) -> bool:
    """Whether a gift in state `current` may become `to`. Staying where it is is no move."""
    return to in MOVES[current]
