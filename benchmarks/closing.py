"""Closing a batch of 500 checks: all or nothing in one transaction, against one transaction for each row."""

import statistics
import sys
from typing import Any
from uuid import uuid4

from benchmarks.measuring import seconds
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

ROWS = 500


def closing(*, quick: bool) -> tuple[float, float]:
    """Rows booked per second by closing their batch, and one by one through `offline.record`: medians of rounds."""
    ours: list[float] = []
    other: list[float] = []
    with site():
        newsroom()
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from donations.desk import batches
        from tests import builders

        staff = builders.staff("Administrator")
        donors = [builders.donor() for _ in range(ROWS)]
        for number in range(2 if quick else 5):
            batch = _batch(staff, donors)
            took = seconds(lambda pk=batch.pk: batches.close(pk, staff))  # type: ignore[misc]
            ours.append(ROWS / took)
            batch = _batch(staff, donors)
            other.append(ROWS / seconds(lambda batch=batch: _one_by_one(batch)))  # type: ignore[misc]
            if number == 0:
                batch = _batch(staff, donors)
                with CaptureQueriesContext(connection) as seen:
                    batches.close(batch.pk, staff)
                print(f"Closing {ROWS} rows: {took:.2f} s, {len(seen)} statements.", file=sys.stderr, flush=True)
    return statistics.median(ours), statistics.median(other)


def _batch(staff: Any, donors: list[Any]) -> Any:
    """An open batch that balances, with a check of everybody."""
    from donations.desk import batches
    from donations.models import BatchRow
    from nonprofit import clock
    from nonprofit.money import Money
    from tests import builders

    today = clock.today()
    header = batches.Header("checks", len(donors), Money(2_500 * len(donors)), today, builders.fund())
    batch = batches.open(header, staff)
    BatchRow.objects.bulk_create(
        BatchRow(
            batch=batch,
            position=place,
            attempt=uuid4(),
            donor=donor,
            amount_minor=2_500,
            check_number=f"{batch.pk}{place:04d}",
            received_on=today,
            entered_by=staff,
        )
        for place, donor in enumerate(donors, 1)
    )
    return batch


def _one_by_one(batch: Any) -> None:
    """What a plain loop does: each row checked, dated and booked in a transaction of its own."""
    from django.db import transaction

    from donations import offline
    from donations.desk import batches
    from donations.models import BatchRow

    for pk in list(batch.rows.values_list("pk", flat=True)):
        with transaction.atomic():
            row = BatchRow.objects.select_for_update(of=("self",)).select_related("donor", "batch__fund").get(pk=pk)
            row.gift = offline.record(batches.recorded(row), actor="staff:1")
            row.save(update_fields=["gift"])


def _compared(quick: bool) -> list[Result]:
    ours, other = closing(quick=quick)
    return [
        Result("closing", f"rows of a batch of {ROWS} booked per second", ours, other, "a transaction for each", 3.0)
    ]


BENCHMARKS: dict[str, Benchmark] = {"closing": _compared}
