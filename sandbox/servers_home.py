"""The folder that one private server has to itself, and the account it runs under."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.launch import InUse, LaunchError

NOBODY = 65534
# A unix socket's address holds 107 bytes, and PostgreSQL's name for it takes 15 of them.
LONGEST_SOCKET_DIR = 90


class Home:
    """One server's folder: locked while in use, with a short private folder for the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.socket_dir = self.path / "run"
        self._note = self.path / "socket-dir"
        self._lock: IO[str] | None = None

    def take(self, account: Account) -> None:
        """Nobody else uses this folder until `leave`; `account` can write to `socket_dir`.

        Raises InUse when another program has it.
        """
        if self._lock is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise InUse(f"another program is already using {self.path}; stop that one first.") from None
        self._lock = lock
        if self._note.exists():
            # We hold the lock, so whoever wrote this note was killed before it could tidy up.
            shutil.rmtree(self._note.read_text().strip(), ignore_errors=True)
        self.socket_dir = self._make_socket_dir(account)
        self._note.write_text(f"{self.socket_dir}\n")

    def leave(self) -> None:
        """The socket's folder is gone and the next program may come."""
        if self._lock is None:
            return
        shutil.rmtree(self.socket_dir, ignore_errors=True)
        self._note.unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    def _make_socket_dir(self, account: Account) -> Path:
        own = self.path / "run"
        # Other characters would need quoting, each library in its own way, in the address of the server.
        if len(os.fsencode(own)) <= LONGEST_SOCKET_DIR and re.fullmatch(r"[\w./-]+", str(own), re.ASCII):
            own.mkdir(mode=0o700, exist_ok=True)
            account.give(own)
            if account.can("test", "-w", own):
                return own
            own.rmdir()
        short = Path(tempfile.mkdtemp(prefix="mw-", dir="/tmp"))
        account.give(short)
        return short


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as: it refuses root, so root has to lend it another identity."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None

    def command(self, *parts: str | Path) -> list[str]:
        """The command line that runs `parts` under this account."""
        return [*self.prefix, *map(str, parts)]

    def can(self, *parts: str | Path) -> bool:
        """Whether this command succeeds under this account."""
        try:
            return subprocess.run(self.command(*parts), capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def give(self, path: Path) -> None:
        """The account owns this folder."""
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)


ORDINARY = Account()
# Root as seen from outside, so root's own files stay readable; `nobody` as PostgreSQL sees itself.
MAPPED = Account(prefix=("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"))
# Where a container forbids user namespaces: really `nobody`, who can read much less.
REAL_NOBODY = Account(
    prefix=("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    owner=NOBODY,
)


def choose_account() -> Account:
    """The account for PostgreSQL on this machine. Raises LaunchError when root has none to lend."""
    if os.geteuid() != 0:
        return ORDINARY
    for account in (MAPPED, REAL_NOBODY):
        if account.can("true"):
            return account
    raise LaunchError(
        "PostgreSQL does not run as root, and neither 'unshare --user' nor 'setpriv' works here; "
        "run this as an ordinary user, or set DATABASE_URL."
    )


def aside(path: Path) -> Path:
    """A private folder outside the checkout that stands in for `path` where another account cannot reach that."""
    place = (
        Path("/var/tmp") / f"more-ways-{os.geteuid()}-{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:12]}"
    )
    place.mkdir(mode=0o711, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.geteuid():
        raise LaunchError(f"{place} belongs to somebody else; remove it and run this again.")
    return place


def end_stale(pid_file: Path, mark: str | Path) -> None:
    """A server left behind by a killed program has ended. `mark` stands on its command line, so no stranger is hit."""
    try:
        pid = int(pid_file.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return
    for number, patience in ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        if str(mark) not in _command_line(pid):
            return
        os.kill(pid, number)
        while time.monotonic() < deadline and str(mark) in _command_line(pid):
            time.sleep(0.05)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    if Path("/proc/self").exists():
        return ""
    listed: Sequence[str] = ("ps", "-o", "command=", "-p", str(pid))
    return subprocess.run(listed, capture_output=True, text=True, check=False).stdout
