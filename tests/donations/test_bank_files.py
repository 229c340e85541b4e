"""Statement files as banks write them, in every coding, with their mistakes."""

from datetime import date

import pytest

from donations.books import bank_files
from donations.books.bank_files import Unreadable

CHASE = """Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #
CREDIT,11/05/2026,"STRIPE           TRANSFER   ST-A1B2C3 CCD",1234.56,ACH_CREDIT,9876.54,
DEBIT,11/04/2026,"MONTHLY SERVICE FEE, BUSINESS",-15.00,FEE_TRANSACTION,8641.98,
DSLIP,11/03/2026,DEPOSIT  ID NUMBER 1042,150.00,DEPOSIT,8656.98,1042
"""
# Bank of America writes a summary above the headings.
AMERICA = """Description,,Summary Amt.
Beginning balance as of 11/01/2026,,"8,506.98"
Total credits,,"1,384.56"

Date,Description,Amount,Running Bal.
11/03/2026,"Counter Credit",150.00,"8,656.98"
11/05/2026,"STRIPE DES:TRANSFER ID:ST-A1B2C3","1,234.56","9,891.54"
"""
TWO_COLUMNS = """Account Number;Post Date;Check;Description;Debit;Credit;Status
"...4321";11/3/2026;;Deposit;;150.00;Posted
"...4321";11/4/2026;;Service fee;15.00;;Posted
"...4321";11/5/2026;;Stripe;;"1,234.56";Posted
"""
OFX_1 = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261201120000<LANGUAGE>ENG
<FI><ORG>B1<FID>10898</FI><INTU.BID>10898</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>021000021<ACCTID>000123454321<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101120000<DTEND>20261130120000
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261105120000[0:GMT]<TRNAMT>1234.56<FITID>202611050001
<NAME>STRIPE<MEMO>TRANSFER &amp; CO</STMTTRN>
<STMTTRN><TRNTYPE>DEP<DTPOSTED>20261103<TRNAMT>150.00<FITID>202611030001<CHECKNUM>1042<NAME>DEPOSIT</STMTTRN>
<STMTTRN><TRNTYPE>FEE<DTPOSTED>20261104<TRNAMT>-15.00<FITID>202611040001<NAME>SERVICE FEE</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>9876.54<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
OFX_2 = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID><STMTRS><CURDEF>USD</CURDEF>
<BANKACCTFROM><BANKID>021000021</BANKID><ACCTID>000123454321</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101</DTSTART><DTEND>20261130</DTEND>
<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20261105</DTPOSTED><TRNAMT>1234.56</TRNAMT><FITID>A-1</FITID>
<NAME>José’s café</NAME><MEMO></MEMO></STMTTRN>
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
WORTH = [(date(2026, 11, 3), 15000), (date(2026, 11, 4), -1500), (date(2026, 11, 5), 123456)]


def read(
    text: str | bytes, name: str = "bank.csv", end: str = "4321", **options: dict[str, str]
) -> bank_files.Statement:
    content = text if isinstance(text, bytes) else text.encode()
    return bank_files.statement(bank_files.opened(content, name), account_end=end, currency="usd", **options)


def worth(statement: bank_files.Statement) -> list[tuple[date, int]]:
    return sorted((line.posted_on, line.amount_minor) for line in statement.lines)


@pytest.mark.parametrize(
    ("text", "name"), [(CHASE, "Chase4321.CSV"), (TWO_COLUMNS, "export.csv"), (OFX_1, "stmt.ofx"), (OFX_1, "web.qfx")]
)
def test_what_banks_write_is_read_alike(text: str, name: str) -> None:
    statement = read(text, name)
    assert worth(statement) == WORTH
    assert statement.problems == []


def test_a_summary_above_the_headings_is_passed_over() -> None:
    assert worth(read(AMERICA)) == [WORTH[0], WORTH[2]]


def test_ofx_says_its_words_and_ids() -> None:
    first, deposit, _ = read(OFX_1, "stmt.ofx").lines
    assert (first.bank_id, first.description) == ("202611050001", "STRIPE · TRANSFER & CO")
    assert deposit.description == "DEPOSIT no. 1042"
    (xml,) = read(OFX_2, "stmt.ofx").lines
    assert (xml.bank_id, xml.amount_minor, xml.description) == ("A-1", 123456, "José’s café")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize(("text", "name"), [(CHASE.replace("FEE", "FÉE"), "a.csv"), (OFX_2, "a.ofx")])
