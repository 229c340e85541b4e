"""The receipt's PDF: what it says, how it is tagged, what it survives, and that the same facts give the same bytes."""

import copy
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pypdf
import pytest
from pypdf.generic import DictionaryObject

from benchmarks import receipts
from donations.receipts import render
from donations.rules import chain

SNAPSHOT: dict[str, Any] = {
    "schema": "receipt-1",
    "template": "receipt-1",
    "locale": "en-US",
    "number": "R-2026-000042",
    "issued_on": "November 23, 2026",
    "issued_on_iso": "2026-11-23",
    "organization": {
        "name": "The Harbor Light, Inc.",
        "address_lines": ["1 Pier Street", "Port Haven, ME 04000"],
        "ein": "00-1234567",
        "phone": "(555) 010-0142",
        "email": "giving@harborlight.example",
        "website": "harborlight.example",
        "brand_color": "#111111",
        "accent_color": "#b3261e",
        "signatory_name": "Ruth Okafor",
        "signatory_title": "Publisher",
    },
    "donor": {"name": "Alice Novak", "address_lines": ["12 Elm St", "Boston MA 02139"]},
    "salutation": "Dear Alice Novak,",
    "gift": {
        "id": "G-00000042",
        "amount": "$103.20",
        "amount_minor": 10320,
        "currency": "usd",
        "gift_on": "November 21, 2026",
        "gift_on_iso": "2026-11-21",
        "method": "Card ending 4242 (Visa)",
        "frequency": "Monthly gift",
        "fund": "General support",
        "covered_fee": "$3.20",
        "tribute": "In honor of Maria",
    },
    "thanks": "You keep a reporter at every council meeting.\n\nWe are grateful.",
    "statements": [
        {
            "code": "S0",
            "version": "1",
            "text": "The Harbor Light, Inc. provided no goods or services in exchange for this contribution.",
        },
        {"code": "S6", "version": "1", "text": "Contributions are deductible to the extent allowed by law."},
    ],
}
INCH = 72
WINDOW = (0.875 * INCH, 5.375 * INCH, 2.04 * INCH, 3.167 * INCH)  # left, right, top, bottom on the folded letter


def snapshot(**changes: Any) -> dict[str, Any]:
    """The facts of a good receipt; `donor__name="Bob"` changes one inside."""
    facts = copy.deepcopy(SNAPSHOT)
    for path, value in changes.items():
        *folders, name = path.split("__")
        place = facts
        for folder in folders:
            place = place[folder]
        place[name] = value
    return facts


def read(document: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(document))


def text(document: bytes) -> str:
    """Everything printed, in reading order, each space and line end as one space."""
    return " ".join("\n".join(page.extract_text() for page in read(document).pages).split())


def elements(document: bytes) -> Iterator[str]:
    """The names in the structure tree, in reading order."""

    def walk(node: Any) -> Iterator[str]:
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                yield from walk(child)
        elif isinstance(node, DictionaryObject):
            if "/S" in node:
                yield str(node["/S"])
            if "/K" in node:
                yield from walk(node["/K"])

    return walk(read(document).root_object["/StructTreeRoot"])


def placed(document: bytes) -> list[tuple[float, float, str]]:
    """Each piece of text on the first page with its distance from the left and the top edge."""
    found: list[tuple[float, float, str]] = []

    def note(piece: str, cm: list[float], tm: list[float], _font: object, _size: object) -> None:
        if piece.strip():
            found.append((tm[4] * cm[0] + cm[4], 792 - (tm[5] * cm[3] + cm[5]), piece.strip()))

    read(document).pages[0].extract_text(visitor_text=note)
    return found


def in_window(document: bytes) -> list[str]:
    """The lines of which any part can be seen through the window."""
    left, right, top, bottom = WINDOW
    lines: dict[float, str] = {}
    for x, y, piece in placed(document):
        if left <= x <= right and top - 8 <= y <= bottom + 8:
            lines[round(y)] = lines.get(round(y), "") + piece
    return list(lines.values())


# ---- What it says ---------------------------------------------------------------------------------------------------


def test_it_says_every_fact_of_the_gift() -> None:
    printed = text(render.pdf(snapshot()))

    for fact in (
        "Receipt for your gift of $103.20",
        "Amount $103.20, of which $3.20 covers processing costs",
        "Date of gift November 21, 2026",
        "Given by Alice Novak",
        "Given to The Harbor Light, Inc., EIN 00-1234567",
        "For General support",
        "Frequency Monthly gift",
        "Paid by Card ending 4242 (Visa)",
        "Dedication In honor of Maria",
        "Dear Alice Novak, You keep a reporter at every council meeting. We are grateful.",
        "The Harbor Light, Inc. provided no goods or services in exchange for this contribution.",
        "Contributions are deductible to the extent allowed by law.",
        "Ruth Okafor Publisher",
        "1 Pier Street · Port Haven, ME 04000 · (555) 010-0142 · giving@harborlight.example · harborlight.example",
    ):
        assert fact in printed
    assert printed.count("R-2026-000042") == 2


