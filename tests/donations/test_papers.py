"""What papers say, to whom they go, and taking them back: each test names its rule."""

import threading
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from benchmarks.receipts import snapshot
from donations.models import Donor, Receipt, ReceiptDue, ReceiptVoid
from donations.receipts import deliver, issue, paper, render, void, wording
from donations.rules import dating, documents, sentences
from nonprofit import clock, mail
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations.test_admin import desk
from tests.donations.test_kinds import ROWS, Row, by_kind, paper_of, recorded

Status = OutgoingEmail.Status
DUE = "/admin/donations/receiptdue/"
DEC, JAN = date(2026, 12, 30), date(2027, 1, 4)


# ---- Dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "facts", "on", "basis"),
    [
        ("1: mailed, the postmark", {"sent_by": "usps", "postmarked_on": DEC, "received_on": JAN}, DEC, "postmark"),
        ("1: no postmark to be read", {"sent_by": "usps", "received_on": JAN}, JAN, "received"),
        ("1: a postmark is U.S. mail", {"sent_by": "", "postmarked_on": DEC, "received_on": JAN}, DEC, "postmark"),
        ("4: courier", {"sent_by": "courier", "postmarked_on": DEC, "received_on": JAN}, JAN, "received"),
        ("4: by hand", {"sent_by": "hand", "received_on": JAN}, JAN, "received"),
        ("postdated", {"sent_by": "usps", "postmarked_on": DEC, "received_on": DEC, "check_on": JAN}, JAN, "check"),
        ("written early", {"sent_by": "usps", "postmarked_on": JAN, "received_on": JAN, "check_on": DEC}, JAN,
         "postmark"),
        ("bill-pay", {"sent_by": "bill_pay", "check_on": DEC, "received_on": JAN}, DEC, "bank"),
        ("bill-pay, statement known", {"sent_by": "bill_pay", "credited_on": DEC, "received_on": JAN}, DEC, "bank"),
        ("bill-pay, nothing known", {"sent_by": "bill_pay", "received_on": JAN}, JAN, "received"),
    ],
)  # fmt: skip
def test_rules_1_to_4_a_check_is_dated_by_its_evidence(rule: str, facts: dict[str, Any], on: date, basis: str) -> None:
    assert dating.propose("check", facts) == dating.GiftDate(on, basis), rule


@pytest.mark.parametrize(
    ("rule", "facts", "on", "basis"),
    [
        ("electronic", {"credited_on": JAN}, JAN, "transfer"),
        ("certificate by mail", {"sent_by": "usps", "postmarked_on": DEC, "received_on": JAN}, DEC, "postmark"),
        ("certificate by mail, credited later",
         {"sent_by": "usps", "postmarked_on": DEC, "received_on": JAN, "credited_on": date(2027, 1, 20)}, DEC,
         "postmark"),
        ("certificate by hand", {"sent_by": "hand", "received_on": JAN}, JAN, "received"),
    ],
)  # fmt: skip
def test_rule_7_shares_count_when_they_arrive_or_the_certificate_is_mailed(
    rule: str, facts: dict[str, Any], on: date, basis: str
) -> None:
    assert dating.propose("stock", facts) == dating.GiftDate(on, basis), rule