def test_every_coding_is_read_whatever_the_file_says_of_itself(text: str, name: str, encoding: str) -> None:
    statement = read(text.encode(encoding), name)
    assert any("É" in line.description or "é’s" in line.description.replace("José", "é") for line in statement.lines)
    assert statement.problems == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\x93\x00\x01\x02\x03\x04" * 20, "letters"),
        (b"just some words\nand more\n", "headings"),
        (b'Date,Amount\n11/05/2026,"12', "quotation mark"),
        (OFX_1[:900].encode(), "breaks off"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "no statement"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(content)


@pytest.mark.parametrize(("text", "name"), [(OFX_1, "a.ofx"), (OFX_2, "a.ofx"), (TWO_COLUMNS, "a.csv")])
def test_another_accounts_file_is_refused_and_both_are_named(text: str, name: str) -> None:
    with pytest.raises(Unreadable, match=r"4321.*9999"):
        read(text, name, end="9999")


def test_of_several_accounts_in_one_file_ours_is_read() -> None:
    other = OFX_2.replace("000123454321", "77778888").replace("1234.56", "1.00")
    end = "</BANKMSGSRSV1>"
    both = OFX_2.replace(end, other[other.index("<STMTTRNRS>") : other.index(end)] + end)
    assert worth(read(both, "a.ofx")) == [WORTH[2]]
    assert worth(read(both, "a.ofx", end="8888")) == [(date(2026, 11, 5), 100)]
    with pytest.raises(Unreadable, match="several accounts"):
        read(both, "a.ofx", end="")


def test_another_currency_is_refused() -> None:
    with pytest.raises(Unreadable, match="CAD"):
        read(OFX_2.replace("USD", "CAD"), "a.ofx")


def test_a_line_written_twice_is_known_by_its_balance() -> None:
    lines = CHASE.splitlines(keepends=True)
    statement = read("".join([*lines, lines[3]]))
    assert worth(statement) == WORTH
    assert statement.problems == ["Row 5 repeats row 4; it is brought in once."]


def test_two_payments_alike_are_two_where_no_balance_tells() -> None:
    twice = "Date,Description,Amount\n11/03/2026,Deposit,5.00\n11/03/2026,Deposit,5.00\n"
    statement = read(twice)
    assert worth(statement) == [(date(2026, 11, 3), 500)] * 2
    assert statement.problems == ["Rows 2 and 3 say the same; both are brought in, as two payments."]


def test_an_id_given_twice_in_ofx_is_one_line() -> None:
    twice = OFX_1.replace("202611030001", "202611050001")
    statement = read(twice, "a.ofx")
    assert len(statement.lines) == 2
    assert "same id" in statement.problems[0]


def test_rows_that_cannot_be_read_are_told_and_the_others_read() -> None:
    text = (
        "Date,Description,Amount\n31.12.2026,x,5.00\n11/03/2026,y,five\n11/03/2026,z,1.234\n11/03/2026,ok,($1,000.00)\n"
    )
    statement = read(text.replace("($1,000.00)", '"($1,000.00)"'))
    assert worth(statement) == [(date(2026, 11, 3), -100000)]
    assert [problem[:5] for problem in statement.problems] == ["Row 2", "Row 3", "Row 4"]


def test_headings_we_do_not_know_are_asked_for() -> None:
    text = "Fecha,Concepto,Importe\n11/03/2026,Deposit,5.00\n"
    asked = read(text)
    assert (asked.lines, asked.headings) == ([], ["Fecha", "Concepto", "Importe"])
    told = read(text, columns={"date": "Fecha", "description": "Concepto", "amount": "Importe"})
    assert worth(told) == [(date(2026, 11, 3), 500)]


def test_neither_a_card_number_nor_our_account_number_is_kept() -> None:
    card = "4242 4242 4242 4242"
    for text, name in (
        (CHASE.replace("ST-A1B2C3", card), "a.csv"),
        (OFX_1.replace("<NAME>STRIPE", f"<NAME>{card}"), "a.ofx"),
    ):
        kept = bank_files.opened(text.encode(), name).text
        assert "4242 4242" not in kept
        assert "000123454321" not in kept
