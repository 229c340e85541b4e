"""Reading other platforms' files: how they are written, what their columns and cells mean, and what is refused."""

import io
from datetime import date
from typing import Any

import pytest

from donations.desk.imports import mapping, problems, read, values
from donations.models import GiftImport, ImportMapping
from nonprofit.models import StoredFile
from tests.donations import import_files, importing

TODAY = date(2026, 11, 23)
ROWS = [importing.row(Name="Zoë Müller"), importing.row(**{"Donation ID": "D2"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_however_it_is_written(db: None, encoding: str, delimiter: str) -> None:
    table = read.inspect(import_files.small(ROWS, encoding=encoding, delimiter=delimiter), "fundraiseup")
    assert (table.headings, table.rows, table.delimiter) == (list(ROWS[0]), 2, delimiter)
    assert table.samples[0][3] == "Zoë Müller"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04workbook", "Excel workbook"),
        (b"\x89PNG\r\n\x00\x00\xff\xff\x81\x8d", "not a text file"),
        (b"Date,Amount\r\n", "no rows below"),
        (b"Amount\r\n5\r\n", "at least two columns"),
        (b'Date,Amount\r\n2024-01-01,5\r\n2024-01-02,"5\r\n', "Row 3 cannot be read"),
        (b'Date,Amount\r\n2024-01-01,"5" x,6\r\n', "Row 2 cannot be read"),
        (b"a,b\n" + b"1,2\n" * (read.LIMIT // 4), "50 MB is the most"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(db: None, content: bytes, sentence: str) -> None:
    with pytest.raises(read.Unreadable, match=sentence):
        importing.upload(io.BytesIO(content))
    assert GiftImport.objects.count() == StoredFile.objects.count() == 0


@pytest.mark.parametrize("heading", ["Comment", "Card Number", "Some column"])
def test_a_file_with_a_card_number_is_not_kept(db: None, caplog: pytest.LogCaptureFixture, heading: str) -> None:
    rows = [importing.row(**{heading: "nothing"}), importing.row(**{heading: "4242 4242 4242 4242"})]
    with pytest.raises(read.Unreadable, match=f"card number in row 3, “{heading}”"):
        importing.upload(import_files.small(rows))
    assert StoredFile.objects.count() == 0
    assert "4242" not in caplog.text


def test_a_platforms_own_long_numbers_are_no_cards(db: None) -> None:
    rows = [importing.row(**{"Donation ID": "4242424242424242", "Donor Phone": "4000056655665556"})]
    assert importing.upload(import_files.small(rows)).total == 1


def test_the_kept_file_is_the_uploaded_one_to_the_byte(db: None) -> None:
    lines = "".join(f"{n},{n * 7919 % 1000003} Straße {n}\r\n" for n in range(260_000))
    content = ("Date,Amount\r\n" + lines).encode()
    assert len(content) > read.SLICE
    pk = read.keep(io.BytesIO(content))
    kept = StoredFile.objects.get(pk=pk)
    assert bytes(kept.content) == content
    assert kept.size == len(content)
    read_back = list(read.stored_rows(pk, "utf-8-sig", ","))
    assert len(read_back) == 260_001
    assert read_back[-1] == (260_001, lines.splitlines()[-1].split(","))


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(db: None) -> None:
    text = 'Date,Amount,Name,Comment\n2024-01-01,1,A,"two\nlines"\n\n,,,\n2024-01-01,abc,B,\n'
    made = importing.upload(importing.stream(text))
    assert made.total == 2
    assert [line for line, _ in read.stored_rows(made.file_id, made.encoding, made.delimiter)] == [1, 2, 5]


AMOUNTS: list[tuple[str, str, tuple[int, str]]] = [
    ("25", "", (2500, "usd")),
    ("25.5", "", (2550, "usd")),
    ("$1,234.50", "", (123450, "usd")),
    ("1.234,50 €", "", (123450, "eur")),
    ("25,50", "eur", (2550, "eur")),
    ("1,234", "", (123400, "usd")),
    ("1,234,567.00", "", (123456700, "usd")),
    ("1 234,50", "eur", (123450, "eur")),
    ("1'234.50", "chf", (123450, "chf")),
    ("USD 25.00", "", (2500, "usd")),
    ("25.00 USD", "usd", (2500, "usd")),
    ("US$25", "", (2500, "usd")),
    ("$25", "cad", (2500, "cad")),
    ("¥5000", "", (5000, "jpy")),
    ("5000", "jpy", (5000, "jpy")),
]


@pytest.mark.parametrize(("text", "currency", "meant"), AMOUNTS)
def test_amounts_as_people_write_them(text: str, currency: str, meant: tuple[int, str]) -> None:
    assert values.amount(text, currency, "usd") == meant


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("abc", "", "no amount"),
        ("12.34.56", "", "no amount"),
        ("1,23,456", "", "no amount"),
        ("1.234", "", "thousands or decimals"),
        ("-25.00", "", "below zero"),
        ("(25.00)", "", "below zero"),
        ("0.00", "", "zero"),
        ("1.005", "eur", "thousands or decimals"),
        ("25.5", "jpy", "no such small part"),
        ("€25", "usd", "says EUR and the currency column USD"),
        ("25 shells", "", "currency we do not know"),
        ("99999999999999", "", "too large"),
        ("=1+1", "", "no amount"),
    ],
)
def test_amounts_nobody_should_guess(text: str, currency: str, sentence: str) -> None:
    with pytest.raises(values.Fault, match=sentence):
        values.amount(text, currency, "usd")


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024-05-06", "mdy", date(2024, 5, 6)),
        ("2024/5/6", "mdy", date(2024, 5, 6)),
        ("05/06/2024", "mdy", date(2024, 5, 6)),
        ("05/06/2024", "dmy", date(2024, 6, 5)),
        ("6.5.24", "dmy", date(2024, 5, 6)),
        ("05/06/2024 10:22 AM", "mdy", date(2024, 5, 6)),
        ("2024-05-06 10:22:31", "mdy", date(2024, 5, 6)),
        ("2024-05-06 10:22:31 EST", "mdy", date(2024, 5, 6)),
        ("May 6, 2024", "mdy", date(2024, 5, 6)),
        ("6 May 2024", "mdy", date(2024, 5, 6)),
        # Rule 6: half past two in the morning of January 1 in UTC is New Year's Eve in New York.
        ("2025-01-01T02:30:00Z", "mdy", date(2024, 12, 31)),
        ("2025-01-01 02:30:00 UTC", "mdy", date(2024, 12, 31)),
        ("2025-01-01T02:30:00+00:00", "mdy", date(2024, 12, 31)),
    ],
)
def test_days_as_platforms_write_them(text: str, order: str, day: date) -> None:
    assert values.day(text, order, TODAY) == day


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("soon", "no date"),
        ("2024-02-30", "no such day"),
        ("23/11/2024", "other way round"),
        ("2027-01-01", "not come yet"),
        ("1899-01-01", "too long ago"),
        ("45000", "no date"),
    ],
)
def test_days_nobody_should_guess(text: str, sentence: str) -> None:
    with pytest.raises(values.Fault, match=sentence):
        values.day(text, "mdy", TODAY)


