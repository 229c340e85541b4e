"""Lists and searches of the desk over 300,000 supporters and 1,000,000 gifts, beside Django's stock admin.

Each page is asked for in this process, with its template, by a signed-in superuser: what differs is the lists alone.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.measuring import say, seconds
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

DONORS, GIFTS, FEW = 300_000, 1_000_000, 3_000
QUICK_DONORS, QUICK_GIFTS = 60_000, 200_000
SEED = 7
Ask = Callable[[], object]


@dataclass(frozen=True)
class Claim:
    """One page of ours against the stock admin's. shown: what must stand on both, as a sign that both are that page."""

    name: str
    ours: str
    stock: str
    goal: float
    shown: str = ""


def lists(quick: bool) -> list[Result]:
    """Pages a second, ours and the stock admin's in turns, and the search as one types over many against few."""
    donors, gifts = (QUICK_DONORS, QUICK_GIFTS) if quick else (DONORS, GIFTS)
    if quick:
        say(f"quick: {donors:,} supporters and {gifts:,} gifts instead of {DONORS:,} and {GIFTS:,}")
    with site() as built:
        newsroom()
        from donations.seed import scale
        from nonprofit import clock

        small = scale.Size(FEW, FEW, SEED + 1, clock.today())
        scale.generate(small, lambda text: None)
        few = _typing()
        began = time.monotonic()
        scale.generate(scale.Size(donors - FEW, gifts - FEW, SEED, clock.today()), say)
        say(f"generated in {time.monotonic() - began:.0f} s")
        many = _typing()
        results = _pages(gifts, rounds=2 if quick else 5)
        del built
    unit = f"searches as one types a second, over {donors:,} supporters"
    for name in few:
        results.append(Result(f"find {name}", unit, many[name], few[name], f"the same over {FEW:,}", 0.33))
    return results


# ---- Pages of lists ----------------------------------------------------------------------------------------------


def _pages(gifts: int, *, rounds: int) -> list[Result]:
    from django.conf import settings

    from benchmarks.stock.admin import TEMPLATES

    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    settings.ROOT_URLCONF = "benchmarks.stock.admin"
    settings.TEMPLATES = [*settings.TEMPLATES, TEMPLATES]
    settings.REQUIRE_STAFF_MFA = False
    settings.ALLOWED_HOSTS = ["testserver"]
    client, results = _signed_in(), []
    for claim in _claims(gifts):
        pages = {"ours": _page(client, claim.ours, claim.shown), "stock": _page(client, claim.stock, claim.shown)}
        took = _in_turns(pages, rounds)
        rates = {who: 1 / seconds for who, seconds in took.items()}
        results.append(
            Result(
                claim.name,
                "pages a second",
                rates["ours"],
                rates["stock"],
                "Django's stock admin, same data",
                claim.goal,
            )
        )
    return results


def _claims(gifts: int) -> Iterator[Claim]:
    """First page, search and a page nine tenths down the list: of gifts and of supporters."""
    from benchmarks.stock.admin import PER_PAGE
    from donations.models import Donor, Gift

    for table, model, order in (("gift", Gift, "-started_at"), ("donor", Donor, "-pk")):
        ours, stock = f"/admin/donations/{table}/", f"/stock/donations/{table}/"
        place = model._default_manager.count() * 9 // 10 // PER_PAGE * PER_PAGE
        # The row our page begins after is the last one of the stock admin's page before.
        row, first = model._default_manager.order_by(order, "-pk")[place - 1 : place + 1]
        newest = model._default_manager.order_by(order, "-pk")[0]
        yield Claim(f"{table}s: first page", ours, stock, 8.0, _link(newest))
        yield Claim(f"{table}s: common name", f"{ours}?q=Garcia", f"{stock}?q=Garcia", 20.0, "Garcia")
        yield Claim(f"{table}s: rare name", f"{ours}?q=Quimby", f"{stock}?q=Quimby", 20.0, "Quimby")
        yield Claim(f"{table}s: nobody", f"{ours}?q=Xyzzyq", f"{stock}?q=Xyzzyq", 20.0)
        yield Claim(
            f"{table}s: deep page", f"{ours}?after={row.pk}", f"{stock}?p={place // PER_PAGE + 1}", 10.0, _link(first)
        )


def _link(row: Any) -> str:
    """How both lists link to the row."""
    return f"/{row._meta.model_name}/{row.pk}/change/"


def _signed_in() -> Any:
    from django.test import Client

    from nonprofit.models import User

    user = User.objects.create_user("bench@example.org", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _page(client: Any, address: str, shown: str) -> Ask:
    def ask() -> object:
        answer = client.get(address)
        if answer.status_code != 200:
            raise ValueError(f"{address} answered {answer.status_code}")
        if shown not in answer.content.decode():
            raise ValueError(f"{address} does not show {shown}")
        return answer

    return ask


def _in_turns(asked: dict[str, Ask], rounds: int) -> dict[str, float]:
    """Seconds each takes, in the middle of its rounds; the first round only warms up."""
    took: dict[str, list[float]] = {who: [] for who in asked}
    for turn in range(rounds + 1):
        for who, ask in asked.items():
            began = time.perf_counter()
            ask()
            if turn:
                took[who].append(time.perf_counter() - began)
    return {who: statistics.median(several) for who, several in took.items()}


# ---- Search as one types -----------------------------------------------------------------------------------------

# As typed, letter by letter, and with a slip.
PREFIXES = ("gar", "garc", "pell", "maria g", "quim", "nad", "johns", "thib")
TYPOS = ("pelletire", "gracia", "jonhson", "qumby", "thibodau", "marria", "rodrigeuz", "castelano")


def _typing() -> dict[str, float]:
    """Searches a second, of what is typed rightly and with a slip."""
    from donations.desk import find

    rates = {}
    for name, texts in (("by prefix", PREFIXES), ("with a typo", TYPOS)):
        if not any([find.find(text) for text in texts]):
            raise ValueError(f"nobody is found {name}")
        rates[name] = 1 / statistics.mean(seconds(partial(find.find, text)) for _ in range(5) for text in texts)
    return rates


BENCHMARKS: dict[str, Benchmark] = {"lists": lists}
