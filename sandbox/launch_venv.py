"""Makes the virtualenv that the commands in `bin/` run in; standard library only, because nothing is installed yet."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STAMP = "installed"
UNFINISHED = "unfinished"


class InstallFailed(Exception):
    """One sentence for the person who typed the command."""


def ready(venv: Path, stamp: str, log_dir: Path, requirements: list[Path]) -> None:
    """`venv` runs and holds what `requirements` say. An interrupted run leaves no stamp, and the next one begins anew.

    Raises InstallFailed. Safe to call twice, and from two terminals at once: the second waits for the first.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    with _alone(log_dir.parent / "venv.lock"):
        if _read(venv / STAMP) == stamp and _runs(venv):
            return
        if (venv / UNFINISHED).exists() or not _runs(venv):
            shutil.rmtree(venv, ignore_errors=True)
        log = log_dir / "install.log"
        if not venv.exists():
            _make(venv, log)
        (venv / STAMP).unlink(missing_ok=True)
        (venv / UNFINISHED).touch()
        _install(venv, log, requirements)
        (venv / STAMP).write_text(stamp + "\n")
        (venv / UNFINISHED).unlink()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another command that is installing packages …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(venv: Path, log: Path) -> None:
    _say(f"Making {venv} with Python {sys.version.split()[0]} …")
    # A mark goes in first: a virtualenv half made is thrown away by the next run, not trusted.
    venv.mkdir(parents=True)
    (venv / UNFINISHED).touch()
    with log.open("w") as out:
        made = subprocess.run([sys.executable, "-m", "venv", venv], stdout=out, stderr=subprocess.STDOUT, check=False)
    if made.returncode:
        raise InstallFailed(f"the virtual environment could not be made; {log} says why.")


def _install(venv: Path, log: Path, requirements: list[Path]) -> None:
    locked = len(
        {name for path in requirements for name in re.findall(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==", path.read_text())}
    )
    _say(f"Installing {locked} packages, once; this takes about a minute …")
    began = time.monotonic()
    command = [str(venv / "bin/python"), "-m", "pip", "install", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--prefer-binary"]
    for path in requirements:
        command += ["-r", str(path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    seen = 0
    with log.open("a") as out:
        pip = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert pip.stdout
        try:
            for line in pip.stdout:
                out.write(line)
                out.flush()
                if line.startswith(("Collecting ", "Requirement already satisfied")):
                    seen += 1
                    _show_progress(seen, locked)
                elif line.startswith("Installing collected"):
                    _say("  unpacking …")
        except BaseException:
            pip.terminate()
            raise
        finally:
            pip.wait()
    if pip.returncode:
        raise InstallFailed(f"the packages could not be installed{_reason(log)}; the whole story is in {log}.")
    _say(f"Installed in {time.monotonic() - began:.0f} s.")


def _reason(log: Path) -> str:
    errors = [
        line.removeprefix("ERROR: ").strip() for line in log.read_text().splitlines() if line.startswith("ERROR: ")
    ]
    return f" ({errors[-1][:200]})" if errors else ""


def _show_progress(seen: int, locked: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r  {seen} of {locked} fetched\033[K" + ("\n" if seen == locked else ""))
        sys.stderr.flush()
    elif seen % 25 == 0:
        _say(f"  {seen} of {locked} fetched")


def _runs(venv: Path) -> bool:
    python = venv / "bin/python"
    # Run it rather than look at it: the Python it was made from may have been removed since.
    return (
        python.exists()
        and not subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode
    )


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Called by `bin/_python`: VENV STAMP LOG_DIR REQUIREMENTS…"""
    venv, stamp, log_dir, *requirements = arguments
    try:
        ready(Path(venv), stamp, Path(log_dir), [Path(path) for path in requirements])
    except KeyboardInterrupt:
        _say("\nStopped; the next run begins the installation anew.")
        return 130
    except (InstallFailed, OSError) as error:
        _say(f"Installation failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
