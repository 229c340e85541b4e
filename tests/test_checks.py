"""`bin/check` finds what it is for: an altered font, a lock file that lags behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.launch import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the two checks read, and the checks themselves, in a folder where it may be spoilt."""
    for folder in ("tests", "sandbox", "bin"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.in", "requirements.txt", "requirements-dev.in", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("templates/documents/fonts", "static/vendor"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def _check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.checks", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_vendored_files_as_they_are_pass(copy: Path) -> None:
    done = _check(copy, "vendored", "requirements")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "All clean."


def test_an_altered_vendored_file_is_named(copy: Path) -> None:
    font = next((copy / "templates/documents/fonts").glob("*.otf"))
    font.write_bytes(font.read_bytes()[:-1] + b"?")
    done = _check(copy, "vendored")
    assert done.returncode == 1
    assert f"templates/documents/fonts/{font.name} is not the file that was locked" in done.stdout


def test_a_vendored_file_nobody_locked_is_named_and_can_be_locked(copy: Path) -> None:
    script = copy / "static/vendor/widget.js"
    script.write_text("alert(1)")
    done = _check(copy, "vendored")
    assert done.returncode == 1
    assert "static/vendor/widget.js is not in vendored.sha512" in done.stdout
    assert _check(copy, "--lock-vendored").returncode == 0
    assert _check(copy, "vendored").returncode == 0


def test_a_requirement_that_was_not_locked_is_named(copy: Path) -> None:
    asked = copy / "requirements.in"
    asked.write_text(asked.read_text() + "\nnot-locked>=1\n")
    done = _check(copy, "requirements")
    assert done.returncode == 1
    assert "requirements.in asks for not-locked>=1, requirements.txt has none" in done.stdout


def test_a_lock_that_is_too_old_is_named(copy: Path) -> None:
    asked = copy / "requirements.in"
    asked.write_text(asked.read_text().replace("stripe>=16.1,<17", "stripe>=17"))
    done = _check(copy, "requirements")
    assert done.returncode == 1
    assert "requirements.in asks for stripe>=17, requirements.txt has 16." in done.stdout


def test_a_check_nobody_knows_is_refused(copy: Path) -> None:
    done = _check(copy, "speling")
    assert done.returncode == 2
    assert "There is no check named speling" in done.stdout