def test_what_is_not_known_leaves_no_empty_row() -> None:
    printed = text(
        render.pdf(snapshot(gift__covered_fee="", gift__tribute="", organization__website="", donor__address_lines=[]))
    )

    assert "Amount $103.20 Date of gift" in printed
    assert "Dedication" not in printed
    assert "giving@harborlight.example Alice Novak November 23, 2026" in printed


@pytest.mark.parametrize(
    "name",
    [
        "李 Ana Łukasz عربي",
        "王小明",
        "山田太郎 𠮷野",
        "김철수",
        "Θεόδωρος",
        "Дмитрий Щербак",
        "Nguyễn Thị Ánh",
        "דוד",
        "สมชาย",
        "Աննա",
    ],
)
def test_names_of_any_script_can_be_read_back(name: str) -> None:
    assert unicodedata.normalize("NFC", name) in text(render.pdf(snapshot(donor__name=name)))


def test_lines_from_right_to_left_keep_the_lines_around_them_in_order() -> None:
    lines = ["شارع الحمراء", "12 Rue Verdun", "LEBANON"]
    printed = text(render.pdf(snapshot(donor__name="محمد", donor__address_lines=lines)))

    assert re.search(r"محمد .*(شارع).* 12 Rue Verdun LEBANON November", printed)


def test_a_character_no_font_has_becomes_a_box_and_can_still_be_read() -> None:
    printed = text(render.pdf(snapshot(donor__name="Zoë 🎉 \u0378 \U0001fae9 \U0003fffd end")))

    assert "Zoë 🎉 \u0378" in printed
    assert "end" in printed


def test_unprintable_characters_do_no_harm() -> None:
    name = "A\x00\x07B \ud83d C \ue000 \uffff \u202eevil\u202c D\r\nE\u2028F \ufeff\U000f0001G"
    printed = text(render.pdf(snapshot(donor__name=name, salutation=name, thanks=name)))

    assert "Given by A B \ufffd C \ufffd \ufffd evil D E F \ufffdG" in printed


@pytest.mark.parametrize(
    "attempt",
    [
        '#panic("x") #import "letter.typ": * $x^2$ *bold* _it_ @label <label> `raw` \\ \\u{41} [a] {b} // c /* d */',
        "= Heading",
        "- list + item / term: x",
        '"}, "number": "R-1", "x": {"',
        "</text><script>alert(1)</script> {{ 7*7 }} {% x %} -- --- ... ~ ' \"",
    ],
)
def test_markup_is_printed_as_it_was_typed(attempt: str) -> None:
    facts = snapshot(donor__name=attempt, gift__tribute=attempt, salutation=attempt, thanks=attempt)
    facts["statements"][0]["text"] = attempt

    printed = text(render.pdf(facts))

    assert printed.count(" ".join(attempt.split())) == 6


# ---- How it looks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3, 5, 6])
def test_the_window_shows_the_address_and_nothing_else(count: int) -> None:
    lines = [f"Line {number}" for number in range(1, count + 1)]

    shown = in_window(render.pdf(snapshot(donor__address_lines=lines)))

    assert shown == ["Alice Novak", *lines]


def test_a_long_address_stays_in_the_window() -> None:
    lines = ["c/o The Very Long Named Residential Community of Saint Mary of the Harbor, Northern Wing", *"BCDEFGHI"]
    document = render.pdf(snapshot(donor__name="Maximiliana von " + "Hohenstaufen-" * 12, donor__address_lines=lines))

    shown = in_window(document)
    assert shown[0].startswith("Maximiliana von Hohenstaufen-")
    assert shown[0].endswith("…")
    assert shown[-1] == "F, G, H, I"
    assert any(y > WINDOW[3] for _, y, piece in placed(document) if piece.startswith("Receipt for your gift"))


def test_one_gift_is_one_page_and_does_not_say_so() -> None:
    document = render.pdf(snapshot())

    assert len(read(document).pages) == 1
    assert "Page" not in text(document)


def test_ten_thousand_characters_run_on_over_headed_and_numbered_pages() -> None:
    name = "Łu" * 5000
    document = render.pdf(snapshot(donor__name=name, salutation=f"Dear {name},"))

    pages = [page.extract_text() for page in read(document).pages]
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert ("The Harbor Light, Inc., receipt R-2026-000042, continued" in page) is (number > 1)
    given_by = "".join(pages).replace("\u200b", "").replace("\n", "")
    assert given_by.count("Łu") >= 5000


