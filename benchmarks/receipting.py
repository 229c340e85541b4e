"""Receipts made and sent by a real Celery worker: in chunks, as we do, against one message for each receipt."""

import statistics
import sys
import time
from dataclasses import dataclass

from celery import Celery

from benchmarks import one_by_one
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, running, site
from sandbox.launch import Child
from sandbox.launch_site import Site


@dataclass(frozen=True)
class Rates:
    """Receipts numbered, rendered, kept and delivered over SMTP per second: medians over interleaved rounds."""

    chunks: float
    single: float


def receipting(*, quick: bool) -> Rates:
    """Due gifts become numbered receipts, stored PDFs and delivered letters, by two worker processes."""
    count, rounds = (200, 1) if quick else (400, 3)
    chunks: list[float] = []
    single: list[float] = []
    with site() as built, running(built.stand_in()):
        newsroom()
        for _ in range(rounds):
            with running(built.worker()):
                _receipt(built, 20, chunked=True)
                chunks.append(_receipt(built, count, chunked=True))
            with running(_stock_worker(built)):
                _receipt(built, 20, chunked=False)
                single.append(_receipt(built, count, chunked=False))
    return Rates(statistics.median(chunks), statistics.median(single))


def _stock_worker(built: Site) -> Child:
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.one_by_one", "worker", "--concurrency", "2"]
    command += ["--queues", one_by_one.QUEUE, "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    return Child(
        "the stock worker",
        command,
        log=built.log_dir / "one_by_one.log",
        ready=lambda child: " ready." in child.since_start(),
        env=built.environment(),
    )


def _receipt(built: Site, count: int, *, chunked: bool) -> float:
    """Receipts per second for `count` gifts that are due."""
    from nonprofit import environment
    from nonprofit.models import OutgoingEmail

    sent = OutgoingEmail.objects.filter(status="sent")
    before = sent.count()
    _make_due(count)
    app = Celery(broker=environment.broker(built.redis_url))
    started = time.perf_counter()
    if chunked:
        app.send_task("donations.tasks.issue_receipts")
    else:
        for _ in range(count):
            app.send_task("benchmarks.one_by_one.receipt", queue=one_by_one.QUEUE)
    while sent.count() < before + count:
        if time.perf_counter() - started > 300:
            raise TimeoutError(f"{sent.count() - before} of {count} receipts were sent")
        time.sleep(0.05)
    took = time.perf_counter() - started
    app.close()
    return count / took


def _make_due(count: int) -> None:
    from donations.models import ReceiptDue
    from tests import builders

    donor = builders.donor()
    ReceiptDue.objects.bulk_create(
        ReceiptDue(gift=builders.settled_gift(donor=donor, donor_email=f"bench{n}@example.org")) for n in range(count)
    )


def _compared(quick: bool) -> list[Result]:
    rates = receipting(quick=quick)
    against = "one message for each receipt, stock Celery"
    return [Result("receipting", "receipts sent per second", rates.chunks, rates.single, against, 1.8)]


BENCHMARKS: dict[str, Benchmark] = {"receipting": _compared}
