"""Exports as independent programs read them: the csv module, openpyxl and polars. Types, zeros, signs and dates hold,
no cell is a formula, and the sums a finance person would check come out."""

import csv
import io
import zipfile
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars
import pytest

from donations.books.exports import ledger, register, workbook
from donations.books.exports.columns import Column, Kind
from donations.books.exports.profiles import PROFILES
from donations.models import Export, LedgerEntry
from tests import builders
from tests.donations import exported
from tests.donations.exported import JANUARY, content, made, rows

pytestmark = pytest.mark.django_db(transaction=True)
Profile, Format = Export.Profile, Export.Format
SCHEMA_A = """schema_version ledger_line_id event_type reverses_line_id gift_id gift_kind pledge_id membership_id
plan_code recurring_seq gift_date gift_date_basis gift_tax_year received_date deposit_date gl_date posted_period
org_fiscal_year event_ts donor_id donor_type donor_name donor_state donor_country soft_credit_donor_id hide_publicly
currency gross_amount fx_rate gross_usd processor_fee_usd net_usd donor_covered_fee benefit_fmv benefit_treatment
contribution_portion exchange_portion gl_value_usd receipt_amount property_description fund_code fund_restriction
gl_revenue_account gl_fee_account class_or_program campaign_code appeal_code split_no split_of processor
processor_charge_id balance_txn_id reporting_category payout_id payout_arrival_date deposit_batch_id deposit_slip_no
check_number check_date postmark_date external_ref receipt_number receipt_kind receipt_status not_receiptable_reason
dispute_status export_batch_id journal_no bank_line_ref reconciled_ts entered_by approved_by entered_ts
memo_internal"""
SCHEMA_B = """receipt_number series issue_ts status replaces replaced_by void_ts void_reason receipt_kind donor_id
donor_name_printed address_printed gift_ids gift_tax_year date_printed cash_amount currency property_description
benefits_text benefit_fmv deductible_limit statement_codes safe_harbor_year template_version locale pdf_sha256
issued_by channel delivery_status delivered_ts mail_batch copy_count"""
SIGNS = tuple("=+-@\t\r\n＝＋－＠")
# What people open in a spreadsheet; journals are read by programs alone.
SHEETS = [profile for profile, one in PROFILES.items() if not one.is_for_program]


def test_the_columns_are_the_schemas_to_the_letter() -> None:
    assert ledger.TABLE.heading == SCHEMA_A.split()
    assert register.TABLE.heading == SCHEMA_B.split()


