"""`manage.py export PROFILE` writes an export to a file, with its control file beside it."""

import time
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from donations.books.exports import control, flow, parts
from donations.books.exports.filters import BASES, CannotExport, Filters
from donations.models import Export


class Command(BaseCommand):
    help = "Write an export and its control file (….control.json). Progress is told on stderr."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("profile", choices=Export.Profile.values)
        parser.add_argument("--format", choices=Export.Format.values, default=Export.Format.CSV)
        parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--basis", choices=list(BASES), default="", help="the date that --from and --to mean")
        parser.add_argument("--kind", default="", help="of the gift, like check")
        parser.add_argument("--fund", default="", help="its code")
        parser.add_argument("--campaign", default="", help="its code")
        parser.add_argument("--special-rule", action="store_true", help="schedule_b: above 2 %% only")
        parser.add_argument("--reason", default="", help="schedule_b: what it is needed for")
        parser.add_argument("--output", type=Path, metavar="FILE", help="the export's own name in this folder")

    def handle(self, *args: Any, **options: Any) -> None:
        narrowed = {name: options[name] for name in Filters.__slots__}
        wanted = flow.Wanted(options["profile"], options["format"], Filters(**narrowed), options["reason"])
        began = time.monotonic()
        try:
            export = flow.ask(wanted, actor="command")
        except CannotExport as refusal:
            raise CommandError(str(refusal)) from refusal
        self._say(f"{export}: about {export.rows_expected:,} rows to read")
        flow.make(export.pk)
        export.refresh_from_db()
        if export.state != Export.State.DONE:
            raise CommandError(export.trouble or f"{export} is {export.get_state_display()}")
        self._write(export, options["output"] or Path(control.file_name(export)))
        self._say(f"{export.rows:,} rows in {time.monotonic() - began:.1f} s, SHA-256 {export.sha256}")

    def _write(self, export: Export, path: Path) -> None:
        with path.open("wb") as file:
            for piece in parts.sent(export):
                file.write(piece)
        beside = path.with_name(f"{path.name}.control.json")
        beside.write_bytes(control.as_file(export))
        self.stdout.write(f"{path}\n{beside}")

    def _say(self, text: str) -> None:
        self.stderr.write(f"  {text}")
        self.stderr.flush()
