"""One statement for each supporter and year, over every channel; the next version when what it told has changed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
import time_machine
from django.db import transaction
from pypdf import PdfReader

from donations import refunds, reversals
from donations.desk import merging
from donations.models import (
    AnnualStatement,
    Donor,
    Gift,
    Receipt,
    ReceiptVoid,
    SoftCredit,
    StatementDue,
)
from donations.receipts import issue, making, print_run, render, statement_due, statement_facts, statements
from nonprofit import mail
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.donations import mailbag, money_back, yearly
from tests.donations.test_making import drawing_without, kept
from tests.donations.test_settle import at_once
from tests.donations.yearly import gave, issued, lines, stated, supporter
from tests.members import people

pytestmark = pytest.mark.django_db
MARCH, APRIL = date(2026, 3, 3), date(2026, 4, 1)


@pytest.fixture(autouse=True)
def _january() -> Iterator[None]:
    with time_machine.travel(yearly.JANUARY, tick=True):
        yield


def letter_of(receipt: Receipt) -> OutgoingEmail:
    return OutgoingEmail.objects.get(key=receipt.mail_key)


def test_it_lists_every_channel_by_section_with_receipt_numbers() -> None:
    ana = supporter(name="Ana Silva")
    sponsor = builders.donor(kind=Donor.Kind.DAF_SPONSOR, name="Fidelity Charitable")
    check = gave("check", donor=ana, on=MARCH)
    card = builders.booked_gift(donor_email=ana.email, amount_minor=2500)
    Gift.objects.filter(pk=card.pk).update(gift_on=date(2026, 12, 31))
    stock = gave("stock", donor=ana, on=MARCH)
    ira = gave("ira", donor=ana, on=MARCH, amount_minor=500_000)
    grant = gave("daf", donor=sponsor, on=MARCH, advised_fund="Silva Fund", recognized=((ana, "advisor"),))
    gave("check", donor=ana, on=date(2025, 12, 31))
    gave("check", donor=ana, on=date(2027, 1, 2))
    yearly.due(ana)

    issued()

    statement = stated(ana)
    card.refresh_from_db()
    assert lines(statement) == {
        "cash": [
            ["Mar 3, 2026", "Check 1042", check.paper.number, "$50.00", "none", "$50.00"],
            ["Dec 31, 2026", "Visa card ending 4242", card.paper.number, "$25.00", "none", "$25.00"],
        ],
        "property": [["Mar 3, 2026", "50 shares of ACME", stock.paper.number]],
        "ira": [["Mar 3, 2026", "Fidelity, check 55012", ira.paper.number, "$5,000.00"]],
        "thanked": [["Mar 3, 2026", "Grant of $50.00 from Fidelity Charitable, Silva Fund", grant.paper.number]],
    }
    assert statement.cash_minor == 7500
    assert statement.receipt.number.startswith("S-2027-")
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(bytes(statement.receipt.pdf.file.content))).pages)
    words = " ".join(text.split())
    assert "Lists the same gifts as the receipts shown; it is not an additional contribution." in words
    for number in (check.paper.number, stock.paper.number, ira.paper.number, statement.receipt.number):
        assert number in words
    assert "5,123" not in words, "the books' value of the shares"


def test_the_letter_carries_it_and_tells_it_too() -> None:
    ana = supporter(name="Ana Silva", salutation="Dear Ana and Luis", addressee="Ana and Luis Silva")
    gave("check", donor=ana)
    yearly.due(ana)

    issued()

    receipt = stated(ana).receipt
    sent = letter_of(receipt)
    assert (sent.to, sent.subject) == (ana.email, "Your gifts in 2026, The Harbor Light")
    assert sent.attachment == receipt.pdf.file
    assert sent.attachment_name == f"statement-{receipt.number}.pdf"
    for body in (sent.text, sent.html):
        assert "Dear Ana and Luis," in body
        assert "Ana and Luis Silva" in body
        assert "Total, $50.00, value received none, deductible limit $50.00" in body
        assert "it is not an additional contribution" in body
    assert receipt.snapshot["donor"]["name"] == "Ana Silva"


def test_rule_12_what_came_back_is_shown_with_what_went() -> None:
    ana = supporter()
    check = gave("check", donor=ana)
    wrong = gave("check", donor=ana, amount_minor=900)
    reversals.reverse(check.pk, reason="bounced", noticed_on=date(2027, 1, 11), actor="staff:1")
    reversals.reverse(wrong.pk, reason="wrong_entry", noticed_on=date(2027, 1, 12), actor="staff:1")
    yearly.due(ana)

    issued()

    assert lines(stated(ana)) == {
        "back": [
            ["Mar 3, 2026", "Check 1042", check.paper.number, "$50.00"],
            ["Jan 11, 2027", "Returned by the bank", "—", "-$50.00"],
        ]
    }
    assert stated(ana).cash_minor == 0


def test_refunds_in_any_order_and_those_that_failed_or_were_won_back() -> None:
    ana = supporter()
    part = gave("check", donor=ana, amount_minor=5000)
    yearly.went(part, "refund", -1000, on=APRIL)
    yearly.went(part, "refund", -700, on=date(2026, 4, 9))
    yearly.went(part, "refund_failed", 1000, on=date(2026, 4, 20))
    won = gave("check", donor=ana, amount_minor=3000)
    yearly.went(won, "dispute", -3000, on=APRIL)
    yearly.went(won, "dispute_won", 3000, on=date(2026, 5, 20))
    lost = gave("check", donor=ana, amount_minor=2000)
    yearly.went(lost, "dispute", -2000, on=APRIL, status="lost")
    open_one = gave("check", donor=ana, amount_minor=9999)
    yearly.went(open_one, "dispute", -9999, on=APRIL, status="disputed")
    yearly.due(ana)

    issued()

    found = lines(stated(ana))
    assert [line[3] for line in found["cash"]] == ["$43.00", "$30.00"]
    assert [(line[1], line[3]) for line in found["back"]] == [
        ("Check 1042", "$50.00"),
        ("Refunded", "-$7.00"),
        ("Check 1042", "$20.00"),
        ("Taken back through the bank", "-$20.00"),
    ]
    assert stated(ana).cash_minor == 7300
    assert "One gift is not listed while a bank looks into its payment" in str(stated(ana).receipt.snapshot)
    assert "99.99" not in str(stated(ana).receipt.snapshot)


def test_who_has_nothing_to_state_gets_none_and_no_number_is_used() -> None:
    nobody, disputed = supporter(), supporter()
    yearly.went(gave("check", donor=disputed), "dispute", -5000, on=APRIL, status="disputed")
    yearly.due(nobody, disputed)

    assert issued().numbered == []

    assert StatementDue.objects.count() == 0
    assert Receipt.objects.filter(series="S").count() == 0


def test_it_waits_for_a_receipt_that_is_not_made_yet() -> None:
    ana = supporter()
    gift = mailbag.record("check", donor=ana, on=MARCH)
    yearly.due(ana)

    assert issued().numbered == []
    waits = StatementDue.objects.get()
    assert waits.trouble == f"The receipt of gift {gift.public_id} is not made yet."

    issue.issue_due()
    assert statement_due.look_again(waits.pk, "staff:1")
    issued()

    gift.refresh_from_db()
    assert lines(stated(ana))["cash"][0][2] == gift.paper.number


def test_a_bounce_after_it_makes_version_2_which_replaces_version_1() -> None:
    ana = supporter()
    check, other = gave("check", donor=ana), gave("check", donor=ana, amount_minor=700)
    yearly.due(ana)
    issued()
    first = stated(ana).receipt

    reversals.reverse(check.pk, reason="bounced", noticed_on=date(2027, 1, 19), actor="staff:1")
    assert StatementDue.objects.get().donor == ana
    issued()

    second = stated(ana)
    assert (second.version, second.cash_minor, second.receipt.replaces) == (2, 700, first)
    assert first.void.reason == ReceiptVoid.Reason.SUPERSEDED
    assert letter_of(first).status == OutgoingEmail.Status.STOPPED, "it had not left yet"
    told = letter_of(second.receipt)
    assert told.subject == "A new statement of your gifts in 2026, The Harbor Light"
    assert f"Something changed since statement {first.number}" in told.text
    assert lines(second)["cash"][0][2] == other.paper.number
    sequences = list(Receipt.objects.filter(series="S").order_by("sequence").values_list("sequence", flat=True))
    assert sequences == [1, 2]


def test_refunds_as_stripe_tells_them_each_make_a_version() -> None:
    gift = people.gave("ana@example.org", 10_000, on=MARCH)
    people.receipted(gift)
    ana = Donor.objects.get(email="ana@example.org")
    yearly.due(ana)
    issued()

    told = []
    for state in ("succeeded", "failed"):
        refunds.apply(gift.pk, money_back.refund(gift, 1, 4000, state))
        issued()
        last = stated(ana)
        told.append((last.version, last.cash_minor, [line[3] for line in lines(last).get("back", [])]))

    assert told == [(2, 6000, ["$100.00", "-$40.00"]), (3, 10_000, [])]
    gift.refresh_from_db()
    assert lines(stated(ana))["cash"][0][2] == gift.paper.number
    assert AnnualStatement.objects.filter(donor=ana, receipt__void__isnull=True).count() == 1


def test_a_refund_booked_while_on_its_way_makes_a_version_when_it_arrives() -> None:
    gift = people.gave("ana@example.org", 10_000, on=MARCH)
    people.receipted(gift)
    ana = Donor.objects.get(email="ana@example.org")
    yearly.due(ana)
    issued()

    done = money_back.refund(gift, 1, 10_000)
    refunds.apply(gift.pk, replace(done, status="pending"))
    issued()
    assert stated(ana).version == 1, "it can still fail"
    refunds.apply(gift.pk, done)
    issued()

    assert (stated(ana).version, stated(ana).cash_minor) == (2, 0)
    assert [line[3] for line in lines(stated(ana))["back"]] == ["$100.00", "-$100.00"]


def test_of_a_gift_paid_twice_only_its_own_payment_is_stated() -> None:
    """The second payment went back whole; later a part of the first did, and another part is on its way."""
    gift = people.gave("ana@example.org", 10_000, on=MARCH)
    people.receipted(gift)
    ana = Donor.objects.get(email="ana@example.org")
    second = replace(money_back.refund(gift, 1, 10_000), payment_id="pi_second")
    refunds.apply(gift.pk, second)
    refunds.apply(gift.pk, money_back.refund(gift, 2, 3000))
    refunds.apply(gift.pk, replace(money_back.refund(gift, 3, 2000), status="pending"))
    yearly.due(ana)

    issued()

    gift.refresh_from_db()
    assert gift.paper.snapshot["gift"]["amount"] == "$70.00"
    assert stated(ana).cash_minor == 7000
    assert [line[3] for line in lines(stated(ana))["back"]] == ["$100.00", "-$30.00"]


def test_a_change_that_changes_nothing_makes_no_version() -> None:
    ana = supporter()
    gift = gave("check", donor=ana)
    yearly.due(ana)
    issued()
    Donor.objects.filter(pk=ana.pk).update(address_line1="99 Other St")

    with transaction.atomic():
        statement_due.changed(gift)
        statement_due.changed(gift)
    assert StatementDue.objects.count() == 1
    assert issued().numbered == []

    assert AnnualStatement.objects.filter(donor=ana).count() == 1
    assert StatementDue.objects.count() == 0


def test_nothing_is_due_where_nothing_was_told_or_the_year_still_runs() -> None:
    ana = supporter()
    gifts = [gave("check", donor=ana), gave("check", donor=ana, on=date(2027, 1, 4))]
    statement_due.changed_all(gifts)
    assert StatementDue.objects.count() == 0


def test_a_gift_that_comes_late_for_a_told_year_makes_version_2() -> None:
    ana = supporter()
    gave("check", donor=ana)
    yearly.due(ana)
    issued()

    late = gave("check", donor=ana, on=date(2026, 12, 30), amount_minor=8800)
    issued()

    assert (stated(ana).version, stated(ana).cash_minor) == (2, 13_800)
    assert lines(stated(ana))["cash"][1][2] == late.paper.number


def test_all_gone_says_so_in_the_new_version() -> None:
    ana = supporter()
    wrong = gave("check", donor=ana)
    yearly.due(ana)
    issued()

    reversals.reverse(wrong.pk, reason="wrong_entry", noticed_on=date(2027, 1, 19), actor="staff:1")
    issued()

    assert (stated(ana).version, lines(stated(ana))) == (2, {})
    assert "no gifts of yours on record" in letter_of(stated(ana).receipt).text


def test_merged_records_have_one_statement_and_the_other_is_replaced() -> None:
    clerk = builders.staff("Administrator")
    kept, gone = supporter(name="Ana Silva"), supporter(name="Anna Silva")
    gave("check", donor=kept)
    gave("check", donor=gone, amount_minor=700)
    yearly.due(gone)
    issued()
    yearly.due(kept)
    merging.merge(kept.pk, gone.pk, user=clerk)
    yearly.due(gone)

    issued()
    issued()

    assert stated(kept).cash_minor == 5700
    assert AnnualStatement.objects.count() == 2
    assert stated(gone).receipt.void.reason == ReceiptVoid.Reason.SUPERSEDED
    assert StatementDue.objects.count() == 0


def standing(*donors: Donor) -> list[tuple[Donor, int]]:
    """Whose statements count, and the cash each states."""
    found = AnnualStatement.objects.filter(donor__in=donors, receipt__void__isnull=True).order_by("pk")
    return [(one.donor, one.cash_minor) for one in found.select_related("donor")]


def test_what_a_merged_record_was_told_is_told_anew_when_a_gift_of_it_goes_back() -> None:
    """The one it became was never told: its first statement replaces the other's."""
    kept, gone = supporter(name="Ana Silva"), supporter(name="Ana Silva")
    gift = gave("check", donor=gone)
    yearly.due(gone)
    issued()
    merging.merge(kept.pk, gone.pk, user=builders.staff("Administrator"))
    issued()
    assert standing(kept, gone) == [(gone, 5000)], "it says what the new one would say"

    reversals.reverse(gift.pk, reason="bounced", noticed_on=date(2027, 1, 19), actor="staff:1")
    issued()

    assert standing(kept, gone) == [(kept, 0)]
    first = stated(gone).receipt
    assert first.void.reason == ReceiptVoid.Reason.SUPERSEDED
    assert (stated(kept).version, stated(kept).receipt.replaces) == (1, first)
    assert f"Something changed since statement {first.number}" in letter_of(stated(kept).receipt).text


