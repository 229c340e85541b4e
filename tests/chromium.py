"""Finds the Chromium that the browser tests drive, or installs one where that is possible."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Last the one without windows: the same engine at a third less work, but one of its runs was seen to stand still.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
MISSING = (
    "No Chromium was found and none could be installed, so the browser tests cannot run. "
    "Install the package 'chromium', or set CHROMIUM to the path of one."
)


def find() -> Path | None:
    """A Chromium that starts: CHROMIUM's, the system's, or the one Playwright keeps."""
    for candidate in _candidates():
        if _starts(candidate):
            return candidate
    return None


def install() -> Path | None:
    """A Chromium that was not here before; None where neither Playwright's download nor apt can bring one."""
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # Without its recommendations Chromium comes without a single font.
        packages = "chromium fonts-liberation"
        commands.append(["sh", "-c", f"apt-get update -q && apt-get install -y -q --no-install-recommends {packages}"])
    for command in commands:
        _say(f"Installing Chromium: {' '.join(command[-3:])} …")
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and (found := find()):
            return found
    return None


def arguments() -> list[str]:
    """How Chromium is started: quiet towards the network, and without its own sandbox where root forbids that."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return [*quiet, "--disable-gpu", "--disable-quic", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("CHROMIUM"):
        yield Path(given)
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    kept = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    yield from sorted(kept.glob("chromium-*/chrome-linux*/chrome"), reverse=True)
    yield from sorted(kept.glob("chromium-*/chrome-mac*/*.app/Contents/MacOS/*"), reverse=True)


def _starts(candidate: Path) -> bool:
    # A name on the path can be a stub that only tells where to buy the real one.
    try:
        done = subprocess.run([candidate, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
