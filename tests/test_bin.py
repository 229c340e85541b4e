"""The commands a person types: what they say when something is missing, and that they leave nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.launch import ROOT, free_port
from tests.test_servers import processes_naming, wait_until_gone

TOOLS = ("sh", "cat", "cksum", "tr", "dirname")


def _environment(state: Path, **more: str) -> dict[str, str]:
    """This one's without the servers that the test run itself uses."""
    ours = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return ours | {"STATE_DIR": str(state)} | more


# --- finding Python and installing ------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as the bootstrap sees it: nothing to install, and a demo that only says hello."""
    clone = tmp_path / "a clone"
    shutil.copytree(ROOT / "bin", clone / "bin")
    (clone / "sandbox").mkdir()
    shutil.copy(ROOT / "sandbox/launch_venv.py", clone / "sandbox")
    (clone / "sandbox/demo.py").write_text("import sys; print('hello', *sys.argv[1:])")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (clone / name).write_text("")
    return clone


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A path with the system's smallest tools and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def _demo(checkout: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "bin/demo"), *arguments]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False)


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_first_start_installs_and_the_second_does_not(checkout: Path) -> None:
    first = _demo(checkout, "--port", "1")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "hello --port 1\n"
    assert "Installing" in first.stderr
    second = _demo(checkout)
    assert (second.stdout, second.stderr) == ("hello\n", "")
    # A changed lock file is installed into the virtualenv that is there.
    (checkout / "requirements.txt").write_text("# changed\n")
    third = _demo(checkout)
    assert third.stdout == "hello\n"
    assert "Making" not in third.stderr
    assert "Installing" in third.stderr