def test_payroll_is_dated_on_withholding_when_the_employer_tells() -> None:
    assert dating.propose("payroll", {"credited_on": DEC, "received_on": JAN}) == dating.GiftDate(DEC, "payroll")
    assert dating.propose("payroll", {"received_on": JAN}) == dating.GiftDate(JAN, "received")


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        ("check", {}, "Say the day it was received."),
        ("check", {"sent_by": "bill_pay"}, "Say the day the bank paid, or the day the check came."),
        ("check", {"postmarked_on": JAN, "received_on": DEC}, "The postmark is later than the day it was received"),
        ("wire", {"received_on": JAN}, "Say the day the bank credited it."),
        ("stock", {}, "Say the day the shares reached our account, or how and when the certificate came."),
        ("crypto", {}, "Say the day they reached our account."),
        ("in_kind", {}, "Say the day it was delivered."),
        ("bequest", {}, "Say the day it was distributed to us."),
        ("card", {"received_on": JAN}, "A card gift takes its date from the charge."),
    ],
)
def test_a_missing_date_is_named(kind: str, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(dating.NoDate) as refusal:
        dating.propose(kind, facts)
    assert str(refusal.value).startswith(said)


# ---- Sentences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code", "says", "never"),
    [
        ("38: IRC 170(f)(8)", "S0", "Org provided no goods or services", "$"),
        ("40, 41: IRC 6115", "S1", "worth $30.00. The amount of your contribution that is deductible for U.S. federal "
         "income tax purposes is limited to the excess of your payment over the value of those goods or services: "
         "$120.00 − $30.00 = $90.00.", "fully"),
        ("42: Rev. Proc. 90-12", "S2", "are of insubstantial value under IRS guidelines", "$"),
        ("26, 42: Notice 2017-73", "S2G", "no goods or services but benefits of insubstantial value", "deduct"),
        ("30, 32: Pub. 1771", "S3", "On May 2, 2026, Org received: two desks. We do not assign a value", "$"),
        ("Form 8283", "S3C", "qualified appraisal and our signature on IRS Form 8283", "fully"),
        ("IRC 170(f)(12)", "S3V", "more than $500 for it, you need IRS Form 1098-C", "EIN"),
        ("23, 33: Notice 2017-73", "S4",
         "Because the gift came from Trust, it is not an acknowledgment for tax purposes", "deductible"),
        ("Notice 2006-110", "S4P", "pay stub or Form W-2, together with your pledge card", "deductible"),
        ("Notice 2006-110", "S4R", "not an acknowledgment for tax purposes", "deductible"),
        ("32: Treas. Reg. 1.170A-1(g)", "S4S", "does not count work or the use of space", "EIN"),
        ("IRC 170(f)(12)", "S4V", "Org sends you IRS Form 1098-C within 30 days", "$"),
        ("28: IRC 408(d)(8)", "S5", "We received $9.00 on May 2, 2026 directly from Fidelity, from your IRA.",
         "are deductible"),
        ("IRC 501(c)(3)", "S6", "deductible to the extent allowed by law", "fully"),
        ("donors abroad", "S6A", "ask your own adviser", "extent allowed"),
        ("36: estates", "S7", "not an income-tax receipt for any person", "deductible"),
    ],
)  # fmt: skip
def test_every_sentence_says_what_its_rule_asks(rule: str, code: str, says: str, never: str) -> None:
    facts = {"organization": "Org", "ein": "00-1", "payer": "Trust", "amount": "$9.00", "gift_on": "May 2, 2026",
             "custodian": "Fidelity", "description": "two desks", "payment": "$120.00", "value": "$30.00",
             "excess": "$90.00"}  # fmt: skip
    statement = sentences.OURS.say(code, facts)
    assert (statement.code, statement.version) == (code, "1"), rule
    assert says in statement.text, rule
    assert never not in statement.text, rule
    assert "itemize" not in statement.text
    sentences.check(code, sentences.SENTENCES[code].text)


