"""The benchmarks: the runner's table and exit code, and that the programs compared make the same letter."""

import io
import json
from pathlib import Path

import pypdf
import pytest

from benchmarks import __main__ as runner
from benchmarks import catalog, receipts
from benchmarks.letters import bare, ours
from benchmarks.result import Result


def words(document: bytes) -> list[str]:
    """Everything printed, without the verification code, in alphabetical order: the programs place it differently."""
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document)).pages)
    return sorted(word for word in text.replace("·", " ").split() if not (word.count("-") == 2 and word.isupper()))


def test_every_claim_has_its_benchmark() -> None:
    assert set(catalog.found()) >= {
        "receipts",
        "receipting",
        "webhook",
        "giving",
        "closing",
        "lists",
        "importing",
        "exports",
    }


@pytest.mark.parametrize(("rate", "holds"), [(79.9, False), (80.0, True)])
def test_a_goal_holds_from_the_ratio_on(rate: float, holds: bool) -> None:
    assert Result("receipts", "per second", rate, 10.0, "another", 8.0).holds is holds


def test_bare_typst_makes_the_very_same_file() -> None:
    facts = receipts.snapshot(7)
    (prepare, draw), (_, pdf) = bare.maker(), ours.maker()

    assert draw(prepare(facts)) == pdf(facts)


def test_weasyprint_makes_the_same_letter() -> None:
    html = pytest.importorskip("benchmarks.letters.html", reason="Pango is not installed", exc_type=OSError)  # type: ignore[arg-type]
    facts = receipts.snapshot(7)
    (_, other), (_, pdf) = html.maker(), ours.maker()

    assert words(other(facts)) == words(pdf(facts))


def test_a_missed_goal_is_printed_written_and_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "bench.json"
    good, bad = (Result("receipts", "per second", 80.0, other, "another", 8.0) for other in (10.0, 40.0))

    assert runner.report([good], failed=False, file=None) == 0
    assert runner.report([good], failed=True, file=None) == 1
    assert runner.report([good, bad], failed=False, file=report) == 1

    assert capsys.readouterr().out.splitlines()[-1].split()[:7] == [
        "receipts",
        "80.0",
        "40.0",
        "2.00",
        "≥",
        "8.0",
        "NO",
    ]
    assert [(row["ratio"], row["holds"]) for row in json.loads(report.read_text())] == [(8.0, True), (2.0, False)]
