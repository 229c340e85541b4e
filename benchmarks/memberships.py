"""The standing of 300,000 members computed anew, beside one SQL aggregate over the same ledger.

The aggregate only adds up: it knows no level, no renewal and no grace, and writes nothing. It is the least that any
answer from the ledger costs, so the ratio says what the rules, the sentences and the rows cost on top.
"""

from benchmarks.measuring import memory, say, seconds
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

DONORS, GIFTS = 300_000, 1_000_000
QUICK_DONORS, QUICK_GIFTS = 30_000, 100_000
SEED = 7
# Measured at both sizes on two shared cores; the second pass is the usual one, in which nothing has changed.
GOAL_FIRST, GOAL_AGAIN = 0.004, 0.01
AGGREGATE = """
SELECT g.donor_id, sum(l.amount_minor), max(g.gift_on), count(*)
FROM donations_ledgerentry l JOIN donations_gift g ON g.id = l.gift_id
WHERE l.kind IN ('gift', 'reversal', 'refund', 'refund_failed', 'dispute', 'dispute_won') GROUP BY g.donor_id
"""


def standing(quick: bool) -> list[Result]:
    """Supporters a second: everybody's first membership, and everybody's again when nothing has changed."""
    donors, gifts = (QUICK_DONORS, QUICK_GIFTS) if quick else (DONORS, GIFTS)
    if quick:
        say(f"quick: {donors:,} supporters and {gifts:,} gifts instead of {DONORS:,} and {GIFTS:,}")
    with site() as built:
        newsroom()
        from donations.seed import scale
        from members import memberships
        from members.models import Level
        from nonprofit import clock

        scale.generate(scale.Size(donors, gifts, SEED, clock.today()), say)
        Level.objects.create(name="a Friend", from_minor=60_00, position=1)
        Level.objects.create(name="a Patron", from_minor=240_00, position=2)
        Level.objects.create(name="in the Circle", from_minor=1000_00, position=3, kind=Level.Kind.CUMULATIVE)
        plain = min(seconds(_aggregate) for _ in range(3))
        before = memory()
        first, again = seconds(memberships.recompute_all), seconds(memberships.recompute_all)
        say(f"first {first:.1f} s, again {again:.1f} s, aggregate {plain:.2f} s; memory grew by {memory() - before} MB")
        del built
    unit = f"supporters a second, {donors:,} of them"
    against = "one SQL aggregate over the same ledger"
    return [
        Result("standing: everybody anew", unit, donors / first, donors / plain, against, GOAL_FIRST),
        Result("standing: nothing changed", unit, donors / again, donors / plain, against, GOAL_AGAIN),
    ]


def _aggregate() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(AGGREGATE)
        while cursor.fetchmany(10_000):
            pass


BENCHMARKS: dict[str, Benchmark] = {"standing": standing}
