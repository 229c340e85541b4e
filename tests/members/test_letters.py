"""Our letters in all three parts: the fact first, names as text, and nothing fetched from anywhere."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
import time_machine
from django.conf import settings

from donations.models import Gift
from donations.receipts import issue
from nonprofit import mail
from nonprofit.models import OutgoingEmail, StoredFile
from tests import builders
from tests.members import people

NAME = '<b>李 Ana</b> & "Łukasz" عربي'
ON = date(2026, 11, 23)
EMAILS = Path(settings.BASE_DIR) / "templates" / "emails"


class _Reader(HTMLParser):
    """What a mail program would show and fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def read(letter: OutgoingEmail) -> _Reader:
    reader = _Reader()
    reader.feed(letter.html)
    reader.close()
    return reader


def receipt_letter(**fields: object) -> OutgoingEmail:
    gift = people.gave("ana@example.org", on=ON, **fields)  # type: ignore[arg-type]
    receipt = people.receipted(gift)
    return OutgoingEmail.objects.get(key=receipt.mail_key)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-11-23T17:00:00+00:00", tick=True):
        yield


@pytest.mark.django_db
def test_a_receipts_letter_is_the_whole_acknowledgment_in_both_parts() -> None:
    letter = receipt_letter(
        amount_minor=10_320,
        covered_fee_minor=320,
        tribute="honor",
        tribute_name="Maria",
        address_line1="12 Elm St",
        city="Boston",
        region="MA",
        postal_code="02139",
    )
    receipt = Gift.objects.get().paper
    assert letter.subject == "Receipt for your gift of $103.20 to The Harbor Light"
    assert letter.text.startswith("We received your gift of $103.20 on November 23, 2026. Thank you.\n")
    facts = [
        receipt.number,
        "The Harbor Light, Inc.",
        "Ana Silva",
        "12 Elm St",
        "Boston MA 02139",
        "$103.20",
        "$3.20",
        "November 23, 2026",
        "Visa card ending 4242",
        "General support",
        "In honor of Maria",
        "EIN 00-1234567",
        "provided no goods or services in exchange for this contribution.",
        "Ruth Okafor",
        "giving@harborlight.example",
        "(555) 010-0142",
    ]
    shown = read(letter).text
    for fact in facts:
        assert fact in letter.text, fact
        assert fact in shown, fact
    for statement in receipt.snapshot["statements"]:
        assert statement["text"] in letter.text
        assert statement["text"] in shown
    assert shown.index("We received your gift of $103.20 on November 23, 2026.") < 120
    assert f"{settings.BASE_URL}/portal/" in letter.text
    assert letter.attachment_name == f"receipt-{receipt.number}.pdf"
    assert "every month" not in letter.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("frequency", "interval", "word", "next_on"),
    [
        ("monthly", "month", "month", date(2026, 12, 23)),
        ("quarterly", "quarter", "three months", date(2027, 2, 23)),
        ("yearly", "year", "year", date(2027, 11, 23)),
    ],
)
def test_a_gift_that_repeats_says_so_when_it_comes_again_and_how_to_change_it(
    frequency: str, interval: str, word: str, next_on: date
) -> None:
    plan = builders.plan(interval=interval, started_on=ON, anchor_day=23, next_due_on=next_on)
    letter = receipt_letter(frequency=frequency, plan=plan)
    assert letter.subject == f"Receipt for your {frequency} gift of $25.00 to The Harbor Light"
    assert letter.text.startswith(f"We received your {frequency} gift of $25.00 on November 23, 2026.")
    for text in (letter.text, read(letter).text):
        assert f"This gift is {frequency}: we charge the same card again every {word} until you stop it." in text
        assert f"The next time is {issue.in_words(next_on)}." in text
        assert "You can change, pause or stop it at any time in your portal" in text


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"status": "paused", "paused_until": date(2027, 3, 1)}, {"next_due_on": ON}])
def test_a_day_is_only_named_where_it_is_certain(change: dict[str, object]) -> None:
    letter = receipt_letter(frequency="monthly", plan=builders.plan(**change))
    assert "This gift is monthly" in letter.text
    assert "The next time" not in letter.text + letter.html


