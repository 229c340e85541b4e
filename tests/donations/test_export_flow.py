"""The life of an export: asked once or twice, made once, taken up after a kill, the same bytes again, past its day."""

import hashlib
import json
import threading
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from donations.books.exports import control, flow, parts
from donations.books.exports.filters import CannotExport, Filters
from donations.models import Export, ExportDownload, ExportPart, LedgerEntry, Month
from donations.receipts import void
from nonprofit import clock
from nonprofit.models import AuditEntry
from tests import builders
from tests.donations import exported
from tests.donations.exported import JANUARY, content, made, rows
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Profile, State = Export.Profile, Export.State
ATTEMPT = "5e9b7f86-7a66-4d2c-9d3e-0d1d6a3c1f00"


def test_the_control_file_says_what_the_file_is() -> None:
    exported.books()
    export = made(Profile.LEDGER, **JANUARY)
    file, said = content(export), json.loads(control.as_file(export))
    assert hashlib.sha256(file).hexdigest() == said["sha256"] == export.sha256
    assert len(file) == said["bytes"] == export.size
    assert said["rows"] == export.rows == len(rows(export))
    assert (said["schema"], said["time_zone"]) == ("ledger-1.0", "America/New_York")
    assert said["filter"] == {"basis": "booked", "first": "2026-01-01", "last": "2026-01-31"}
    assert [one["currency"] for one in said["sums"]] == ["JPY", "USD"]


def test_the_same_bytes_at_every_download_and_each_is_on_record() -> None:
    exported.books()
    export, user = made(Profile.LEDGER, "spreadsheet"), builders.staff("Finance")
    exported.card(777, date(2026, 1, 3))
    first, second = (b"".join(parts.sent(flow.download(export.pk, by=user))) for _ in range(2))
    flow.download(export.pk, by=user, what="control")
    assert first == second
    assert hashlib.sha256(first).hexdigest() == export.sha256
    assert len(first) == export.size
    assert list(ExportDownload.objects.values_list("user", "what")) == [(user.pk, "file")] * 2 + [(user.pk, "control")]
    assert AuditEntry.objects.filter(action="download export", actor=f"staff:{user.pk}").count() == 3


def test_a_large_file_is_in_several_parts() -> None:
    pieces = [bytes([number % 251]) * 1024 * 1024 for number in range(11)]
    export = Export.objects.create(profile=Profile.BOARD, made_by="command")
    with parts.Spool() as spool:
        spool.take(pieces)
        spool.store(export)
    assert export.parts.count() == 3
    assert b"".join(parts.sent(export)) == b"".join(pieces)


def test_asked_twice_and_twice_at_once_is_one_export() -> None:
    wanted = flow.Wanted(Profile.BOARD, attempt=ATTEMPT)  # type: ignore[arg-type]
    assert not at_once(4, lambda _: flow.make(flow.ask(wanted, actor="command").pk))
    assert flow.ask(wanted, actor="command") == Export.objects.get()
    assert AuditEntry.objects.filter(action="ask for export").count() == 1
    assert ExportPart.objects.count() == 1


def test_made_twice_at_once_it_is_made_once() -> None:
    exported.books()
    export = flow.ask(flow.Wanted(Profile.LEDGER), actor="command")
    assert not at_once(3, lambda _: flow.make(export.pk))
    export.refresh_from_db()
    assert export.state == State.DONE
    assert hashlib.sha256(content(export)).hexdigest() == export.sha256


def test_what_a_killed_worker_left_is_made_from_the_start() -> None:
    exported.books()
    export = flow.ask(flow.Wanted(Profile.LEDGER), actor="command")
    dead = Export.objects.filter(pk=export.pk)
    # A worker claimed it, said how far it was, and its connection is gone.
    dead.update(state=State.RUNNING, claimed_at=clock.now() - timedelta(minutes=9), rows=7)
    assert flow.sweep() == [export.pk]
    assert flow.make(export.pk) == State.DONE
    export.refresh_from_db()
    assert export.rows == len(rows(export))
    assert hashlib.sha256(content(export)).hexdigest() == export.sha256
    assert flow.sweep() == []


