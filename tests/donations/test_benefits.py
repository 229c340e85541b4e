"""What came with a gift: recorded, declined, verified, printed; the texts the organization writes; the giving page."""

import re
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from donations import benefits, pages, texts
from donations.models import (
    Benefit,
    Gift,
    GiftBenefit,
    LedgerEntry,
    Receipt,
    ReceiptDue,
    ReceiptVoid,
    SafeHarbor,
    StatementText,
)
from donations.receipts import issue, terms
from donations.rules import sentences
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from sandbox.server import Sandbox
from tests import builders
from tests.donations.test_admin import desk
from tests.donations.test_kinds import by_kind, codes, paper_of, recorded
from tests.donations.test_settle import at_once
from tests.donations.visitor import Visitor

db = pytest.mark.django_db
MAGAZINE = benefits.Came("12 issues of the print magazine", 30_00, 14_00)
TOTE = benefits.Came("a tote bag", 18_00, 9_00, has_our_name=True)


def verified(year: int = 0) -> SafeHarbor:
    """This year's figures, verified by somebody."""
    figures = {"low_cost_minor": 13_90, "minimum_gift_minor": 69_50, "cap_minor": 139_00, "source": "Rev. Proc."}
    row, _ = SafeHarbor.objects.get_or_create(year=year or clock.today().year, defaults=figures)
    benefits.verify(row.pk, by=builders.staff("Finance"))
    return row


def offered(**fields: Any) -> Benefit:
    defaults = {
        "name": "Tote", "description": "a tote bag", "value_minor": 18_00, "cost_minor": 9_00, "has_our_name": True,
        "campaign": builders.campaign(), "from_minor": 60_00,
    }  # fmt: skip
    made = Benefit.objects.create(**{**defaults, **fields})
    pages.forget()
    return made


# ---- Recorded by staff ----------------------------------------------------------------------------------------------


@db
def test_what_came_is_recorded_once_and_printed_as_payment_value_and_excess() -> None:
    verified()
    gift = builders.booked_gift(amount_minor=120_00, covered_fee_minor=3_90)
    first = benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    assert benefits.add(gift.pk, MAGAZINE, actor="staff:1") == first
    assert AuditEntry.objects.filter(action="add benefit").count() == 1

    receipt = paper_of(gift)
    assert (receipt.series, codes(receipt)) == ("R", "S1 S6")
    facts = receipt.snapshot
    booked = LedgerEntry.objects.get(gift=gift, kind="gift").amount_minor
    assert facts["gift"]["amount_minor"] == booked == 120_00
    assert facts["deductible_minor"] == booked - facts["benefits"]["value_minor"] == 90_00
    assert facts["benefits"]["must_disclose"] is True
    assert facts["benefits"]["safe_harbor_year"] == clock.today().year
    letter = OutgoingEmail.objects.get(key=receipt.mail_key)
    printed = " ".join(PdfReader(BytesIO(bytes(receipt.pdf.file.content))).pages[0].extract_text().split())
    for words in (printed, " ".join(letter.text.split()), letter.html):
        for fact in ("12 issues of the print magazine", "$120.00", "$30.00", "$90.00", "$120.00 − $30.00 = $90.00."):
            assert fact in words


@db
@pytest.mark.parametrize(
    ("came", "said", "row"),
    [
        ([TOTE], "S2 S6", ["You received", "a tote bag"]),
        ([benefits.Came("dinner", 90_00, 40_00, is_declined=True)], "S0 S6", ["Offered and declined", "dinner"]),
        ([benefits.Came("early sign-up", 5_00, 0, is_small_privilege=True)], "S1 S6", ["Deductible at most", "$75.50"]),
    ],
)
def test_the_paper_tells_what_came_as_it_counts(came: list[benefits.Came], said: str, row: list[str]) -> None:
    verified()
    gift = builders.booked_gift(amount_minor=80_50)
    for one in came:
        benefits.add(gift.pk, one, actor="staff:1")
    receipt = paper_of(gift)
    assert codes(receipt) == said
    assert row in receipt.snapshot["rows"]
    assert receipt.snapshot["gift"]["amount_minor"] == LedgerEntry.objects.get(gift=gift, kind="gift").amount_minor