def test_a_merge_states_both_records_anew_however_many_merges_lie_between() -> None:
    clerk = builders.staff("Administrator")
    first, second, third = (supporter(name=f"Ana {number}") for number in range(3))
    for number, donor in enumerate((first, second, third)):
        gave("check", donor=donor, amount_minor=1000 * 10**number)
    yearly.due(first, second, third)
    issued()

    merging.merge(second.pk, first.pk, user=clerk)
    merging.merge(third.pk, second.pk, user=clerk)
    while issued().looked_at:
        pass

    assert standing(first, second, third) == [(third, 111_000)]
    assert StatementDue.objects.count() == 0


def test_a_merge_that_is_taken_back_states_both_records_anew() -> None:
    clerk = builders.staff("Administrator")
    kept, gone = supporter(name="Ana Silva"), supporter(name="Anna Silva")
    gave("check", donor=kept)
    gave("check", donor=gone, amount_minor=700)
    yearly.due(kept, gone)
    issued()
    merge = merging.merge(kept.pk, gone.pk, user=clerk)
    issued()
    assert standing(kept, gone) == [(kept, 5700)]

    merging.unmerge(merge.pk, user=clerk)
    issued()

    assert sorted(standing(kept, gone), key=lambda one: one[1]) == [(gone, 700), (kept, 5000)]
    assert (stated(kept).version, stated(gone).version) == (3, 2)