def test_while_a_worker_holds_it_nobody_else_begins() -> None:
    export = flow.ask(flow.Wanted(Profile.BOARD), actor="command")
    seen, done = threading.Event(), threading.Event()
    told: list[object] = []

    def hold(_: int) -> None:
        with flow._alone(export.pk) as is_mine:
            told.append(is_mine)
            seen.set()
            done.wait(20)

    def other(_: int) -> None:
        seen.wait(20)
        told.append(flow.make(export.pk))
        done.set()

    assert not at_once(2, lambda index: (hold, other)[index](index))
    assert told == [True, State.WAITING]
    assert flow.make(export.pk) == State.DONE


def test_what_nobody_could_make_in_a_day_fails_in_words() -> None:
    export = flow.ask(flow.Wanted(Profile.BOARD), actor="command")
    Export.objects.filter(pk=export.pk).update(asked_at=clock.now() - timedelta(days=2))
    assert flow.sweep() == []
    export.refresh_from_db()
    assert (export.state, "within a day" in export.trouble) == (State.FAILED, True)


def test_a_months_own_file_is_never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    month = Month.objects.create(
        starts_on=date(2026, 1, 1), state="closed", closed_by=builders.staff("Finance"), closed_at=clock.now()
    )
    export = flow.post(month, "staff:1")
    Export.objects.filter(pk=export.pk).update(asked_at=clock.now() - timedelta(days=2))
    with monkeypatch.context() as broken:
        broken.setattr(flow, "_make", lambda _: 1 / 0)
        assert flow.make(export.pk) == State.WAITING
    export.refresh_from_db()
    assert export.trouble.startswith("It could not be made.")
    assert flow.sweep() == [export.pk]
    assert flow.make(export.pk) == State.DONE
    export.refresh_from_db()
    assert (export.state, export.trouble) == (State.DONE, "")


def test_a_link_works_until_its_day() -> None:
    export, user = made(Profile.BOARD), builders.staff("Finance")
    with time_machine.travel(clock.now() + timedelta(days=13), tick=False):
        flow.download(export.pk, by=user)
    with (
        time_machine.travel(clock.now() + timedelta(days=15), tick=False),
        pytest.raises(flow.CannotDownload, match="Ask for it again"),
    ):
        flow.download(export.pk, by=user)
    assert ExportDownload.objects.count() == 1


