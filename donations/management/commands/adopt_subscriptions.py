"""`manage.py adopt_subscriptions` shows the subscriptions at Stripe; `--bring-in` and `--take-over` act on them."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from donations import gateway
from donations.recurring import adopting
from donations.recurring.plans import Agreed, CannotChange

ACTOR = "command"


class Command(BaseCommand):
    help = "List the subscriptions that another system has made at Stripe (a dry run); bring them in; take them over."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bring-in", action="store_true", help='show them here as "managed at Stripe"')
        parser.add_argument("--take-over", action="store_true", help="let them run out, and charge on from that day")
        parser.add_argument("subscriptions", nargs="*", help="only these ids (sub_…); all without any")

    def handle(self, *args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()
        wanted = set(options["subscriptions"])
        try:
            for found in adopting.listed():
                if wanted and found.subscription.id not in wanted:
                    continue
                counts[self._one(found, options["bring_in"], options["take_over"])] += 1
        except gateway.GatewayError as error:
            raise CommandError(f"Stripe did not answer ({error}); run it again, nothing is done twice.") from error
        self.stdout.write(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none found")

    def _one(self, found: adopting.Found, bring_in: bool, take_over: bool) -> str:
        subscription = found.subscription
        whose = found.donor.public_id if found.donor else "new supporter"
        until = subscription.current_period_end.date()
        line = f"{subscription.id}  {found.amount} {subscription.interval or '?'}  until {until}  {whose}"
        done = "in already" if found.plan else "can come in"
        if found.trouble:
            self.stdout.write(f"{line}  CANNOT: {found.trouble}")
            return "cannot come in"
        plan = found.plan
        try:
            if bring_in and plan is None:
                plan, done = adopting.bring_in(subscription, actor=ACTOR), "brought in"
            if take_over and plan is not None and not plan.is_ours:
                adopting.take_over(plan.pk, by=Agreed(actor=ACTOR))
                done = "taken over"
        except CannotChange as refusal:
            done = f"refused: {refusal}"
        self.stdout.write(f"{line}  {done}")
        return done