def test_a_merge_of_this_years_gifts_states_nothing() -> None:
    kept, gone = supporter(), supporter()
    for donor in (kept, gone):
        gave("check", donor=donor)
        gave("check", donor=donor, on=date(2027, 1, 4))
    merging.merge(kept.pk, gone.pk, user=builders.staff("Administrator"))
    assert StatementDue.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_who_is_being_merged_this_moment_waits() -> None:
    """A merge that commits while a worker begins would leave it a record without gifts, and theirs on no statement."""
    kept, gone = supporter(name="Ana Silva"), supporter(name="Anna Silva")
    gave("check", donor=gone)
    yearly.due(gone)
    numbered: list[list[int]] = []
    with transaction.atomic():
        merging.merge.__wrapped__(kept.pk, gone.pk, user=builders.staff("Administrator"))  # type: ignore[attr-defined]
        assert at_once(1, lambda _: numbered.append(statements.issue_due().numbered)) == []
    assert (numbered, StatementDue.objects.count()) == ([[]], 1)
    while issued().looked_at:
        pass
    assert standing(kept, gone) == [(kept, 5000)]


@pytest.mark.django_db(transaction=True)
def test_a_merge_waits_for_no_statement_that_becomes_due_this_moment() -> None:
    kept, gone = supporter(), supporter()
    for donor in (kept, gone):
        gave("check", donor=donor)
    yearly.due(kept, gone)
    issued()
    clerk = builders.staff("Administrator")

    def merge(_: int) -> None:
        merging.merge(kept.pk, gone.pk, user=clerk)

    with transaction.atomic():
        # As a refund does that has not committed yet.
        StatementDue.objects.create(donor=kept, year=yearly.YEAR)
        [refusal] = at_once(1, merge)
    assert "Please try again" in str(refusal)
    merge(0)
    assert StatementDue.objects.get().donor == kept