def test_the_ledger_says_what_happened_and_its_sums_hold() -> None:
    made_up = exported.books()
    export = made(Profile.LEDGER, **JANUARY)
    lines = rows(export)
    _invariants(lines)

    of = defaultdict(list)
    for line in lines:
        of[line["gift_id"]].append(line)
    (late,) = of[made_up["late"].public_id]
    assert late["gift_date"] == late["gl_date"] == "2026-01-30"
    assert late["event_ts"] == "2026-01-30T20:30:00-05:00"
    assert [late[f"{name}_usd"] for name in ("gross", "processor_fee", "net")] == ["103.20", "3.20", "100.00"]
    assert (late["donor_covered_fee"], late["payout_id"], late["payout_arrival_date"]) == ("3.20", "po_1", "2026-02-02")
    assert late["journal_no"] == f"J-2026-01-P{made_up['payout'].pk}"

    # The contribution goes back before what was paid for the bag: 80 of contribution, 20 of exchange.
    tote = of[made_up["tote"].public_id]
    assert [one["event_type"] for one in tote] == ["gift", "refund", "refund", "reversal"]
    assert [one["gross_amount"] for one in tote] == ["100.00", "-50.00", "-50.00", "50.00"]
    assert [one["exchange_portion"] for one in tote] == ["20.00", "0.00", "-20.00", "20.00"]
    assert [one["contribution_portion"] for one in tote] == ["80.00", "-50.00", "-30.00", "30.00"]
    assert {one["benefit_treatment"] for one in tote} == {"valued"}
    assert tote[3]["reverses_line_id"] == tote[2]["ledger_line_id"]
    assert tote[1]["reverses_line_id"] == tote[0]["ledger_line_id"]

    disputed = of[made_up["disputed"].public_id]
    assert [(one["event_type"], one["processor_fee_usd"]) for one in disputed] == [
        ("gift", "1.46"),
        ("dispute", "15.00"),
        ("dispute_reversal", "0.00"),
    ]
    # A fee that became known on another day is an event of its own.
    assert [one["event_type"] for one in of[made_up["late_fee"].public_id]] == ["gift", "fee"]
    assert [one["net_usd"] for one in of[made_up["late_fee"].public_id]] == ["50.00", "-1.75"]

    bounced = of[made_up["bounced"].public_id]
    assert [one["event_type"] for one in bounced] == ["gift", "nsf", "fee"]
    assert bounced[0]["deposit_batch_id"] == made_up["batch"].public_id
    assert not bounced[1]["deposit_batch_id"]
    (check,) = of[made_up["check"].public_id]
    assert (check["check_number"], check["external_ref"], check["deposit_slip_no"]) == ("000123", "0042", "0001842")
    assert (check["deposit_date"], check["processor"]) == ("2026-01-08", "bank")

    stock, gone = of[made_up["stock"].public_id], of[made_up["gone"].public_id]
    assert stock[0]["gross_usd"] == "0.00"
    assert (stock[0]["gl_value_usd"], stock[0]["property_description"]) == ("5005.00", "50 ACME")
    assert [one["gl_value_usd"] for one in gone] == ["99.00", "-99.00"]
    assert {one["receipt_amount"] for one in stock + gone} == {""}
    (yen,) = of[made_up["yen"].public_id]
    assert (yen["currency"], yen["gross_amount"], yen["gross_usd"]) == ("JPY", "500", "")
    (daf,) = of[made_up["daf"].public_id]
    assert daf["donor_type"] == "daf_sponsor"
    assert daf["soft_credit_donor_id"] == made_up["people"][0].public_id
    assert of[made_up["grant"].public_id][0]["gl_revenue_account"] == "4020"
    assert {one["memo_internal"] for one in lines} == {""}
    assert sum(Decimal(one["gross_amount"]) for one in lines if one["currency"] == "USD") == Decimal(
        next(one for one in export.control["sums"] if one["currency"] == "USD")["gross"]
    )


def _invariants(lines: list[dict[str, str]]) -> None:
    """What 3.7 says must hold in every export."""
    by_id = {line["ledger_line_id"]: line for line in lines}
    assert len(by_id) == len(lines)
    per_payout: dict[str, Decimal] = defaultdict(Decimal)
    per_batch: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line["gross_usd"]:
            gross, net = Decimal(line["gross_usd"]), Decimal(line["net_usd"])
            assert net == gross - Decimal(line["processor_fee_usd"])
            assert Decimal(line["contribution_portion"]) + Decimal(line["exchange_portion"]) == gross
            if line["event_type"] != "payout":
                per_payout[line["payout_id"]] += net
            per_batch[line["deposit_batch_id"]] += gross
        if line["property_description"]:
            assert line["receipt_amount"] == ""
        assert (line["split_no"], line["split_of"]) == ("1", "1")
        original = by_id.get(line["reverses_line_id"])
        if original and line["event_type"] in ("nsf", "dispute_reversal"):
            assert Decimal(line["gross_usd"]) == -Decimal(original["gross_usd"])
    assert per_payout["po_1"] == Decimal("100.00")
    (deposit,) = (total for batch, total in per_batch.items() if batch)
    assert deposit == Decimal("280.00")


