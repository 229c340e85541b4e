"""`manage.py seed` fills an empty database with a fictional newsroom, its supporters and three years of gifts."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from donations import signals
from donations.models import Gift
from donations.seed import (
    banking,
    books,
    events,
    history,
    logins,
    mailroom,
    money_back,
    newsroom,
    offers,
    people,
    renewals,
)
from nonprofit import clock
from nonprofit.models import Organization, User

# The same number gives the same people and amounts on every machine; dates count back from today.
CHANCE = 1887


class Command(BaseCommand):
    help = "Fill an empty database with The Harbor Light: fictional people, gifts, receipts and staff. For trials only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=160, help="how many supporters (160; at least 100)")

        parser.add_argument("--cards", action="store_true", help="save test cards at Stripe for plans that run")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.MODE == "production":
            raise CommandError("MODE=production: invented people and gifts do not belong here.")
        if Organization.objects.exists():
            self.stdout.write("Already filled in; nothing changed.")
            return
        if Gift.objects.exists():
            raise CommandError("There are gifts here already; seed needs an empty database.")
        if not 100 <= options["people"] <= 1000:
            raise CommandError("--people takes a number from 100 to 1000.")
        began = time.monotonic()
        self._fill(options["people"])
        if options["cards"]:
            renewals.save_cards(self._say)
        self._say(f"done in {time.monotonic() - began:.1f} s")

    # All or nothing: the ledger's rows could not be taken back.
    @transaction.atomic
    def _fill(self, count: int) -> None:
        chance, now = Random(CHANCE), clock.now()
        who = newsroom.organization()
        funds = newsroom.funds()
        campaigns = newsroom.campaigns(funds[0], funds[2], clock.today())
        newsroom.ways(who)
        offers.catalogue(campaigns[1])
        self._say(f"{who.name}: pages and funds")
        givings = history.tell(people.ana(), people.crowd(count, chance), now, chance)
        kept = books.Books(who, funds, campaigns, chance)
        kept.write(givings, self._say)
        logins.write()
        offers.years(clock.today(), User.objects.get(email="finance@example.org"))
        desk = mailroom.Mailroom(who, funds, campaigns, chance)
        desk.year()
        kept.issue(now - timedelta(days=21), self._say)
        desk.print()
        desk.weeks()
        kept.issue(now - timedelta(days=7), self._say)
        desk.days()
        kept.issue(now, self._say)
        self._say("a year of checks, grants, shares and goods, and what came back")
        money_back.write(now, chance)
        kept.draw()
        banking.write(desk.finance)
        self._say("Stripe's movements and payouts, the bank's statement, and a deposit that nobody knows")
        events.write(now, chance)
        renewals.write(now)
        signals.seeded.send(sender=Organization)
        self._say("sign-ins: ana@example.org and " + ", ".join(email for email, _, _ in logins.STAFF))

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()