@pytest.mark.django_db
def test_names_in_any_script_and_with_html_are_text_everywhere() -> None:
    builders.organization(name="Light & <Dark>", legal_name='The "Light" & Sons, Inc.')
    letter = receipt_letter(donor_name=NAME, tribute="memory", tribute_name="<script>x</script> O'Brien")
    assert NAME in letter.text
    assert "In memory of <script>x</script> O'Brien" in letter.text
    assert 'The "Light" & Sons, Inc.' in letter.text
    assert "&amp;" not in letter.text
    assert "&#x27;" not in letter.text
    assert letter.subject.endswith("to Light & <Dark>")
    reader = read(letter)
    assert NAME in reader.text
    assert "In memory of <script>x</script> O'Brien" in reader.text
    assert not {"b", "script"} & {tag for tag, _ in reader.elements}


URL = "https://give.example.org/newsletter/confirm/1-2.x/"
LINKS: dict[str, object] = {"leave_url": URL, "preferences_url": URL}
CONTEXTS: dict[str, dict[str, object]] = {
    "sign_in_code": {"code": "BCDF-GHJK", "minutes": 10},
    "unknown_address": {"email": "<i>eve</i>@example.org"},
    "sign_in_closed": {"email": "<i>eve</i>@example.org"},
    "newsletter_confirm": {"list": "News & more", "source": "giving page", "confirm_url": URL, "days": 7} | LINKS,
    "newsletter_welcome": {"list": "News & more"} | LINKS,
    "newsletter_already": {"list": "News & more"} | LINKS,
    "account_notice": {"subject": "A change & more", "text": "First.\n\n<b>Second</b> & last."},
}


def _receipt_context() -> dict[str, object]:
    facts = issue.snapshot(people.gave("ana@example.org", donor_name=NAME), builders.organization())
    facts |= {"number": "R-2026-000001", "issued_on": "November 23, 2026", "issued_on_iso": "2026-11-23"}
    return {"receipt": facts, "portal_url": "https://give.example.org/portal/"}


@pytest.mark.django_db
@pytest.mark.parametrize("template", [*CONTEXTS, "receipt"])
def test_every_letter_opens_in_all_its_parts(template: str) -> None:
    builders.organization(name="Light & Sons")
    context = CONTEXTS.get(template) or _receipt_context()
    letter = mail.queue("letter:1", "ana@example.org", template, context)
    assert "\n" not in letter.subject
    assert letter.subject
    for text in (letter.subject, letter.text):
        assert "&amp;" not in text
        assert "&lt;" not in text
        assert "{" not in text
    assert "\n\n\n" not in letter.text
    assert max(len(line) for line in letter.text.splitlines() if "http" not in line) < 400
    reader = read(letter)
    assert "Light & Sons" in reader.text
    assert "{" not in reader.text
    assert "i" not in {tag for tag, _ in reader.elements}
    assert len(letter.html.encode()) < 100_000
    for tag, attributes in reader.elements:
        assert tag not in {"img", "script", "link", "iframe", "object"}
        assert attributes.keys().isdisjoint({"src", "background"})
    assert "url(" not in letter.html
    assert "@import" not in letter.html
    assert "prefers-color-scheme: dark" in letter.html
    assert reader.elements[0] == ("html", {"lang": "en"})
    styled = [attributes for tag, attributes in reader.elements if tag in {"p", "h1"}]
    assert styled
    assert all("margin" in (attributes.get("style") or "") for attributes in styled)


@pytest.mark.parametrize("name", sorted(path.name.partition(".")[0] for path in EMAILS.glob("*.subject.txt")))
def test_every_letter_has_all_its_parts_and_fetches_nothing(name: str) -> None:
    subject, text, html = (EMAILS / f"{name}.{part}" for part in ("subject.txt", "body.txt", "body.html"))
    for plain in (subject, text):
        assert "{% autoescape off %}" in plain.read_text(), plain
    said = html.read_text()
    assert said.startswith('{% extends "emails/base.html" %}')
    assert not re.search(r"<(?:img|script|link|iframe|object|style)|\bsrc=|url\(|@import", said)


def test_no_part_of_a_letter_stands_alone() -> None:
    parts = Counter(path.name.partition(".")[0] for path in EMAILS.glob("*.*.*"))
    assert len(parts) > 15
    assert set(parts.values()) == {3}, parts


@pytest.mark.django_db
def test_the_code_stands_first_and_not_in_the_subject() -> None:
    builders.organization()
    letter = mail.queue("letter:1", "ana@example.org", "sign_in_code", CONTEXTS["sign_in_code"])
    assert letter.text.splitlines()[0] == "Your sign-in code is BCDF-GHJK"
    assert "BCDF" not in letter.subject
    assert "for 10 minutes" in letter.text
    assert StoredFile.objects.count() == 0
