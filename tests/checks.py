"""`bin/check [NAME…]`: every check that needs no server; `bin/check --lock-vendored` locks a new font or script."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sandbox.launch import ROOT
from sandbox.launch_site import STATE, Keys, Ports, Site

PRODUCT = ["nonprofit", "donations", "members"]
BANDIT = ["--severity-level", "medium", "--confidence-level", "medium"]
# Files of other people's that we ship: a line each in the lock, in the form `sha512sum -c` reads.
VENDORED = ["static/vendor", "templates/documents/fonts"]
VENDOR_LOCK = ROOT / "bin/vendored.sha512"

Check = Callable[[], str]


def main(arguments: list[str]) -> int:
    """Runs the named checks, or all; 1 when one of them has something to say."""
    if arguments == ["--lock-vendored"]:
        VENDOR_LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in _vendored_now().items()))
        return 0
    if unknown := [name for name in arguments if name not in CHECKS]:
        _say(f"There is no check named {', '.join(unknown)}; there are {', '.join(CHECKS)}.")
        return 2
    names = arguments or list(CHECKS)
    # Each is a process of its own that shares nothing with the others but the files it reads.
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        passed = dict(zip(names, pool.map(_passes, names), strict=True))
    failed = [name for name, is_clean in passed.items() if not is_clean]
    _say(f"\nNot clean: {', '.join(failed)}." if failed else "\nAll clean.")
    return 1 if failed else 0


def _passes(name: str) -> bool:
    began = time.monotonic()
    complaint = CHECKS[name]().strip()
    said = [f"{'FAIL' if complaint else 'ok':<5} {name:<14} {time.monotonic() - began:5.1f} s"]
    said += [f"      {line}" for line in complaint.splitlines()]
    _say("\n".join(said))  # at once, so that no other check's words come between
    return not complaint


def _module(*command: str, env: dict[str, str] | None = None) -> str:
    return _run([sys.executable, "-m", *command], env)


def _program(*command: str) -> str:
    """The same for a program that is no module: beside our Python."""
    return _run([str(Path(sys.executable).with_name(command[0])), *command[1:]], None)


def _run(command: list[str], env: dict[str, str] | None) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"


def _demo_settings() -> dict[str, str]:
    """An environment in which the settings load; the addresses in it are never called."""
    site = Site(
        Ports(8000, 8420, 8425), Keys.new(), "postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0", STATE
    )
    return site.environment()


def production_settings() -> dict[str, str]:
    """An environment in which the settings load as in production; its keys are nobody's."""
    live = {"STRIPE_SECRET_KEY": "sk_live_" + "0" * 24, "STRIPE_PUBLISHABLE_KEY": "pk_live_" + "0" * 24}
    return (
        _demo_settings()
        | live
        | {
            "MODE": "production",
            "BASE_URL": "https://give.example.org",
            "STRIPE_API_BASE": "",
            "STRIPE_JS_URL": "",
            "REQUIRE_STAFF_MFA": "",
        }
    )


def _mypy() -> str:
    return _module("mypy", "--no-error-summary", ".", env=_demo_settings())


def _imports() -> str:
    return _program("lint-imports", "--no-logo", "--cache-dir", str(STATE / "import-linter"))


def _templates() -> str:
    paths = [str(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    return _program("djade", "--check", "--target-version", "5.2", *paths) if paths else ""


def _migrations() -> str:
    # Without a database Django cannot compare the history and warns; models and files are compared here.
    return _module(
        *_manage("makemigrations", "--check", "--dry-run"), env=_demo_settings() | {"PYTHONWARNINGS": "ignore"}
    )


def _production() -> str:
    return _module(*_manage("check", "--deploy", "--fail-level", "WARNING"), env=production_settings())


def _manage(*arguments: str) -> list[str]:
    return ["django", *arguments, "--settings", "nonprofit.settings", "--pythonpath", "."]


def _vendored() -> str:
    lines = VENDOR_LOCK.read_text().splitlines() if VENDOR_LOCK.exists() else []
    locked = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    now = _vendored_now()
    complaints = [f"{name} is not in {VENDOR_LOCK.name}" for name in now.keys() - locked.keys()]
    complaints += [f"{name} is in {VENDOR_LOCK.name} but not here" for name in locked.keys() - now.keys()]
    complaints += [
        f"{name} is not the file that was locked" for name in now.keys() & locked.keys() if now[name] != locked[name]
    ]
    return "\n".join(sorted(complaints))


def _vendored_now() -> dict[str, str]:
    files = [
        path
        for folder in VENDORED
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix != ".py"
    ]
    return {str(path.relative_to(ROOT)): hashlib.sha512(path.read_bytes()).hexdigest() for path in files}


def _requirements() -> str:
    return _out_of_step("requirements") or _out_of_step("requirements-dev")


def _out_of_step(stem: str) -> str:
    """What is asked for in the .in file and not locked in the .txt file, and the other way round."""
    lines = (line.split("#")[0].strip() for line in (ROOT / f"{stem}.in").read_text().splitlines())
    asked = [Requirement(line) for line in lines if line and not line.startswith("-")]
    text = (ROOT / f"{stem}.txt").read_text()
    locked = {
        canonicalize_name(name): (version, f"-r {stem}.in" in rest)
        for name, version, rest in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)(.*(?:\n[ ].*)*)", text)
    }
    complaints = []
    for requirement in asked:
        version, is_direct = locked.pop(canonicalize_name(requirement.name), ("", False))
        if not is_direct or not requirement.specifier.contains(version, prereleases=True):
            complaints.append(f"{stem}.in asks for {requirement}, {stem}.txt has {version or 'none'}")
    complaints += [
        f"{stem}.txt has {name} which {stem}.in does not ask for" for name, (_, direct) in locked.items() if direct
    ]
    return "\n".join(complaints)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


CHECKS: dict[str, Check] = {
    "types": _mypy,  # by far the longest, so it is begun first
    "lint": lambda: _module("ruff", "check", "--quiet", "."),
    "format": lambda: _module("ruff", "format", "--check", "."),
    "imports": _imports,
    "templates": _templates,
    "migrations": _migrations,
    "production": _production,
    # Low confidence is every statement that is put together from parts of our own; values always go as parameters.
    "security": lambda: _module("bandit", "--quiet", *BANDIT, "--recursive", *PRODUCT),
    "vendored": _vendored,
    "requirements": _requirements,
}

if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
