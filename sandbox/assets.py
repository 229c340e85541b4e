"""The files that browsers load from the sandbox: Stripe.js, the card frame and the 3-D Secure page."""

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.answer import Answer, not_found
from sandbox.dispatch import Request

if TYPE_CHECKING:
    from sandbox.server import Sandbox

FILES = Path(__file__).parent / "files"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
}
FRAME_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'"
)


def asset(_sandbox: "Sandbox", request: Request) -> Answer:
    name = request.path.removeprefix("/js/")
    path = FILES / name
    if request.method not in ("GET", "HEAD") or "/" in name or path.suffix not in TYPES or not path.is_file():
        return not_found("file")
    headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    if path.suffix == ".html":
        headers["Content-Security-Policy"] = FRAME_POLICY
    return Answer(200, path.read_bytes(), TYPES[path.suffix], headers)
