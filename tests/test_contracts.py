"""Each import contract of pyproject.toml is seen to fail when somebody breaks it, and the other checks likewise."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sandbox.launch import ROOT

PACKAGES = ("nonprofit", "donations", "members", "sandbox", "tests", "benchmarks")
PLANTED = {
    "floors": ("nonprofit/money.py", "import donations.models"),
    "donations": ("donations/models/__init__.py", "import donations.gifts"),
    "stripe": ("donations/gifts.py", "import stripe"),
    "rules": ("donations/rules/__init__.py", "import django.db"),
    "product": ("donations/tasks.py", "import sandbox.server"),
    "sandbox": ("sandbox/store.py", "import nonprofit.money"),
}
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code alone, in a folder where it may be spoilt."""
    for package in PACKAGES:
        only_code = shutil.ignore_patterns("__pycache__", "*.ttf", "*.otf")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=only_code)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_every_contract_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(CONTRACTS)


def test_the_code_as_it_is_keeps_every_contract(copy: Path) -> None:
    done = _lint_imports(copy)
    assert done.returncode == 0, done.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(copy: Path, contract: str) -> None:
    name, line = PLANTED[contract]
    spoilt = copy / name
    spoilt.write_text(f"{spoilt.read_text()}\n{line}\n")
    done = _lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert f"{CONTRACTS[contract]} BROKEN" in done.stdout