def test_rules_81_and_83_flags_are_looked_at_when_it_leaves() -> None:
    by_mail, quiet, dead = supporter(email=None), supporter(email=None, is_not_mailed=True), supporter(email=None)
    silent, late = supporter(is_not_contacted=True), supporter()
    everybody = [by_mail, quiet, dead, silent, late]
    for donor in everybody:
        gave("cash", donor=donor)
    print_run.make("staff:1")
    yearly.due(*everybody)
    issued()
    Donor.objects.filter(pk__in=[dead.pk, late.pk]).update(is_deceased=True)

    waits = print_run.waiting()
    assert [sheet.receipt for sheet in waits.sheets] == [stated(by_mail).receipt]
    assert set(waits.kept_back) == {stated(one).receipt for one in (quiet, dead, silent)}
    mail.send_due()
    assert not OutgoingEmail.objects.filter(key=stated(silent).receipt.mail_key).exists()
    assert letter_of(stated(late).receipt).status == OutgoingEmail.Status.STOPPED


def test_without_an_address_of_their_own_the_newest_gifts_is_printed() -> None:
    ana = builders.donor(email=None, salutation="Dear friend")
    for number, day in enumerate((MARCH, APRIL)):
        gift = gave("check", donor=ana, on=day)
        Gift.objects.filter(pk=gift.pk).update(address_line1=f"{number} Elm St", city="Boston")
    yearly.due(ana)
    issued()
    assert stated(ana).receipt.snapshot["recipient"]["address_lines"] == ["1 Elm St", "Boston"]