def test_no_python_is_one_sentence(checkout: Path, tools: Path) -> None:
    # As a version manager leaves it: a name on the path for a version that is not installed.
    _program(tools / "python3.12", "echo 'python3.12: command not found' >&2; exit 127")
    done = _demo(checkout, PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("demo: no Python 3.11 or newer was found; install one")


def test_a_python_without_venv_is_one_sentence(checkout: Path, tools: Path) -> None:
    real = sys.executable
    _program(tools / "python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec {real} "$@"')
    done = _demo(checkout, PATH=str(tools))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert re.match(
        r"demo: Python 3\.\d+\.\d+ is here but cannot make virtual environments; .*python3-venv", done.stderr
    )


def test_a_failed_install_is_one_sentence_with_the_log(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("./not-there.whl --hash=sha256:" + "0" * 64)
    done = _demo(checkout)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Installation failed: the packages could not be installed (")
    assert last.endswith(f"the whole story is in {checkout}/.local/log/install.log.")
    assert "not-there.whl" in (checkout / ".local/log/install.log").read_text()
    assert not (checkout / ".venv/installed").exists()
    (checkout / "requirements.txt").write_text("")
    assert _demo(checkout).stdout == "hello\n"


def test_an_interrupted_install_is_begun_anew(checkout: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        (checkout / "requirements.txt").write_text(f"--index-url {index}\nsix==1.0 --hash=sha256:{'0' * 64}\n")
        with subprocess.Popen(
            [checkout / "bin/demo"], stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as running:
            assert running.stderr
            while "Installing" not in running.stderr.readline():
                assert running.poll() is None
            pip, _ = silent.accept()  # it is asking, and will wait for an answer
            with pip:
                os.killpg(running.pid, signal.SIGINT)
                assert "Stopped; the next run begins the installation anew." in running.stderr.read()
        assert running.returncode != 0
    assert wait_until_gone(str(checkout)) == []
    assert not (checkout / ".venv/installed").exists()
    (checkout / "requirements.txt").write_text("")
    second = _demo(checkout)
    assert second.stdout == "hello\n"
    assert "Making" in second.stderr


# --- the demo -----------------------------------------------------------------------------------------------------


@dataclass
class Demo:
    """One demo of a test's own."""

    process: subprocess.Popen[str]
    state: Path
    port: int
    output: str = ""

    def read_until(self, text: str) -> str:
        """Everything it said so far; it has said `text`."""
        assert self.process.stdout
        while text not in self.output:
            piece = self.process.stdout.readline()
            assert piece, f"the demo ended without saying {text!r}:\n{self.output}"
            self.output += piece
        return self.output

    def end(self, number: int) -> int:
        """Its exit code after this signal; 0 is no signal."""
        self.process.send_signal(number)
        assert self.process.stdout
        with self.process:
            self.output += self.process.stdout.read()
        return self.process.returncode

    def ready_after(self) -> int:
        """Seconds that it took to come up, as it says itself."""
        said = re.search(r"Ready after (\d+) s", self.read_until("Ctrl-C stops everything"))
        assert said
        return int(said[1])


# How long the first demo of a folder took, which had everything to make.
FIRST: dict[Path, int] = {}


def _start_demo(state: Path, *arguments: str) -> Demo:
    port = free_port()
    command = [sys.executable, "-m", "sandbox.demo", "--port", str(port)]
    command += ["--sandbox-port", str(free_port()), "--smtp-port", str(free_port()), *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=_environment(state), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Demo(process, state, port)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What one demo keeps for the next, as it does in a checkout."""
    folder = tmp_path_factory.mktemp("demo")
    yield folder
    assert wait_until_gone(str(folder)) == []


def _left_behind(state: Path) -> list[str]:
    sockets = [str(path) for path in state.rglob("*") if path.is_socket() or path.suffix == ".pid"]
    return wait_until_gone(str(state)) + sockets


@pytest.mark.slow
def test_the_demo_comes_up_says_where_and_leaves_nothing(state: Path) -> None:
    demo = _start_demo(state)
    FIRST[state] = demo.ready_after()
    said = demo.output
    for expected in (
        f"http://127.0.0.1:{demo.port}/give/",
        "/mail/",
        "ana@example.org",
        "staff@example.org",
        "finance@example.org",
    ):
        assert expected in said
    assert (state / "demo.env").stat().st_mode & 0o777 == 0o600
    assert demo.end(signal.SIGINT) == 0
    assert demo.output.endswith("Stopped. Nothing is left running.\n")
    assert "Traceback" not in demo.output
    assert _left_behind(state) == []
    assert not (state / "demo.env").exists()


@pytest.mark.slow
def test_a_second_demo_is_quick_and_a_dead_child_is_told(state: Path) -> None:
    demo = _start_demo(state)
    ready_after = demo.ready_after()
    # Whatever else the machine does: nothing is migrated or filled in again.
    assert ready_after < FIRST.get(state, ready_after + 1)
    (worker,) = {line for line in processes_naming(f"-n w{demo.port}@") if "launch_guard" in line}
    assert worker
    pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_worker(path, demo.port)]
    os.kill(min(pids), signal.SIGKILL)
    assert demo.end(0) == 1
    assert re.search(r"The demo cannot go on: the worker died\. The end of .*/log/worker\.log:\n.+", demo.output)
    assert _left_behind(state) == []


def _is_worker(path: Path, port: int) -> bool:
    try:
        line = path.read_bytes().decode(errors="replace")
    except OSError:
        return False
    return f"w{port}@" in line and "launch_guard" not in line


@pytest.mark.slow
def test_a_killed_demo_leaves_nothing_either(state: Path) -> None:
    demo = _start_demo(state)
    demo.read_until("Starting the worker")
    demo.end(signal.SIGKILL)
    assert wait_until_gone(str(state), seconds=30) == []


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "sandbox.demo", "--port", str(free_port()), "--sandbox-port", str(port)]
        done = subprocess.run(
            command, cwd=ROOT, env=_environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert (
        f"The demo cannot go on: port {port} is taken; stop what uses it, or choose another with --sandbox-port N."
        in done.stdout
    )
    assert _left_behind(tmp_path) == []


def test_a_given_database_is_not_reset(tmp_path: Path) -> None:
    env = _environment(tmp_path, DATABASE_URL="postgresql://me@db.example.org/gifts")
    ports = ["--port", str(free_port()), "--sandbox-port", str(free_port()), "--smtp-port", str(free_port())]
    command = [sys.executable, "-m", "sandbox.demo", "--reset", *ports]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "--reset does not touch the database that DATABASE_URL names" in done.stdout
