"""Receipts made and sent by a real Celery worker: in chunks, as we do, against one message for each receipt."""

import statistics
import time
from dataclasses import dataclass

import django
import redis
from celery import Celery

from benchmarks.site import running, site
from sandbox.launch_site import Site

CHUNK = 50


@dataclass(frozen=True)
class Rates:
    """Receipts rendered, kept and mailed per second: medians over interleaved rounds."""

    chunks: float
    single: float


def receipting(*, quick: bool) -> Rates:
    """Numbered receipts become stored PDFs and letters delivered over SMTP, by two worker processes."""
    count, rounds = (150, 1) if quick else (400, 3)
    with site() as built:
        django.setup()
        built.manage("seed", "--small")
        with running(built.stand_in()), running(built.worker()):
            _receipt(built, 2 * CHUNK, CHUNK)
            found: dict[int, list[float]] = {CHUNK: [], 1: []}
            for _ in range(rounds):
                for size in (CHUNK, 1):
                    found[size].append(_receipt(built, count, size))
    return Rates(statistics.median(found[CHUNK]), statistics.median(found[1]))


def _receipt(built: Site, count: int, size: int) -> float:
    """Receipts per second for `count` new receipts in messages of `size`."""
    from donations.models import ReceiptPdf
    from nonprofit import environment
    from nonprofit.models import OutgoingEmail

    ids = _numbered(count)
    app = Celery(broker=environment.broker(built.redis_url))
    started = time.perf_counter()
    for start in range(0, count, size):
        app.send_task("donations.tasks.render_receipts", args=[ids[start : start + size]])
    keys = [f"receipt:{pk}" for pk in ids]
    while OutgoingEmail.objects.filter(key__in=keys, status="sent").count() < count:
        if time.perf_counter() - started > 300:
            raise TimeoutError(f"{ReceiptPdf.objects.filter(receipt__in=ids).count()} of {count} receipts were made")
        time.sleep(0.05)
    took = time.perf_counter() - started
    app.close()
    _drain(built)
    return count / took


def _numbered(count: int) -> list[int]:
    """Ids of `count` receipts with numbers and without PDFs."""
    from donations.models import Gift, ReceiptDue
    from donations.receipts import issue
    from tests import builders

    donor = builders.donor()
    ReceiptDue.objects.bulk_create(
        ReceiptDue(gift=builders.settled_gift(donor=donor, donor_email=f"bench{n}@example.org")) for n in range(count)
    )
    assert Gift.objects.settled().count() >= count
    return issue.issue_due(limit=count)


def _drain(built: Site) -> None:
    client = redis.Redis.from_url(built.redis_url)
    while client.llen("celery") or client.hlen("unacked"):
        time.sleep(0.05)
    client.close()
