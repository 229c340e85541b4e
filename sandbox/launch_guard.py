"""Stands between us and one server we started: when we die, however we die, it stops that server and all it forked."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

# Run by its path with `python -I -S`, so it imports nothing of ours and starts in a few milliseconds.

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


def main(arguments: list[str]) -> int:
    """STOP_SIGNAL GRACE_SECONDS -- COMMAND…; standard input is a pipe whose other end only our starter holds."""
    stop_signal, grace = signal.Signals(int(arguments[0])), float(arguments[1])
    command = arguments[3:]
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for name in HEARD:
        signal.signal(name, _noted)
    child = _start(command)
    try:
        return _watch(child, stop_signal, grace, wake_read)
    finally:
        _end_group(child)


def _noted(_number: int, _frame: object) -> None:
    """The number arrives through the wake-up pipe."""


def _start(command: list[str]) -> int:
    # Signals wait until the child is itself: one that came before it let go of our handlers would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):
            os.setpgid(child, child)  # on both sides of the fork, so that neither can be too early
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        return child
    try:
        os.setpgid(0, 0)
        for name in HEARD:
            signal.signal(name, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _watch(child: int, stop_signal: int, grace: float, wake_read: int) -> int:
    deadline: float | None = None
    listening = [0, wake_read]
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(listening, [], [], left)
        if deadline is not None and time.monotonic() >= deadline:
            _end_group(child)
        stop = False
        if 0 in ready and not os.read(0, 1):
            listening.remove(0)
            stop = True
        if wake_read in ready:
            numbers = os.read(wake_read, 64)
            if signal.SIGUSR1 in numbers:
                _end_group(child)
            stop = stop or any(number in numbers for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) & 0xFF
        if stop and deadline is None:
            os.kill(child, stop_signal)
            deadline = time.monotonic() + grace


def _end_group(child: int) -> None:
    # The child leads a process group of its own, so this also reaches pool workers it left behind.
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
