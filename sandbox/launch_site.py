"""The programs of a whole running site, as commands: web server, worker, clock and stand-in Stripe."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sandbox.launch import ROOT, Child, LaunchError, answers, free_port

STATIC_KEPT = 6
STATE = Path(os.environ.get("STATE_DIR") or ROOT / ".local")


@dataclass(frozen=True)
class Ports:
    """Where the site, the stand-in Stripe and its mailbox listen on 127.0.0.1."""

    web: int
    sandbox: int
    smtp: int

    @classmethod
    def free(cls) -> Ports:
        """Three ports that nobody has now."""
        return cls(free_port(), free_port(), free_port())


@dataclass(frozen=True)
class Keys:
    """The secrets of one demo or one test run: Stripe's in its test form, and Django's."""

    secret_key: str
    stripe_secret: str
    stripe_publishable: str
    webhook_secret: str

    @classmethod
    def new(cls) -> Keys:
        """Fresh ones."""
        return cls(
            secrets.token_urlsafe(50),
            f"sk_test_{secrets.token_hex(16)}",
            f"pk_test_{secrets.token_hex(16)}",
            f"whsec_{secrets.token_hex(16)}",
        )

    @classmethod
    def kept(cls, path: Path) -> Keys:
        """The ones in `path`, made there at the first call, for this user's eyes only."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as out:
                json.dump(asdict(cls.new()), out)
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True)
class Site:
    """One running site: what its processes are told and where they write."""

    ports: Ports
    keys: Keys
    database_url: str
    redis_url: str
    log_dir: Path

    @property
    def base_url(self) -> str:
        """Where a browser finds the site."""
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def sandbox_url(self) -> str:
        """Where the stand-in Stripe and its mailbox are."""
        return f"http://127.0.0.1:{self.ports.sandbox}"

    def settings(self) -> dict[str, str]:
        """The variables that `nonprofit/settings.py` reads."""
        return {
            "DJANGO_SETTINGS_MODULE": "nonprofit.settings",
            "MODE": "demo",
            "SECRET_KEY": self.keys.secret_key,
            "BASE_URL": self.base_url,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "STRIPE_SECRET_KEY": self.keys.stripe_secret,
            "STRIPE_PUBLISHABLE_KEY": self.keys.stripe_publishable,
            "STRIPE_WEBHOOK_SECRETS": self.keys.webhook_secret,
            "STRIPE_API_BASE": self.sandbox_url,
            "STRIPE_JS_URL": f"{self.sandbox_url}/js/stripe.js",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.ports.smtp}",
            "DEFAULT_FROM_EMAIL": "giving@example.org",
            "REQUIRE_STAFF_MFA": "false",
            "STATIC_ROOT": str(static_root()),
        }

    def environment(self) -> dict[str, str]:
        """Our own environment with those variables laid over it."""
        loopback = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return {**os.environ, **loopback, **self.settings(), "PYTHONUNBUFFERED": "1"}

    def write_environment(self, path: Path) -> None:
        """`set -a; . path` in a shell makes `manage.py` speak to this site; only this user can read it."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.writelines(f"{name}={shlex.quote(value)}\n" for name, value in self.settings().items())

    def stand_in(self, state: Path | None = None) -> Child:
        """The stand-in Stripe with its mailbox; it remembers its objects in `state`."""
        ports, keys = self.ports, self.keys
        command = [sys.executable, "-m", "sandbox", "--port", str(ports.sandbox), "--smtp-port", str(ports.smtp)]
        command += ["--webhook-url", f"{self.base_url}/stripe/webhook/", "--webhook-secret", keys.webhook_secret]
        command += ["--secret-key", keys.stripe_secret, "--publishable-key", keys.stripe_publishable]
        command += ["--state", str(state)] if state else []
        return self._child("the stand-in Stripe", "sandbox", command, lambda _: self._sandbox_answers())

    def web(self) -> Child:
        """The web server."""
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.ports.web), "--workers", "1", "--blocking-threads", "4", "--no-ws"]
        command += ["--access-log", "nonprofit.wsgi:application"]
        return self._child("the web server", "web", command, lambda _: fetches(self.ports.web, "/health/live"))

    def worker(self) -> Child:
        """The Celery worker."""
        command = [sys.executable, "-m", "celery", "-A", "nonprofit", "worker", "--pool", "prefork", "--concurrency"]
        command += ["2", "--loglevel", "INFO", "--without-gossip", "--without-mingle", "-n", f"w{self.ports.web}@%h"]
        # Its orderly end finishes the tasks at hand; one that takes longer is a row again for the next start.
        return self._child("the worker", "worker", command, lambda child: " ready." in child.since_start())

    def beat(self, schedule: Path) -> Child:
        """Celery's clock."""
        command = [sys.executable, "-m", "celery", "-A", "nonprofit", "beat", "--schedule", str(schedule)]
        command += ["--pidfile=", "--loglevel", "INFO"]
        return self._child("the clock", "beat", command, lambda child: "beat: Starting" in child.since_start())

    def _child(self, name: str, log: str, command: list[str], ready: Callable[[Child], bool]) -> Child:
        return Child(name, command, log=self.log_dir / f"{log}.log", ready=ready, env=self.environment())

    def _sandbox_answers(self) -> bool:
        return answers(("127.0.0.1", self.ports.sandbox)) and answers(("127.0.0.1", self.ports.smtp))

    def manage(self, *arguments: str, **env: str) -> str:
        """What `manage.py` printed. Raises LaunchError with the end of it when it failed."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment() | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with (self.log_dir / "manage.log").open("a") as log:
            log.write(f"$ manage.py {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise LaunchError(f"'manage.py {' '.join(arguments)}' failed:\n{end}")
        return done.stdout

    def collect_static(self) -> None:
        """`static_root()` holds today's static files; nothing is done when it does already."""
        target = static_root()
        target.parent.mkdir(parents=True, exist_ok=True)
        with (STATE / "static.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.exists():
                return
            unfinished = target.with_name("unfinished")
            self.manage("collectstatic", "--no-input", "--clear", "--verbosity", "0", STATIC_ROOT=str(unfinished))
            unfinished.rename(target)
            by_age = sorted(target.parent.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in by_age[:-STATIC_KEPT]:
                shutil.rmtree(old)


@cache
def static_root() -> Path:
    """A folder for the static files as they are now: a site that was started before an edit keeps its own."""
    digest = hashlib.sha256()
    for file in [ROOT / "requirements.txt", *sorted((ROOT / "static").rglob("*"))]:
        if file.is_file():
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return STATE / "static" / digest.hexdigest()[:16]


def fetches(port: int, path: str) -> bool:
    """Whether the web server at this port answers 200."""
    # Not urllib: it would ask a proxy named in the environment.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (http.client.HTTPException, OSError):
        return False
    finally:
        connection.close()
