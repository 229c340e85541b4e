"""Imports for tests: rows in, an import of them checked or applied out."""

import io
from typing import Any, BinaryIO

from django.contrib.auth.models import Group

from donations.desk.imports import flow
from donations.models import Fund, GiftImport
from nonprofit.models import User
from tests import builders
from tests.donations import import_files

ACTOR = "staff:1"


def row(**cells: str) -> dict[str, str]:
    """A plain gift; every default is valid."""
    return {
        "Donation ID": "D1",
        "Date": "2024-05-06",
        "Amount": "25.00",
        "Name": "Ana Silva",
        "Email": "ana@example.org",
        "ZIP": "02139",
        **cells,
    }


def finance() -> User:
    found = User.objects.filter(groups=Group.objects.get(name="Finance")).first()
    return found or builders.staff("Finance")


def upload(file: BinaryIO, *, source: str = "fundraiseup", name: str = "gifts.csv") -> GiftImport:
    builders.campaign()
    return flow.upload(file, name=name, source=source, by=finance())


def checked(rows: list[dict[str, str]], *, source: str = "fundraiseup", **choice: Any) -> GiftImport:
    """An import of `rows`, looked at and not applied. choice: fields of flow.Choice."""
    made = upload(import_files.small(rows), source=source)
    chosen = flow.Choice(
        choice.pop("columns", made.columns), choice.pop("fund", Fund.objects.get(code="100-GEN")), **choice
    )
    flow.choose(made.pk, chosen, actor=ACTOR)
    return done(made)


def applied(rows: list[dict[str, str]], *, source: str = "fundraiseup", **wishes: bool) -> GiftImport:
    """An import of `rows`, applied."""
    made = checked(rows, source=source)
    flow.ask_apply(made.pk, actor=ACTOR, **wishes)
    return done(made)


def undone(made: GiftImport) -> GiftImport:
    flow.ask_undo(made.pk, actor=ACTOR)
    return done(made)


def done(made: GiftImport) -> GiftImport:
    """The import after the worker has carried it on."""
    flow.carry_on(made.pk)
    made.refresh_from_db()
    return made


def faults(made: GiftImport) -> list[tuple[int, str, str]]:
    """(row, column, problem) of every faulty row."""
    faulty = made.rows.filter(state="faulty").order_by("line")
    return [(one.line, fault["column"], fault["text"]) for one in faulty for fault in one.faults]


def stream(text: str, encoding: str = "utf-8") -> io.BytesIO:
    return io.BytesIO(text.encode(encoding))