@db
def test_a_monthly_gift_with_something_still_says_that_it_comes_again() -> None:
    gift = builders.booked_gift(
        amount_minor=10_00, frequency="monthly", plan=builders.plan(next_due_on=date(2031, 1, 15))
    )
    benefits.add(gift.pk, benefits.Came("a mug", 9_00, 4_00, is_declined=True), actor="staff:1")
    letter = OutgoingEmail.objects.get(key=paper_of(gift).mail_key)
    for words in (letter.text, letter.html):
        assert "we charge the same card again every month until you stop it." in words
        assert "until you stop it. The next time is January 15, 2031." in words
        assert "You can change, pause or stop it at any time" in words
    assert "\n " not in letter.text


@db
def test_a_paper_that_stands_refuses_until_somebody_says_what_is_wrong_with_it() -> None:
    verified()
    gift = builders.receipted_gift(amount_minor=120_00)
    old = gift.paper
    with pytest.raises(benefits.CannotChange, match=f"{old.number} already says what came with this gift"):
        benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    assert not GiftBenefit.objects.exists()
    assert not ReceiptVoid.objects.exists()

    benefits.add(gift.pk, MAGAZINE, actor="staff:1", replacing="nobody had told us of the magazine")
    new = Receipt.objects.get(replaces=old)
    assert ReceiptVoid.objects.get().reason == "wrong_benefit"
    assert (codes(old), codes(new)) == ("S0 S6", "S1 S6")
    assert new.snapshot["gift"]["amount_minor"] == 120_00
    benefits.add(gift.pk, MAGAZINE, actor="staff:1", replacing="once more")
    assert Receipt.objects.count() == 2, "what stands there already replaces nothing"


@db
def test_rule_43_declined_then_is_marked_and_taken_back_and_nothing_else() -> None:
    gift = builders.booked_gift(amount_minor=120_00)
    row = benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    assert issue.issue_due() == []
    assert "nobody has verified" in ReceiptDue.objects.get(gift=gift).trouble
    for _ in range(2):
        benefits.mark(row.pk, is_declined=True, actor="staff:1")
    assert AuditEntry.objects.filter(action="mark benefit declined").count() == 1
    assert ReceiptDue.objects.get(gift=gift).trouble == "", "and it is looked at again at once"
    receipt = paper_of(gift)
    assert codes(receipt) == "S0 S6"
    assert receipt.snapshot["deductible_minor"] == 120_00


@db
def test_nothing_is_recorded_for_a_gift_that_is_gone() -> None:
    gift = builders.settled_gift(status=Gift.Status.REFUNDED)
    with pytest.raises(benefits.CannotChange, match="Nothing is left"):
        benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    assert not GiftBenefit.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twice_at_once_it_comes_once() -> None:
    gift = builders.booked_gift(amount_minor=120_00)
    assert at_once(2, lambda _: benefits.add(gift.pk, TOTE, actor="staff:1")) == []
    assert GiftBenefit.objects.count() == 1


@db
def test_the_desks_tick_keeps_its_meaning_where_nothing_is_recorded() -> None:
    gift = recorded(by_kind("ira"), is_benefit_declined=False)
    assert issue.issue_due() == []
    assert "were not declined, which spoils it" in ReceiptDue.objects.get(gift=gift).trouble
    benefits.add(gift.pk, benefits.Came("dinner", 90_00, 40_00, is_declined=True), actor="staff:1")
    assert codes(paper_of(gift)) == "S5 S0", "what is recorded says more than the tick"