@pytest.mark.django_db
@ROWS
def test_only_tax_receipts_speak_of_deductions_and_only_they_are_called_receipts(row: Row) -> None:
    receipt = paper_of(recorded(row))
    is_tax = row.paper in documents.TAX
    printed = PdfReader(BytesIO(bytes(receipt.pdf.file.content))).pages[0].extract_text()
    letter = OutgoingEmail.objects.get(key=receipt.mail_key)
    for words in (printed, letter.text, letter.subject + letter.html):
        assert ("Receipt" in words) == is_tax
    assert ("Contributions are deductible" in printed) == is_tax
    assert ("IRS" in letter.text or "tax records" in letter.text or "tax purposes" in letter.text) or not is_tax
    assert letter.attachment_name == f"{'receipt' if is_tax else 'letter'}-{receipt.number}.pdf"
    for statement in receipt.snapshot["statements"]:
        assert statement["text"] in letter.text


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["stock", "crypto", "in_kind"])
def test_rules_30_and_32_a_receipt_for_property_has_no_value_anywhere(kind: str) -> None:
    receipt = paper_of(recorded(by_kind(kind), internal_value_minor=7312345))
    printed = PdfReader(BytesIO(bytes(receipt.pdf.file.content))).pages[0].extract_text()
    letter = OutgoingEmail.objects.get(key=receipt.mail_key)
    for words in (printed, letter.subject, letter.text, letter.html, str(receipt.snapshot)):
        for value in ("7312345", "73,123", "73123", "$0.00"):
            assert value not in words
    assert receipt.snapshot["gift"]["amount"] == ""
    said = printed.replace("more than $5,000", "")
    assert "$" not in said


@pytest.mark.parametrize("words", ["Laptop worth $900", "Desk, 400 dollars", "A painting (€ 3.000)", "Chairs 20 USD"])
def test_rule_32_a_description_that_names_a_value_waits(words: str) -> None:
    assert documents.names_value(words)
    with pytest.raises(documents.NoRule, match="names a value"):
        documents.for_gift(documents.Given(kind="in_kind", organization="Org", ein="00", description=words))
    assert not documents.names_value("12 reams of paper, 80 g, and a 4K monitor")


@given(st.decimals(min_value=Decimal("0.000000000000000001"), max_value=Decimal(10**9), places=18))
def test_a_number_of_shares_is_printed_whole_and_without_idle_zeros(quantity: Decimal) -> None:
    words = wording.amount_of(quantity)
    assert Decimal(words.replace(",", "")) == quantity
    assert "." not in words or not words.endswith(("0", "."))


@pytest.mark.django_db
def test_rule_2_around_a_years_end_a_check_says_facts_and_no_date_of_gift() -> None:
    facts: dict[str, Any] = {
        "sent_by": "usps",
        "check_on": date(2025, 12, 30),
        "postmarked_on": date(2026, 1, 2),
    }
    receipt = paper_of(recorded(by_kind("check"), **facts, received_on=date(2026, 1, 5)))
    rows = dict(receipt.snapshot["rows"])
    assert "Date of gift" not in rows
    assert [rows[name] for name in ("Dated", "Postmarked", "Received")] == [
        "December 30, 2025", "January 2, 2026", "January 5, 2026",
    ]  # fmt: skip


@pytest.mark.django_db
def test_rule_15_the_payer_is_printed_where_it_is_not_the_donor() -> None:
    rows = dict(paper_of(recorded(by_kind("check"), payer_name="Novak Living Trust")).snapshot["rows"])
    assert (rows["Check drawn by"], rows["Given by"]) == ("Novak Living Trust", "Alice Novak")
    again = dict(paper_of(recorded(by_kind("check"), email=None, payer_name="ALICE NOVAK")).snapshot["rows"])
    assert "Check drawn by" not in again


@pytest.mark.django_db
def test_rule_52_a_household_is_addressed_as_it_wrote_and_the_legal_name_stays() -> None:
    couple = builders.donor(
        kind=Donor.Kind.HOUSEHOLD, name="Ana Ortega and Luis Ortega", addressee="Ana and Luis Ortega",
        salutation="Dear Ana and Luis", address_line1="1 Elm St", city="Salem",
    )  # fmt: skip
    facts = paper_of(recorded(by_kind("check"), donor=couple)).snapshot
    assert facts["recipient"]["name"] == "Ana and Luis Ortega"
    assert facts["salutation"] == "Dear Ana and Luis,"
    assert dict(facts["rows"])["Given by"] == "Ana Ortega and Luis Ortega"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "greeting"),
    [("company", "Dear friends at Novak,"), ("estate", "Dear Executor or Trustee,"), ("individual", "Dear Novak,")],
)
def test_organizations_are_greeted_as_such(kind: str, greeting: str) -> None:
    assert paper_of(recorded(by_kind("check"), donor=builders.donor(kind=kind, name="Novak"))).snapshot[
        "salutation"
    ] == (greeting)