def test_a_hundred_supporters_cost_a_few_statements(django_assert_max_num_queries: object) -> None:
    donors = [supporter() for _ in range(40)]
    for donor in donors:
        gave("cash", donor=donor)
        SoftCredit.objects.create(gift=gave("match", donor=supporter(kind="company")), donor=donor, role="employee")
    yearly.due(*donors)
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        statements.issue_due()
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        statement_facts.of(donors, yearly.YEAR)
    numbered = list(Receipt.objects.filter(series="S").values_list("pk", flat=True))
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert making.prepare_all(numbered) == 40


def test_what_cannot_be_drawn_stops_no_other_and_is_on_the_list() -> None:
    donors = [supporter() for _ in range(3)]
    for donor in donors:
        gave("cash", donor=donor)
    yearly.due(*donors)
    numbered = statements.issue_due().numbered
    bad = Receipt.objects.get(pk=numbered[1])
    # An issued receipt cannot be changed in the database.
    patch = drawing_without(bad.number, render.RenderError(bad.number, "a picture is missing"))
    try:
        assert making.prepare_all(numbered) == 2
    finally:
        patch.undo()
    assert bad.trouble.reason == "a picture is missing"
    assert kept(numbered) == [numbered[0], numbered[2]]
    assert OutgoingEmail.objects.filter(template="statement").count() == 2
    assert list(making.unmade()) == []
    assert Receipt.objects.get(pk=bad.pk).number == bad.number

    assert making.try_again(bad.trouble.pk, "staff:1")
    assert making.prepare_all(numbered) == 1
    assert not hasattr(Receipt.objects.get(pk=bad.pk), "trouble")
    assert kept(numbered) == numbered


@pytest.mark.django_db(transaction=True)
def test_many_workers_number_each_once_without_a_gap() -> None:
    donors = [supporter() for _ in range(30)]
    for donor in donors:
        gave("cash", donor=donor)
    yearly.due(*donors)

    def work(_: int) -> None:
        while found := statements.issue_due(4).numbered:
            making.prepare_all(found)
            making.prepare_all(found)

    assert at_once(4, work) == []
    # A worker that found every row taken has gone; what was put back is left to the sweep.
    work(0)

    assert AnnualStatement.objects.count() == 30
    sequences = list(Receipt.objects.filter(series="S").order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, 31))
    assert OutgoingEmail.objects.filter(template="statement").count() == 30


@pytest.mark.django_db(transaction=True)
def test_killed_before_commit_no_number_is_used() -> None:
    ana = supporter()
    gave("cash", donor=ana)
    yearly.due(ana)

    class Killed(Exception):
        pass

    def killed() -> None:
        with transaction.atomic():
            statements.issue_due.__wrapped__()  # type: ignore[attr-defined]
            raise Killed

    with pytest.raises(Killed):
        killed()
    assert (AnnualStatement.objects.count(), StatementDue.objects.count()) == (0, 1)
    issued()
    assert stated(ana).receipt.sequence == 1
