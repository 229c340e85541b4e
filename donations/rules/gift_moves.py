"""Which state a gift may move to. Success always wins; nothing undoes money that arrived (domain rules 68, 73)."""

MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"processing", "settled", "failed", "expired"}),
    "failed": frozenset({"pending", "processing", "settled", "expired"}),
    "processing": frozenset({"settled", "failed"}),
    # The browser came back after we had closed the gift: the money is real.
    "expired": frozenset({"processing", "settled"}),
    # The bank or Stripe took it back: only by a reversal, with its own ledger line.
    "settled": frozenset({"reversed", "refunded", "disputed"}),
    "reversed": frozenset(),
    # A refund can fail and come back (domain rule 71); the bank can still dispute what was refunded.
    "refunded": frozenset({"settled", "disputed"}),
    "disputed": frozenset({"settled", "refunded", "lost"}),
    # Stripe can reopen a dispute in our favour.
    "lost": frozenset({"settled", "refunded"}),
}


def may_move(current: str, to: str) -> bool:
    """Whether a gift in state `current` may become `to`. Staying where it is is no move."""
    return to in MOVES[current]