def test_every_line_stays_on_the_paper() -> None:
    document = render.pdf(snapshot(donor__name="W" * 200, gift__tribute="M" * 200, gift__fund="w" * 200))

    printed = read(document).pages[0].extract_text().splitlines()
    assert max(len(line.replace("\u200b", "")) for line in printed) < 120


@pytest.mark.parametrize("color", ["#ffffff", "#ffe600", "#000000", "#01baef"])
def test_the_name_of_the_organization_can_be_read_in_any_brand_color(color: str) -> None:
    content = read(render.pdf(snapshot(organization__brand_color=color))).pages[0].get_contents()
    assert content is not None
    filled = re.search(rb"([\d.]+) ([\d.]+) ([\d.]+) scn\s+BT", content.get_data())
    assert filled

    channels = [float(share) for share in filled.groups()]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_a_color_that_is_none_is_no_obstacle() -> None:
    assert "Alice" in text(render.pdf(snapshot(organization__brand_color="red", organization__accent_color="")))


# ---- What it is -----------------------------------------------------------------------------------------------------


def test_it_is_tagged_for_people_who_hear_it() -> None:
    document = render.pdf(snapshot())
    root: Any = read(document).root_object

    metadata = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en-US"
    names = list(elements(document))
    assert [name for name in names if name.startswith("/H")] == ["/H1", "/H2"]
    assert names.count("/TH") == 2
    assert names.count("/TD") == 16


def test_it_says_who_wrote_it_and_when() -> None:
    metadata = read(render.pdf(snapshot())).metadata

    assert metadata is not None
    assert metadata.title == "Receipt R-2026-000042, The Harbor Light, Inc."
    assert metadata.author == "The Harbor Light, Inc."
    assert str(metadata["/CreationDate"]).startswith("D:20261123")


def test_every_font_comes_from_the_repository() -> None:
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]
        for font in cast(Any, read(render.pdf(snapshot(donor__name="李"))).pages[0])["/Resources"]["/Font"].values()
    }

    assert len(fonts) == 3
    assert all(name.startswith(("SourceSerif4", "NotoSerifCJK")) for name in fonts)


def test_the_same_facts_give_the_same_bytes() -> None:
    facts = snapshot()
    reordered = dict(reversed(list(facts.items())))

    assert render.pdf(facts) == render.pdf(copy.deepcopy(facts)) == render.pdf(reordered)
    assert facts == SNAPSHOT


@pytest.mark.parametrize(
    ("path", "value"),
    [("number", "R-2026-000043"), ("gift__amount", "$103.21"), ("donor__name", "Bob"), ("gift__id", "G-00000043")],
)
def test_another_fact_gives_other_bytes_and_another_code(path: str, value: str) -> None:
    facts, other = snapshot(), snapshot(**{path: value})

    assert render.pdf(facts) != render.pdf(other)
    assert chain.code(facts) != chain.code(other)
    assert f"Verification code {chain.code(other)}" in text(render.pdf(other))


# ---- Trouble --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["template", "issued_on_iso", "gift", "donor", "organization", "statements"])
def test_a_snapshot_without_a_fact_is_refused_by_number(missing: str) -> None:
    facts = snapshot()
    del facts[missing]

    with pytest.raises(render.RenderError, match="R-2026-000042") as refusal:
        render.pdf(facts)

    assert refusal.value.number == "R-2026-000042"
    assert render.pdf(snapshot())


@pytest.mark.parametrize(
    ("path", "value"), [("template", "receipt-0"), ("issued_on_iso", "yesterday"), ("thanks", object()), ("gift", 7)]
)
def test_a_snapshot_with_a_fact_that_cannot_be_is_refused(path: str, value: object) -> None:
    with pytest.raises(render.RenderError, match="R-2026-000042"):
        render.pdf(snapshot(**{path: value}))


def test_several_threads_draw_at_once() -> None:
    many = [snapshot(number=f"R-2026-{number:06}") for number in range(40)]
    one_by_one = [render.pdf(facts) for facts in many]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(render.pdf, many)) == one_by_one


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_forked_after_drawing_draws_too() -> None:
    expected = render.pdf(snapshot())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, render.pdf(snapshot()))
            refused = False
            try:
                render.pdf(snapshot(gift=7))
            except render.RenderError:
                refused = True
            os._exit(0 if refused else 2)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        drawn = pipe.read()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert drawn == expected


def test_a_receipt_of_the_first_look_is_drawn_today_as_it_was_issued() -> None:
    """Its bytes are kept, but whoever draws it again must get the same: a changed look needs a new template's name."""
    drawn = render.pdf(receipts.snapshot(7))
    assert hashlib.sha256(drawn).hexdigest() == "2e27b6cd8c1397e860d3d9254410e810d9ce16ee66fe4446e4fd4560a03365bf"