@pytest.mark.django_db
def test_a_card_gift_looks_as_it_always_did() -> None:
    gift = builders.receipted_gift()
    receipt = Receipt.objects.get(gift=gift)
    assert receipt.snapshot["template"] == "receipt-3"
    assert "rows" not in receipt.snapshot
    assert receipt.number.startswith("R-")


# ---- Numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_series_has_its_own_gap_free_block_in_one_round() -> None:
    for n, kind in enumerate(["check", "ira", "cash", "services", "wire", "bequest"]):
        recorded(by_kind(kind), email=f"p{n}@example.org")
    assert len(issue.issue_due()) == 6
    assert list(Receipt.objects.order_by("number").values_list("number", flat=True)) == [
        *(f"L-{Receipt.objects.all()[0].year}-{n:06d}" for n in (1, 2, 3)),
        *(f"R-{Receipt.objects.all()[0].year}-{n:06d}" for n in (1, 2, 3)),
    ]


def test_both_series_numbered_by_several_at_once_have_no_gap_and_do_not_wait_for_each_other(
    transactional_db: None,
) -> None:
    for n in range(24):
        recorded(by_kind(("check", "ira")[n % 2]), email=f"p{n}@example.org")
    errors: list[BaseException] = []

    def number() -> None:
        try:
            while issue.issue_due(limit=5):
                pass
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=number) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    while issue.issue_due():
        pass
    assert errors == []
    for series in "LR":
        used = Receipt.objects.filter(series=series).order_by("sequence").values_list("sequence", flat=True)
        assert list(used) == list(range(1, 13))


@pytest.mark.django_db
def test_many_gifts_are_due_in_two_statements_and_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    gifts = [recorded(by_kind("check"), email=f"p{n}@example.org") for n in range(5)]
    ReceiptDue.objects.all().delete()
    with django_assert_num_queries(2):
        issue.make_all_due(gifts)
    assert ReceiptDue.objects.count() == 5
    issue.make_all_due(gifts)
    assert len(issue.issue_due()) == 5
    issue.make_all_due(gifts)
    assert not ReceiptDue.objects.exists()