def test_names_that_are_formulas_stay_names_in_a_spreadsheet() -> None:
    exported.books()
    raw = made(Profile.LEDGER, **JANUARY)
    safe = made(Profile.LEDGER, Format.SPREADSHEET, **JANUARY)
    assert content(safe).startswith(b"\xef\xbb\xbf")
    assert not content(raw).startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in content(raw)
    # For programs nothing is changed, not even what is dangerous in a spreadsheet.
    assert set(exported.NASTY) <= {line["donor_name"] for line in rows(raw)}
    assert {"-50.00", "-30.00"} <= {line["gross_amount"] for line in rows(safe)}
    names = {line["donor_name"] for line in rows(safe)}
    assert {"'-x", "'+1 555 010 0142", "'＝1+1", "Ana =cmd|'/c calc'!A0", "gnp.xe", "Łucja Żółć"} <= names
    assert all("'=" in line["memo_internal"] for line in rows(safe) if line["donor_name"].startswith("'=HYPER"))


@pytest.mark.parametrize("profile", SHEETS)
def test_no_cell_of_a_csv_for_spreadsheets_is_a_formula(profile: str) -> None:
    exported.typed()
    columns = PROFILES[profile].table.columns
    numbers = {column.name for column in columns if column.kind in (Kind.MONEY, Kind.COUNT, Kind.NUMBER)}
    # What programs read has it as it was typed, so there is something to guard against.
    raw = [cell for line in rows(_asked(profile, Format.CSV)) for cell in line.values()]
    assert {exported.NASTY[0], "@SUM(A1)", "＝1+1"} <= set(raw)
    safe = rows(_asked(profile, Format.SPREADSHEET))
    assert len(safe) >= len(exported.NASTY)
    for line in safe:
        for name, cell in line.items():
            if name in numbers:
                assert not cell or Decimal(cell) is not None
            else:
                assert not any(part.lstrip(" \u00a0").startswith(SIGNS) for part in cell.split("\n")), (name, cell)
                assert "\u202e" not in cell
    cells = {cell for line in safe for cell in line.values()}
    assert {f"'{exported.NASTY[0]}", "'@SUM(A1)", "'＝1+1", "Ana =cmd|'/c calc'!A0", "Łucja Żółć"} <= cells


@pytest.mark.parametrize("format", [Format.CSV, Format.SPREADSHEET])
@pytest.mark.parametrize("profile", [Profile.SUPPORTERS, Profile.SCHEDULE_B])
def test_postcodes_keep_their_zeros_in_csv(profile: str, format: str) -> None:
    exported.typed()
    export = _asked(profile, format)
    there = [line["zip"] for line in rows(export)]
    assert there.count("02139") >= len(exported.NASTY)
    assert set(there) == {"02139", ""}
    frame = polars.read_csv(io.BytesIO(content(export)), schema_overrides={"zip": polars.String})
    assert [code or "" for code in frame["zip"]] == there


def test_polars_reads_types_zeros_and_signs() -> None:
    exported.books()
    text = {name: polars.String for name in ("check_number", "external_ref", "deposit_slip_no", "donor_name")}
    frame = polars.read_csv(
        io.BytesIO(content(made(Profile.LEDGER, **JANUARY))), try_parse_dates=True, schema_overrides=text
    )
    assert frame.schema["gift_date"] == polars.Date
    assert frame.schema["gl_date"] == polars.Date
    assert isinstance(frame.schema["event_ts"], polars.Datetime)
    assert frame.schema["gross_amount"] == frame.schema["net_usd"] == polars.Float64
    assert frame["gross_amount"].min() == -100.0
    assert "000123" in frame["check_number"].to_list()
    assert frame.filter(polars.col("gift_kind") == "daf_grant")["gross_amount"].to_list() == [6000.0]
    assert frame["gl_date"].max() == date(2026, 1, 31)


@pytest.mark.parametrize("profile", SHEETS)
def test_a_workbook_has_typed_cells_and_no_formula(profile: str) -> None:
    exported.typed()
    file = io.BytesIO(content(_asked(profile, Format.XLSX)))
    for name in zipfile.ZipFile(file).namelist():
        if name.startswith("xl/worksheets"):
            assert b"<f>" not in zipfile.ZipFile(file).read(name)
    heading, *body = openpyxl.load_workbook(file)["Export"].iter_rows()
    kinds = {column.name: column.kind for column in PROFILES[profile].table.columns}
    expected = {Kind.MONEY: "n", Kind.COUNT: "n", Kind.NUMBER: "n", Kind.DATE: "d", Kind.INSTANT: "d", Kind.FLAG: "b"}
    assert [cell.value for cell in heading] == list(kinds)
    assert len(body) >= len(exported.NASTY)
    assert exported.NASTY[0] in {cell.value for row in body for cell in row}
    for row in body:
        for name, cell in zip(kinds, row, strict=True):
            if cell.value is not None:
                assert cell.data_type == expected.get(kinds[name], "s"), (name, cell.value)


