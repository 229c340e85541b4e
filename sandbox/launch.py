"""Starts and stops the programs of the demo and the tests so that none of them outlives us."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("launch_guard.py")
ROOT = Path(__file__).resolve().parent.parent


class LaunchError(Exception):
    """Something that was asked to run does not; the text is for the person at the terminal."""


class InUse(LaunchError):
    """Another program of ours has it already."""


class Child:
    """One program, its log and the guard that ends it when we are gone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[Child], bool],
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
        timeout: float = 60.0,
        cwd: Path = ROOT,
    ) -> None:
        """`ready` says whether the program does its work; it has `timeout` seconds to get there, `grace` to end."""
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._env = dict(env) if env is not None else None
        self._stop_signal = stop_signal
        self._ready = ready
        self._grace = grace
        self._timeout = timeout
        self._cwd = cwd
        self._log_start = 0
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """The program runs and is ready. Raises LaunchError with the last lines of its log. Safe to call twice."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        guarded = [sys.executable, "-I", "-S", str(GUARD), str(int(self._stop_signal)), str(self._grace), "--"]
        with self.log.open("ab") as out:
            self._log_start = out.tell()
            self._guard = subprocess.Popen(
                [*guarded, *self._command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                # A terminal's Ctrl-C reaches us alone; we then stop the children in the right order.
                start_new_session=True,
            )
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """The program has ended by its own orderly way, or by force after its grace."""
        if self._guard is None:
            return
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait()
        self._guard = None

    def restart(self) -> None:
        """The program was down for a moment."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """The program and all it forked are gone at once, as after a power cut."""
        if self._guard is None:
            return
        if self._guard.poll() is None:
            self._guard.send_signal(signal.SIGUSR1)
        self.stop()

    def last_lines(self, count: int = 15) -> str:
        """The end of what it logged since its start, for telling why it died."""
        return "\n".join(self.since_start().splitlines()[-count:])

    def since_start(self) -> str:
        """What the program has logged since it was last started."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self._timeout
        wait = 0.005
        while not self._ready(self):
            if not self.running:
                raise LaunchError(f"{self.name} stopped as soon as it was started:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise LaunchError(f"{self.name} was not ready after {self._timeout:.0f} s:\n{self.last_lines()}")
            time.sleep(wait)
            wait = min(wait * 1.5, 0.1)


def answers(address: tuple[str, int] | Path) -> bool:
    """Whether somebody listens at a TCP address or a unix socket."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as trial:
        trial.settimeout(1)
        try:
            trial.connect(str(address) if isinstance(address, Path) else address)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody has now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether a server of ours could not listen on 127.0.0.1 at this port."""
    with socket.socket() as trial:
        # The servers set the same option, so a port in TIME_WAIT counts as free for us too.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