EXPORTS: list[tuple[str, list[str], dict[str, str]]] = [
    (
        "actblue",
        [
            "Receipt ID",
            "Date",
            "Amount",
            "Donor First Name",
            "Donor Last Name",
            "Donor Addr1",
            "Donor City",
            "Donor State",
            "Donor ZIP",
            "Donor Country",
            "Donor Email",
            "Donor Phone",
            "Comments",
            "Check Number",
            "Donor ID",
            "Fee",
            "Lineitem ID",
            "Fundraising Page",
        ],
        {
            "external_id": "Lineitem ID",
            "receipt_number": "Receipt ID",
            "first_name": "Donor First Name",
            "postal_code": "Donor ZIP",
            "donor_external_id": "Donor ID",
        },
    ),
    (
        "paypal",
        [
            "Date",
            "Time",
            "TimeZone",
            "Name",
            "Type",
            "Status",
            "Currency",
            "Gross",
            "Fee",
            "Net",
            "From Email Address",
            "To Email Address",
            "Transaction ID",
            "Zip/Postal Code",
            "Country",
        ],
        {
            "amount": "Gross",
            "fee": "Fee",
            "email": "From Email Address",
            "external_id": "Transaction ID",
            "status": "Status",
        },
    ),
    (
        "donorbox",
        [
            "Name",
            "Donor's First Name",
            "Donor's Last Name",
            "Donor Email",
            "Make Donation Anonymous",
            "Campaign",
            "Amount",
            "Currency",
            "Processing Fee",
            "Donated At",
            "Designation",
            "Donation Type",
            "Donor Comment",
        ],
        {
            "first_name": "Donor's First Name",
            "anonymous": "Make Donation Anonymous",
            "date": "Donated At",
            "fund": "Designation",
        },
    ),
    (
        "spreadsheet",
        ["check no", "E-MAIL", "gift date", "amount", "first name", "last name", "Zip"],
        {"check_number": "check no", "email": "E-MAIL", "date": "gift date", "postal_code": "Zip"},
    ),
]


@pytest.mark.parametrize(("source", "headings", "some"), EXPORTS)
def test_a_platforms_columns_are_known(source: str, headings: list[str], some: dict[str, str]) -> None:
    columns = mapping.propose(source, headings)
    assert {code: columns.get(code) for code in some} == some
    assert len(set(columns.values())) == len(columns)
    mapping.check(columns, headings)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"date": "Date", "name": "Name"}, {"amount": "Say which column holds the amount."}),
        ({"date": "Date", "amount": "Amount"}, {"name": "Say which column holds the supporter's name."}),
        (
            {"date": "Date", "amount": "Amount", "name": "Name", "fee": "Amount"},
            {"fee": "“Amount” is chosen for Amount and Platform's fee: one column, one use."},
        ),
        (
            {"date": "Gone", "amount": "Amount", "name": "Name"},
            {"date": "The file has no column “Gone”."},
        ),
    ],
)
def test_columns_that_cannot_work_are_refused(columns: dict[str, str], problem: dict[str, Any]) -> None:
    with pytest.raises(mapping.WrongMapping) as refused:
        mapping.check(columns, ["Date", "Amount", "Name"])
    assert refused.value.problems == problem


def test_the_columns_of_a_source_are_remembered(db: None) -> None:
    rows = [importing.row(Betrag="5", Wann="06/05/2024", Wer="Ana")]
    columns = {"amount": "Betrag", "date": "Wann", "name": "Wer"}
    importing.checked(rows, source="bank-xy", columns=columns, date_order="dmy")
    assert ImportMapping.objects.get(source="bank-xy").columns == columns
    second = importing.upload(import_files.small(rows), source="bank-xy")
    assert {code: second.columns[code] for code in columns} == columns
    assert second.date_order == "dmy"


def test_rule_91_the_problem_list_runs_no_formula(db: None) -> None:
    made = importing.checked([importing.row(Amount="=1+cmd|' /C calc'!A0"), importing.row(Amount="+5", Date="@x")])
    lines = "".join(problems.as_csv(made)).splitlines()
    assert lines[0] == "\ufeffRow,Column,Problem,What it says"
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["'=1+cmd|' /C calc'!A0", "'+5", "'@x"]