@db
def test_many_gifts_with_benefits_are_read_in_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    verified()
    gifts = [builders.booked_gift(amount_minor=120_00, donor_email=f"p{n}@example.org") for n in range(4)]
    for gift in gifts[:2]:
        benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    waiting = list(Gift.objects.select_related("donor", "fund", "detail").filter(pk__in=[gift.pk for gift in gifts]))
    # Who we are, our texts, what came with all of them, and the one year that counts.
    with django_assert_num_queries(4):
        by = terms.of([gift.pk for gift in waiting])
        said = [issue.settled(gift, by).document.statements[0].code for gift in waiting]
    assert sorted(said) == ["S0", "S0", "S1", "S1"]


# ---- Years ----------------------------------------------------------------------------------------------------------


@db
def test_a_year_that_nobody_has_verified_waits_and_goes_at_once_when_somebody_has(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    this, before = clock.today().year, clock.today().year - 1
    SafeHarbor.objects.all().delete()
    figures = {"low_cost_minor": 13_90, "minimum_gift_minor": 69_50, "cap_minor": 139_00, "source": "Rev. Proc."}
    rows = [SafeHarbor.objects.create(year=year, **figures) for year in (this, before)]
    benefits.verify(rows[1].pk, by=builders.staff("Finance"))
    gift = builders.booked_gift(amount_minor=100_00)
    benefits.add(gift.pk, TOTE, actor="staff:1")
    assert issue.issue_due() == [], "another year's figures are never used"
    due = ReceiptDue.objects.get(gift=gift)
    assert "nobody has verified the safe-harbor figures of its year" in due.trouble
    assert due.due_at > clock.now()

    page = f"/admin/donations/safeharbor/{rows[0].pk}/"
    assert desk("Staff").post(f"{page}verify/").status_code == 403
    finance = desk("Finance", name="Fay Finance")
    assert "I looked these figures up" in finance.get(f"{page}change/").content.decode()
    told = finance.post(f"{page}verify/", follow=True).content.decode()
    assert "are verified. Looked at again: 1 paper that waited." in told
    assert "Fay Finance" in told
    entry = AuditEntry.objects.get(action="verify safe-harbor year", target_id=str(rows[0].pk))
    assert entry.after["low_cost_minor"] == 13_90
    assert codes(paper_of(gift)) == "S2 S6"
    assert benefits.verify(rows[0].pk, by=builders.staff("Finance")) == 0, "twice changes nothing"
    rows[0].refresh_from_db()
    assert entry.actor == f"staff:{rows[0].verified_by_id}"

    sent = {"year": this, "low_cost_minor": "14.00", "minimum_gift_minor": "70", "cap_minor": "140", "source": "x"}
    finance.post(f"{page}change/", sent)
    rows[0].refresh_from_db()
    assert (rows[0].low_cost_minor, rows[0].verified_at) == (14_00, None), "what was changed is to be verified again"


# ---- Texts ----------------------------------------------------------------------------------------------------------

OWN = "In return we gave you {description}, worth {value}. Of your {payment} you may deduct {excess} at most."


@db
def test_a_text_is_a_new_version_for_new_papers_and_old_ones_stay_as_printed() -> None:
    before = paper_of(builders.booked_gift(donor_email="a@example.org"))
    words = "{organization} gave nothing in return."
    made = texts.write("S0", words, approved_by="Dana Lee, CPA", actor="staff:1")
    assert texts.write("S0", f"  {words} ", approved_by="", actor="staff:2") == made, (
        "the same words are no new version"
    )
    assert texts.write("S0", words + " Thanks.", approved_by="", actor="staff:1").version == 3
    after = paper_of(builders.booked_gift(donor_email="b@example.org"))
    old, new = (receipt.snapshot["statements"][0] for receipt in (before, after))
    assert (old["version"], new["version"]) == ("1", "3")
    assert new["text"] == "The Harbor Light, Inc. gave nothing in return. Thanks."
    before.refresh_from_db()
    assert before.snapshot["statements"][0]["text"].endswith("in exchange for this contribution.")
    with pytest.raises(sentences.BadText, match=r"S0 knows no \{amount\}"):
        texts.write("S0", "{amount} for nothing", approved_by="", actor="staff:1")
    assert StatementText.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_write_at_once_make_two_versions() -> None:
    builders.organization()
    assert at_once(4, lambda n: texts.write("S0", f"Nothing, says {n}.", approved_by="", actor="staff:1")) == []
    assert list(StatementText.objects.order_by("version").values_list("version", flat=True)) == [2, 3, 4, 5]


@db
def test_a_text_is_seen_on_real_gifts_before_anything_is_kept(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    verified()
    for number in range(4):
        gift = builders.booked_gift(amount_minor=120_00, donor_email=f"p{number}@example.org")
        benefits.add(gift.pk, MAGAZINE, actor="staff:1")
    builders.booked_gift(amount_minor=50_00, donor_email="plain@example.org")
    shown = texts.preview("S1", OWN)
    assert len(shown) == 3
    assert shown[0].gift == gift
    assert shown[0].sentences[0] == (
        "In return we gave you 12 issues of the print magazine, worth $30.00. "
        "Of your $120.00 you may deduct $90.00 at most."
    )
    [made_up] = texts.preview("S5", sentences.SENTENCES["S5"].text)
    assert made_up.gift is None
    assert "directly from Harbor Custodian" in made_up.sentences[0]

    page = "/admin/donations/statementtext/write/S1/"
    assert desk("Staff").get(page).status_code == 403
    finance = desk("Finance")
    assert finance.get("/admin/donations/statementtext/write/S99/").status_code == 404
    refused = finance.post(page, {"text": "You got {gift}.", "approved_by": ""}).content.decode()
    assert "S1 knows no {gift}. It can name {organization}, {description}, {payment}, {value}, {excess}." in refused
    seen = finance.post(page, {"text": OWN, "approved_by": ""}).content.decode()
    assert "Of your $120.00 you may deduct $90.00 at most." in seen
    assert gift.public_id in seen
    assert not StatementText.objects.exists()
    told = finance.post(page, {"text": OWN, "approved_by": "Dana Lee, CPA", "keep": "1"}, follow=True).content.decode()
    assert "From now on papers say S1 version 2." in told
    assert "Dana Lee, CPA" in told
    sent = finance.post("/admin/donations/statementtext/state/", {"state": "fl"})
    assert sent["Location"].endswith("/write/ST-FL/")


# ---- Staff's pages --------------------------------------------------------------------------------------------------


@db
def test_staff_record_it_on_the_gifts_page_and_see_how_it_counts(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    verified()
    staff, gift, tote = desk("Staff"), recorded(by_kind("check")), offered()
    page, form = f"/admin/donations/gift/{gift.pk}/change/", f"/admin/donations/benefit/of-gift/{gift.pk}/"
    assert "Nothing came with it." in staff.get(page).content.decode()
    assert "Choose one, or describe it." in staff.post(form, {"value": "30"}).content.decode()
    assert "Say what it is worth." in staff.post(form, {"description": "a book"}).content.decode()
    assert not GiftBenefit.objects.exists()
    told = staff.post(form, {"benefit": tote.pk}, follow=True).content.decode()
    assert "Recorded: a tote bag." in told
    assert f"insubstantial: the whole gift counts (figures of {clock.today().year})" in told
    told = staff.post(
        form, {"description": "dinner for two", "value": "120", "cost": "80"}, follow=True
    ).content.decode()
    assert "its value counts; the receipt says payment, value and excess" in told
    dinner = GiftBenefit.objects.get(description="dinner for two")
    assert (dinner.value_minor, dinner.cost_minor, dinner.added_by[:6]) == (120_00, 80_00, "staff:")
    back = {"back": page}
    told = staff.post(f"/admin/donations/benefit/{dinner.pk}/declined/", back, follow=True).content.decode()
    assert "Dinner for two: declined with the gift." in told
    assert codes(paper_of(gift)) == "S2 S6"
    assert staff.get(form).status_code == 403, "a paper stands now, and replacing it is finance's"
    assert "What the paper says wrongly" in desk("Finance").get(form).content.decode()


@db
def test_the_catalogue_refuses_a_privilege_that_is_not_small(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    sent = {"name": "Talks", "description": "early sign-up", "value_minor": "10", "cost_minor": "0",
            "from_minor": "75.01", "is_small_privilege": "on"}  # fmt: skip
    staff = desk("Staff")
    assert "from $75 a year or less" in staff.post("/admin/donations/benefit/add/", sent).content.decode()
    staff.post("/admin/donations/benefit/add/", {**sent, "from_minor": "75"})
    assert Benefit.objects.get().from_minor == 75_00
    assert AuditEntry.objects.filter(action="add benefit").count() == 1


# ---- The giving page ------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@db
def test_the_page_says_what_comes_what_it_is_worth_and_how_to_decline(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    builders.campaign()
    assert "What comes with your gift" not in client.get("/give/").content.decode()
    tote = offered()
    offered(name="Old", description="an old mug", is_offered=False)
    client.get("/give/")
    with django_assert_num_queries(1):
        html = client.get("/give/").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "A tote bag with gifts from $60 , worth $18" in words
    assert "I don’t want it; my whole gift counts." in words
    assert f'<input type="checkbox" name="decline_{tote.pk}">' in html
    assert "old mug" not in html


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("amount", "tick", "shown", "came"),
    [
        ("60", False, True, [("a tote bag", False)]),
        ("60", True, True, [("a tote bag", True)]),
        ("59.99", False, True, []),
        ("60", False, False, []),
    ],
    ids=["taken", "declined", "a cent too little", "it was not on the page"],
)
def test_what_was_taken_or_declined_stands_with_the_gift_when_it_starts(
    visitor: Visitor, stripe_sandbox: Sandbox, amount: str, tick: bool, shown: bool, came: list[tuple[str, bool]]
) -> None:
    tote = offered()
    fields = {"amount": "other", "other_amount": amount, "cover_fee": "on"}
    fields |= {f"benefit_{tote.pk}": "1"} if shown else {}
    reply = visitor.send(**fields, **({f"decline_{tote.pk}": "on"} if tick else {}))
    assert reply.status_code == 200
    assert list(GiftBenefit.objects.values_list("description", "is_declined")) == came
    assert {row.added_by for row in GiftBenefit.objects.all()} <= {"supporter"}


@pytest.mark.django_db(transaction=True)
def test_an_unpaid_gift_that_is_sent_again_takes_over_what_was_changed(
    visitor: Visitor, stripe_sandbox: Sandbox
) -> None:
    tote = offered()
    again = {"attempt": visitor.attempt(), "amount": "other", "email": "ana@example.org", f"benefit_{tote.pk}": "1"}
    visitor.send(**again, other_amount="60")
    visitor.send(**again, other_amount="70", **{f"decline_{tote.pk}": "on"})
    assert GiftBenefit.objects.get().is_declined
    token = Gift.objects.get().token
    assert re.search(rf'name="decline_{tote.pk}" checked', visitor.page(f"/give/?gift={token}"))
    visitor.send(**again, other_amount="20")
    assert not GiftBenefit.objects.exists()
    assert Gift.objects.count() == 1


@db
def test_without_scripts_the_choice_is_kept_with_everything_else(visitor: Visitor) -> None:
    tote = offered()
    html = visitor.send_plainly(name="", **{f"benefit_{tote.pk}": "1", f"decline_{tote.pk}": "on"}).content.decode()
    assert re.search(rf'name="decline_{tote.pk}" checked', html)
