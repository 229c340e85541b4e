"""The files that browsers load from the sandbox: Stripe.js, the card frame and the 3-D Secure page."""

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import challenges
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


def asset(sandbox: "Sandbox", request: Request) -> Answer:
    name = request.path.removeprefix("/js/")
    if name == "three-ds":
        return challenges.answer(sandbox, request)
    content = _content(name) if request.method in ("GET", "HEAD") and "/" not in name else None
    if content is None:
        return not_found("file")
    headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    suffix = Path(name).suffix
    if suffix == ".html":
        headers["Content-Security-Policy"] = FRAME_POLICY
    return Answer(200, content, TYPES[suffix], headers)


def _content(name: str) -> bytes | None:
    """A file's bytes; `stripe.js` is put together from its parts, in a scope of its own."""
    if name == "stripe.js":
        parts = [path.read_text() for path in sorted((FILES / "stripe").glob("*.js"))]
        opening = "(() => {\n'use strict';\nconst ORIGIN = new URL(document.currentScript.src).origin;\n"
        return (opening + "\n".join(parts) + "})();\n").encode()
    path = FILES / name
    return path.read_bytes() if path.suffix in TYPES and path.is_file() else None
