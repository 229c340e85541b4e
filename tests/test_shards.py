"""`bin/test` without arguments: several processes, one account of them, one exit code, and nothing left of any."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.launch import ROOT

CONFTEST = """
from tests import shards

def pytest_configure(config):
    config.pluginmanager.register(shards)
"""
PASSES = "def test_it(): pass\n"
MEETS = """
import pathlib, time, pytest

@pytest.mark.slow
def test_it():
    pathlib.Path("{}").touch()
    end = time.time() + 60
    while not pathlib.Path("{}").exists():
        assert time.time() < end
        time.sleep(0.02)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A checkout whose suite is empty, apart from what makes shards of it."""
    folder = tmp_path / "checkout"
    (folder / "tests").mkdir(parents=True)
    for name in ("__init__.py", "__main__.py", "chromium.py", "shards.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    (folder / "tests/conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nmarkers = slow\naddopts = -p xdist\n")
    return folder


def _environment(suite: Path, **more: str) -> dict[str, str]:
    """As a person's at a terminal: without what this run itself was told."""
    hidden = ("DATABASE_URL", "REDIS_URL", "TESTS_HANDED_OUT", "PYTEST_", "PYTHONPATH")
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    # What other plugins there are makes no difference, and each process would take its time to load them.
    mine = {"CHROMIUM": shutil.which("true") or "", "SUITE": str(suite), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    mine["TEST_PROCESSES"] = "2"
    return env | mine | more


def _run(suite: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests", *arguments]
    return subprocess.run(
        command, cwd=suite, env=_environment(suite, **env), capture_output=True, text=True, timeout=120, check=False
    )


def _write(suite: Path, **files: str) -> None:
    for name, text in files.items():
        (suite / f"tests/test_{name}.py").write_text(text)


def test_the_files_are_shared_out_and_the_last_line_counts_them_all(suite: Path) -> None:
    skips = "import pytest\ndef test_it(): pytest.skip('not here')\n"
    fails = "import pytest\n@pytest.fixture\ndef bad(): 1 / 0\ndef test_it(bad): pass\ndef test_more(): assert False\n"
    _write(suite, one=PASSES, two=PASSES + "def test_more(): pass\n", three=skips, four=fails)
    done = _run(suite)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "3 passed, 2 failed, 1 skipped"
    assert "FAILED tests/test_four.py::test_more" in done.stdout
    assert "ERROR tests/test_four.py::test_it" in done.stdout


def test_slow_files_come_first_and_run_side_by_side(suite: Path) -> None:
    early = "import pathlib\ndef test_it(): assert pathlib.Path('x').exists() and pathlib.Path('y').exists()\n"
    # Two that wait for each other can only pass side by side; by their names they would not be the first.
    _write(suite, a=early, b=PASSES, x=MEETS.format("x", "y"), y=MEETS.format("y", "x"))
    done = _run(suite)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "4 passed, 0 failed, 0 skipped"


def test_a_shard_that_dies_fails_the_run(suite: Path) -> None:
    _write(suite, one=PASSES, two="import os\ndef test_it(): os._exit(0)\n")
    done = _run(suite)
    assert done.returncode == 1
    assert "crashed while running 'tests/test_two.py::test_it'" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize("broken", ["", "import nowhere_to_be_found\n"])
def test_a_suite_that_collects_nothing_fails(suite: Path, broken: str) -> None:
    _write(suite, one=broken)
    done = _run(suite)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith("0 passed, ")


@pytest.mark.parametrize(
    ("arguments", "env"), [(["tests/test_one.py"], {}), ([], {"DATABASE_URL": "postgresql://x/y"})]
)
def test_with_arguments_or_a_given_server_it_is_one_process(
    suite: Path, arguments: list[str], env: dict[str, str]
) -> None:
    _write(suite, one="import os\ndef test_it(): assert 'PYTEST_XDIST_WORKER' not in os.environ\n")
    done = _run(suite, *arguments, **env)
    assert done.returncode == 0, done.stdout
    assert "worker" not in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"


def test_ctrl_c_ends_all_of_them(suite: Path) -> None:
    sleeps = "import os, pathlib, sys, time\ndef test_it():\n    pathlib.Path('{}').touch()\n    time.sleep(600)\n"
    _write(suite, one=sleeps.format("x"), two=sleeps.format("y"))
    command = [sys.executable, "-m", "tests"]
    with subprocess.Popen(
        command, cwd=suite, env=_environment(suite), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        while not all((suite / name).exists() for name in "xy"):
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 2
    assert "KeyboardInterrupt" in said
    assert _left(suite) == []


def _left(suite: Path) -> list[str]:
    """Processes that still have the suite's environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"SUITE={suite}\0".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found