def test_a_workbook_keeps_zeros_dates_and_the_clock_of_the_newsroom() -> None:
    exported.books()
    sheet = openpyxl.load_workbook(io.BytesIO(content(made(Profile.LEDGER, Format.XLSX, **JANUARY))))["Export"]
    heading, *body = sheet.iter_rows(values_only=True)
    lines: list[dict[str, Any]] = [dict(zip(heading, row, strict=True)) for row in body]
    assert "000123" in [line["check_number"] for line in lines]
    (late,) = (line for line in lines if line["payout_id"] == "po_1" and line["event_type"] == "gift")
    assert late["event_ts"] == datetime(2026, 1, 30, 20, 30)  # noqa: DTZ001 - a workbook has no zones
    assert late["gift_date"] == datetime(2026, 1, 30)  # noqa: DTZ001
    assert (late["gross_usd"], late["hide_publicly"]) == (103.2, False)
    assert {'=HYPERLINK("http://evil.example","click")', "-x", "gnp.xe"} <= {line["donor_name"] for line in lines}
    supporters = openpyxl.load_workbook(io.BytesIO(content(made(Profile.SUPPORTERS, Format.XLSX))))["Export"]
    heading, *body = supporters.iter_rows(values_only=True)
    assert "02139" in [dict(zip(heading, row, strict=True))["zip"] for row in body]


COLUMNS = (
    Column("text", Kind.TEXT),
    Column("zip", Kind.TEXT),
    Column("day", Kind.DATE),
    Column("at", Kind.INSTANT),
    Column("sum", Kind.MONEY),
    Column("count", Kind.COUNT),
    Column("flag", Kind.FLAG),
)


@pytest.mark.parametrize("write", [workbook.fast, workbook.steady])
def test_both_writers_of_workbooks_write_the_same_cells(write: workbook.Writer, tmp_path: Path) -> None:
    record = {
        **{"text": "=1+1", "zip": "02139", "day": date(2026, 1, 31), "at": datetime(2026, 1, 31, 20, 30)},  # noqa: DTZ001
        **{"sum": -25.0, "count": 3, "flag": True},
    }
    for name, records in (("full", [record, dict.fromkeys(record)]), ("empty", [])):
        write(tmp_path / f"{name}.xlsx", COLUMNS, records)
    full = openpyxl.load_workbook(tmp_path / "full.xlsx")["Export"]
    assert [cell.value for cell in full[1]] == list(record)
    assert [(cell.data_type, cell.number_format) for cell in full[2]] == [
        *(("s", "General"), ("s", "General"), ("d", "yyyy-mm-dd"), ("d", "yyyy-mm-dd hh:mm:ss")),
        *(("n", "0.00"), ("n", "General"), ("b", "General")),
    ]
    assert full[2][0].value == "=1+1"
    assert full[2][4].value == -25
    assert full.freeze_panes == "A2"
    empty = openpyxl.load_workbook(tmp_path / "empty.xlsx")["Export"]
    assert [cell.value for cell in empty[1]] == list(record)


def test_blank_cells_are_empty_and_never_a_quoted_nothing() -> None:
    exported.books()
    for profile, one in PROFILES.items():
        for format in [Format.CSV] if one.is_for_program else [Format.CSV, Format.SPREADSHEET]:
            for row in csv.reader(io.StringIO(content(_asked(profile, format)).decode())):
                assert len(row) == len(one.table.columns)
            assert b',"",' not in content(_asked(profile, format))


