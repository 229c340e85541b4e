"""`manage.py generate` adds invented supporters and gifts by the million, for measuring."""

import time
from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from donations.seed import scale
from nonprofit import clock


class Command(BaseCommand):
    help = "Add invented supporters and gifts by the million, for measuring. The same seed gives the same rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--donors", type=int, default=300_000, help="how many supporters (300,000)")
        parser.add_argument("--gifts", type=int, default=1_000_000, help="how many gifts (1,000,000)")
        parser.add_argument("--seed", type=int, default=7, help="another number gives other rows (7)")
        parser.add_argument(
            "--until", type=date.fromisoformat, default=None, help="day of the newest gift, like 2026-11-22 (yesterday)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.MODE == "production":
            raise CommandError("MODE=production: invented people and gifts do not belong here.")
        began = time.monotonic()
        until = options["until"] or clock.today() - timedelta(days=1)
        size = scale.Size(options["donors"], options["gifts"], options["seed"], until)
        try:
            scale.generate(size, self._say)
        except scale.CannotGenerate as trouble:
            raise CommandError(str(trouble)) from trouble
        self._say(f"done in {time.monotonic() - began:.1f} s")

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()