@pytest.mark.django_db
def test_a_paper_that_waited_for_the_right_donor_is_issued_once_that_is_put_right(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    gift = recorded(by_kind("foundation"), donor=builders.donor(name="Novak"))
    assert issue.issue_due() == []
    due = ReceiptDue.objects.get(gift=gift)
    assert due.trouble == "The legal donor of this grant is the foundation, not a person of the family."
    assert due.due_at > clock.now()
    Donor.objects.filter(gifts=gift).update(kind=Donor.Kind.FOUNDATION)
    assert issue.issue_due() == [], "it is looked at again in an hour, or when somebody asks"

    chosen = {"action": "look_again", "_selected_action": [due.pk]}
    assert "Tried again" not in desk("Staff").post(DUE, chosen, follow=True).content.decode()
    assert "Tried again: 1." in desk("Finance").post(DUE, chosen, follow=True).content.decode()
    assert AuditEntry.objects.filter(action="look at receipt again", actor__startswith="staff:").count() == 1
    assert len(issue.issue_due()) == 1
    assert issue.look_again(due.pk, "staff:1") is False


# ---- Who gets it ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["check", "services"])
def test_rule_83_nothing_goes_to_the_dead_and_the_paper_is_kept(kind: str) -> None:
    gift = recorded(by_kind(kind))
    Donor.objects.update(is_deceased=True)
    receipt = paper_of(gift)
    assert receipt.pdf.email is None
    assert not OutgoingEmail.objects.exists()
    with pytest.raises(deliver.CannotResend, match="record says so"):
        deliver.resend(receipt.pk, "staff:1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "leaves"), [("check", True), ("stock", True), ("ira", True), ("services", False), ("payroll", False)]
)
def test_rule_81_proof_goes_to_people_who_want_no_mail_and_thanks_do_not(kind: str, leaves: bool) -> None:
    gift = recorded(by_kind(kind))
    Donor.objects.update(is_not_contacted=True)
    assert (paper_of(gift).pdf.email is not None) == leaves


@pytest.mark.django_db
def test_rule_83_a_letter_already_queued_is_stopped_when_it_would_leave() -> None:
    receipt = paper_of(recorded(by_kind("check")))
    Donor.objects.update(is_deceased=True)
    assert mail.send_due() == 1
    letter = OutgoingEmail.objects.get(key=receipt.mail_key)
    assert (letter.status, letter.sent_at) == (Status.STOPPED, None)
    assert letter.last_error == "the supporter's record says so"


@pytest.mark.django_db
def test_an_address_found_later_is_used_when_the_paper_goes_again() -> None:
    receipt = paper_of(recorded(by_kind("check"), email=None))
    with pytest.raises(deliver.CannotResend, match="no e-mail address"):
        deliver.resend(receipt.pk, "staff:1")
    Donor.objects.update(email="found@example.org")
    assert deliver.resend(receipt.pk, "staff:1").to == "found@example.org"


# ---- Void -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_rule_47_a_void_keeps_the_number_and_stops_the_letter_once() -> None:
    gift = recorded(by_kind("check"))
    receipt = paper_of(gift)
    first = void.void(gift.pk, reason="nsf", actor="staff:1", note="returned")
    assert void.void(gift.pk, reason="other", actor="staff:2") == first
    assert ReceiptVoid.objects.values_list("reason", "note", "actor").get() == ("nsf", "returned", "staff:1")
    assert OutgoingEmail.objects.get(key=receipt.mail_key).status == Status.STOPPED
    assert AuditEntry.objects.filter(action="void receipt").count() == 1
    with pytest.raises(deliver.CannotResend, match="the receipt is void"):
        deliver.resend(receipt.pk, "staff:1")
    assert paper_of(recorded(by_kind("check"), email="b@example.org")).sequence == receipt.sequence + 1


@pytest.mark.django_db
def test_a_paper_that_was_not_numbered_yet_is_never_issued() -> None:
    gift = recorded(by_kind("check"))
    assert void.void(gift.pk, reason="nsf", actor="staff:1") is None
    assert not ReceiptDue.objects.exists()
    assert issue.issue_due() == []
    assert AuditEntry.objects.filter(action="hold receipt").count() == 1
    assert void.void(gift.pk, reason="nsf", actor="staff:1") is None


@pytest.mark.django_db
def test_a_paper_voided_before_it_was_drawn_gets_no_letter() -> None:
    gift = recorded(by_kind("check"))
    (receipt_id,) = issue.issue_due()
    void.void(gift.pk, reason="nsf", actor="staff:1")
    assert builders.drawn(receipt_id).email is None
    assert not OutgoingEmail.objects.exists()


@pytest.mark.django_db
def test_a_void_with_a_reason_that_is_none_changes_nothing() -> None:
    gift = recorded(by_kind("check"))
    paper_of(gift)
    with pytest.raises(ValueError, match="not a valid"):
        void.void(gift.pk, reason="mood", actor="staff:1")
    assert not ReceiptVoid.objects.exists()


def test_voided_by_four_at_once_it_is_void_once(transactional_db: None) -> None:
    gift = recorded(by_kind("check"))
    paper_of(gift)
    found: list[object] = []

    def one() -> None:
        try:
            found.append(void.void(gift.pk, reason="nsf", actor="staff:1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(set(found)) == ReceiptVoid.objects.count() == 1
    assert AuditEntry.objects.filter(action="void receipt").count() == 1


def test_voided_while_numbered_no_number_is_lost_and_no_letter_leaves(transactional_db: None) -> None:
    gifts = [recorded(by_kind("check"), email=f"p{n}@example.org") for n in range(8)]
    errors: list[BaseException] = []

    def safely(do: Any) -> None:
        try:
            do()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    def number() -> None:
        for receipt_id in issue.issue_due(limit=8):
            builders.drawn(receipt_id)

    def take_back() -> None:
        for gift in gifts:
            void.void(gift.pk, reason="nsf", actor="staff:1")

    threads = [threading.Thread(target=safely, args=[do]) for do in (number, take_back)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert not ReceiptDue.objects.exists()
    assert Receipt.objects.filter(void__isnull=True).count() == 0
    used = list(Receipt.objects.order_by("sequence").values_list("sequence", flat=True))
    assert used == list(range(1, len(used) + 1))
    mail.send_due()
    assert not OutgoingEmail.objects.filter(status=Status.SENT).exists()


# ---- The look -------------------------------------------------------------------------------------------------------


def test_the_first_look_gets_its_words_from_us_and_the_second_from_its_snapshot() -> None:
    first = paper.letter(snapshot(7))
    assert (first["paper"], first["title"], first["table"]) == (
        "Receipt",
        "Receipt for your gift of $32.00",
        "Your gift",
    )
    with pytest.raises(render.RenderError, match="not complete"):
        render.pdf({**snapshot(7), "template": "receipt-2", "rows": [["Amount", "$1.00"]]})


# ---- Matches --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_rule_33_the_company_gets_the_receipt_and_the_employee_is_thanked_once() -> None:
    employee = builders.donor(name="Bob Lind", email="bob@example.org")
    gift = recorded(by_kind("match"), email="acme@example.org", person=employee)
    issue.make_due(gift)
    receipt = paper_of(gift)
    assert (receipt.series, receipt.snapshot["kind"]) == ("R", "tax_cash")
    assert OutgoingEmail.objects.get(key=receipt.mail_key).to == "acme@example.org"
    thanks = OutgoingEmail.objects.get(template="receipt_matched")
    assert thanks.to == "bob@example.org"
    assert thanks.subject == "Alice Novak matched your gift to The Harbor Light"
    for words in (thanks.text, thanks.html):
        assert "matched your gift with $500.00" in words
        assert "Because the gift came from Alice Novak, it is not an acknowledgment for tax purposes." in words
        assert "deductible" not in words
    assert thanks.attachment is None


@pytest.mark.django_db
def test_rule_83_and_a_reversal_stop_the_thanks_to_the_employee() -> None:
    employee = builders.donor(name="Bob Lind", email="bob@example.org")
    gift = recorded(by_kind("match"), email="acme@example.org", person=employee)
    Donor.objects.filter(pk=employee.pk).update(is_not_contacted=True)
    mail.send_due()
    thanks = OutgoingEmail.objects.get(template="receipt_matched")
    assert (thanks.status, thanks.last_error) == (Status.STOPPED, "the supporter's record says so")

    other = builders.donor(name="Eve", email="eve@example.org")
    again = recorded(by_kind("match"), email="acme2@example.org", person=other)
    void.void(again.pk, reason="nsf", actor="staff:1")
    assert OutgoingEmail.objects.get(to="eve@example.org").status == Status.STOPPED
    assert void.void(gift.pk, reason="nsf", actor="staff:1") is None


@pytest.mark.django_db
def test_a_portals_match_is_thanked_by_its_paper_alone() -> None:
    employee = builders.donor(name="Bob Lind", email="bob@example.org")
    portal = builders.donor(kind=Donor.Kind.DAF_SPONSOR, name="Giving Portal", email="portal@example.org")
    receipt = paper_of(recorded(by_kind("match"), donor=portal, person=employee))
    assert (receipt.snapshot["kind"], receipt.snapshot["recipient"]["name"]) == ("thank_you", "Bob Lind")
    assert receipt.snapshot["title"] == "Your gift was matched with $500.00"
    assert list(OutgoingEmail.objects.values_list("to", flat=True)) == ["bob@example.org"]