def _asked(profile: str, format: str) -> Export:
    """Of everything there is; Schedule B has to be of some days and for a reason."""
    return made(profile, format, reason="audit", **(JANUARY if profile == Profile.SCHEDULE_B else {}))


def test_the_register_says_of_each_paper_what_it_printed() -> None:
    gift = builders.receipted_gift(
        donor_name="Ana\nSilva", address_line1="12 Elm St", city="Boston", postal_code="02139"
    )
    (line,) = rows(made(Profile.RECEIPTS))
    paper = gift.paper
    assert (line["receipt_number"], line["status"], line["receipt_kind"]) == (paper.number, "issued", "tax_cash")
    assert line["address_printed"] == "12 Elm St; Boston 02139"
    assert (line["cash_amount"], line["deductible_limit"], line["gift_ids"]) == ("25.00", "25.00", gift.public_id)
    assert line["pdf_sha256"] == paper.pdf.file.sha256
    assert (line["channel"], line["delivery_status"], line["copy_count"]) == ("email", "queued", "0")
    assert line["donor_name_printed"] == paper.snapshot["donor"]["name"]
    assert line["statement_codes"].startswith("S0;")


def test_supporters_totals_are_the_ledgers_to_the_cent() -> None:
    made_up = exported.books()
    lines = {(line["donor_id"], line["currency"]): line for line in rows(made(Profile.SUPPORTERS, **JANUARY))}
    sponsor = lines[made_up["sponsor"].public_id, "USD"]
    assert (sponsor["cash_total"], sponsor["gifts"], sponsor["year"]) == ("6000.00", "1", "2026")
    given = LedgerEntry.objects.filter(currency="usd").exclude(gift=None)
    kinds = ["gift", "refund", "refund_failed", "dispute", "dispute_won", "reversal"]
    total = sum(given.filter(kind__in=kinds).values_list("amount_minor", flat=True))
    assert sum(Decimal(line["cash_total"]) for key, line in lines.items() if key[1] == "USD") * 100 == total
    ana = lines[made_up["tote"].donor.public_id, "USD"]
    assert (ana["property_gifts"], ana["given_back"]) == ("1", "80.00")


def test_schedule_b_counts_large_gifts_of_legal_donors() -> None:
    made_up = exported.books()
    small = builders.donor(name="Small But Often")
    for _ in range(6):
        exported.card(99_999, date(2026, 1, 6), donor=small)
    nameless = builders.donor(name="Unknown", email=None, kind="unknown")
    exported.offline("cash", 500_000, date(2026, 1, 6), donor=nameless, donor_name="Unknown")
    exported.card(490_000, date(2026, 2, 6), donor=made_up["people"][-1])
    lines = rows(made(Profile.SCHEDULE_B, reason="Form 990 for 2026", **JANUARY))
    assert [(line["name"], line["total_contributions"], line["noncash"]) for line in lines] == [
        ("Fidelity Charitable", "6000.00", "0.00"),
        (made_up["stock"].donor.name, "5005.00", "5005.00"),
        ("Anonymous", "5000.00", "0.00"),
    ]
    assert "50 ACME, 2026-01-08, value 5005.00" in lines[1]["noncash_description"]
    big = builders.donor(name="Estate of A. Silva", kind="estate")
    exported.offline("bequest", 100_000_000, date(2026, 1, 6), donor=big, donor_name=big.name)
    special = rows(made(Profile.SCHEDULE_B, reason="Form 990", special_rule=True, **JANUARY))
    assert [line["name"] for line in special] == ["Estate of A. Silva"]


def test_the_board_reads_no_names() -> None:
    made_up = exported.books()
    text = content(made(Profile.BOARD, **JANUARY)).decode()
    assert not any(person.name.split("\n")[0] in text for person in made_up["people"] if len(person.name) > 3)
    lines = list(csv.DictReader(io.StringIO(text)))
    (grants,) = (line for line in lines if line["gift_kind"] == "foundation_grant")
    assert (grants["fund_code"], grants["gross"], grants["supporters"]) == ("210-INV", "900.00", "1")
