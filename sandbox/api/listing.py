"""Lists: newest first, in pages of up to 100, with cursors."""

from collections.abc import Callable
from typing import Any

from sandbox import errors
from sandbox.api.call import Call
from sandbox.store import Body


def page(call: Call, kind: str, url: str, asked: dict[str, Any], wanted: Callable[[Body], bool]) -> Body:
    """The page that `limit`, `starting_after`, `ending_before` and `created` ask for."""
    limit = asked.get("limit", 10)
    if not 1 <= limit <= 100:
        raise errors.bad_request(
            "This value must be less than or equal to 100." if limit > 100 else "This value must be greater than 0.",
            code="parameter_invalid_integer",
            param="limit",
        )
    found = call.store.select(kind, wanted, created=asked.get("created"), customer=asked.get("customer") or "")
    if cursor := asked.get("starting_after"):
        found = found[_position(call, kind, found, cursor, "starting_after") + 1 :]
    elif cursor := asked.get("ending_before"):
        found = found[: _position(call, kind, found, cursor, "ending_before")]
        return _list(url, found[-limit:], more=len(found) > limit)
    return _list(url, found[:limit], more=len(found) > limit)


def _list(url: str, data: list[Body], *, more: bool) -> Body:
    return {"object": "list", "data": data, "has_more": more, "url": url}


def _position(call: Call, kind: str, found: list[Body], cursor: str, param: str) -> int:
    call.store.get(kind, cursor, param=param)
    return next((index for index, body in enumerate(found) if body["id"] == cursor), len(found))
