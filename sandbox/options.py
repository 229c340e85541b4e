"""What a sandbox is started with."""

from dataclasses import dataclass

# The version that the installed SDK pins; tests/sandbox fails when the two drift apart.
API_VERSION = "2026-10-28.endive"

DEFAULT_SECRET_KEY = "sk_test_sandbox0000000000000000"
DEFAULT_PUBLISHABLE_KEY = "pk_test_sandbox0000000000000000"
DEFAULT_WEBHOOK_SECRET = "whsec_sandbox00000000000000000000"


@dataclass(frozen=True, slots=True)
class Options:
    """Ports are 0 for "any free one"; waits are the seconds before each webhook retry."""

    http_port: int = 0
    smtp_port: int = 0
    secret_key: str = DEFAULT_SECRET_KEY
    publishable_key: str = DEFAULT_PUBLISHABLE_KEY
    webhook_url: str = ""
    webhook_secret: str = DEFAULT_WEBHOOK_SECRET
    webhook_waits: tuple[float, ...] = (1, 5, 15, 60, 300, 900)
    webhook_timeout: float = 10.0
    state: str = ":memory:"
    nonprofit_fees: bool = False
    mail_kept: int = 1000