@pytest.mark.parametrize(
    ("profile", "filters", "reason", "words"),
    [
        (Profile.LEDGER, {"basis": "issued"}, "", "cannot go by the day of issue"),
        (Profile.LEDGER, {"first": date(2026, 2, 1), "last": date(2026, 1, 1)}, "", "after the last one"),
        (Profile.LEDGER, {"kind": "barter"}, "", "no kind of gift 'barter'"),
        (Profile.LEDGER, {"fund": "999"}, "", "no fund with the code"),
        (Profile.LEDGER, {"campaign": "NONE"}, "", "no campaign with the code"),
        (Profile.SCHEDULE_B, JANUARY, " ", "Say what it is needed for"),
        (Profile.SCHEDULE_B, {}, "Form 990", "which year"),
        ("secrets", {}, "", "no export 'secrets'"),
    ],
)
def test_bad_filters_are_refused_in_words(profile: str, filters: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(CannotExport, match=words):
        flow.ask(flow.Wanted(profile, filters=Filters(**filters), reason=reason), actor="command")
    assert not Export.objects.exists()
    assert not AuditEntry.objects.filter(action="ask for export").exists()


def test_filters_by_every_date_kind_fund_and_campaign() -> None:
    made_up = exported.books()

    def gifts(**filters: Any) -> set[str]:
        return {line["gift_id"] for line in rows(made(Profile.LEDGER, **filters))} - {""}

    assert gifts(kind="daf") == {made_up["daf"].public_id}
    assert gifts(fund="210-INV") == {made_up["grant"].public_id}
    assert len(gifts(campaign="YE26")) > 10
    day = date(2026, 1, 8)
    assert gifts(basis="deposit", first=day, last=day) == {made_up["check"].public_id, made_up["bounced"].public_id}
    assert gifts(basis="payout", first=date(2026, 2, 1)) == {made_up["late"].public_id}
    assert gifts(basis="gift", first=date(2026, 1, 30)) == {made_up["late"].public_id}
    assert made_up["tote"].public_id in gifts(basis="booked", first=date(2026, 1, 14), last=date(2026, 1, 14))


# ---- A month's posting file ---------------------------------------------------------------------------------------


def closed(first: date = JANUARY["first"]) -> Month:
    user = builders.staff("Finance")
    return Month.objects.create(starts_on=first, state="closed", closed_by=user, closed_at=clock.now())


def posted(month: Month) -> Export:
    with transaction.atomic():
        export = flow.post(month, "staff:1")
    flow.make(export.pk)
    export.refresh_from_db()
    return export


def test_a_closed_month_is_the_same_file_before_and_after_later_refunds() -> None:
    gift = builders.receipted_gift()
    lines = LedgerEntry.objects.filter(gift=gift)
    month = closed(lines[0].booked_on.replace(day=1))
    before = posted(month)
    # Everything that can come after: a refund with its paper withdrawn, a payout told, a benefit added late.
    after_close = flow._last_day(month.starts_on) + timedelta(days=3)
    exported.line(gift, "refund", -2500, after_close)
    with transaction.atomic():
        void.void(gift.pk, reason="refund", actor="test")
    gift.status, gift.refunded_minor = "refunded", 2500
    gift.save()
    exported.card(990, after_close)
    # Another worker gets to the same posting only now.
    Export.objects.filter(pk=before.pk).update(voided_at=clock.now())
    again = Export.objects.create(
        profile=Profile.LEDGER, filters=before.filters, month=month, made_by="staff:1", asked_at=before.asked_at
    )
    flow.make(again.pk)
    again.refresh_from_db()
    ours, theirs = (content(one).replace(one.public_id.encode(), b"") for one in (before, again))
    assert ours == theirs
    assert before.sha256 == Export.objects.get(pk=before.pk).sha256
    assert hashlib.sha256(content(before)).hexdigest() == before.sha256
    line = next(one for one in rows(again) if one["gift_id"] == gift.public_id)
    assert (line["receipt_status"], line["receipt_number"]) == ("issued", gift.paper.number)


def test_each_posted_line_has_exactly_one_export_and_keeps_its_journal() -> None:
    made_up = exported.books()
    export = posted(closed())
    lines = rows(export)
    assert {line["export_batch_id"] for line in lines} == {export.public_id}
    assert export.expires_at is None
    assert flow.post(export.month, "staff:1") == export  # type: ignore[arg-type]
    # A payout told later moves no line of a posted month into another journal.
    exported.paid_out(made_up["tote"], "po_2", clock.now())
    later = {line["ledger_line_id"]: line for line in rows(made(Profile.LEDGER, **JANUARY))}
    assert {one["ledger_line_id"]: one["journal_no"] for one in lines} == {
        key: one["journal_no"] for key, one in later.items()
    }
    assert {one["payout_id"] for one in later.values()} >= {"po_1", "po_2"}
    assert {one["export_batch_id"] for one in later.values()} == {export.public_id}


# ---- The command ---------------------------------------------------------------------------------------------------


def test_the_command_writes_the_file_and_its_control_file(tmp_path: Path) -> None:
    exported.books()
    told, path = StringIO(), tmp_path / "ledger.csv"
    days = ["--from", "2026-01-01", "--to", "2026-01-31"]
    call_command("export", "ledger", *days, "--output", str(path), stdout=StringIO(), stderr=told)
    said = json.loads((tmp_path / "ledger.csv.control.json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == said["sha256"]
    assert f"{said['rows']:,} rows" in told.getvalue()
    with pytest.raises(CommandError, match="needed for"):
        call_command("export", "schedule_b", *days, stdout=StringIO(), stderr=StringIO())
    call_command(
        *("export", "schedule_b", *days, "--reason", "Form 990", "--format", "xlsx"),
        *("--output", str(tmp_path / "b.xlsx")),
        stdout=StringIO(), stderr=StringIO(),
    )  # fmt: skip
    assert (tmp_path / "b.xlsx").read_bytes().startswith(b"PK")
    assert connection.is_usable()
