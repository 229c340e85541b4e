"""The pages for people: the front page and the mailbox."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sandbox import mailbox
from sandbox.answer import Answer, not_found
from sandbox.dispatch import Request

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def answer(sandbox: "Sandbox", request: Request) -> Answer:
    if request.path == "/mail.json":
        to = parse_qs(request.query).get("to", [""])[0]
        return Answer.json({"messages": [item.as_json() for item in mailbox.newest_first(sandbox.store, to=to)]})
    return not_found()
