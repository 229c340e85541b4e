"""Lists: newest first, in pages of up to 100, with cursors."""

from collections.abc import Callable
from functools import partial
from itertools import takewhile
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
    select = partial(
        call.store.select, kind, wanted, created=asked.get("created"), customer=asked.get("customer") or ""
    )
    if before := asked.get("ending_before"):
        call.store.get(kind, before, param="ending_before")
        found = list(takewhile(lambda body: body["id"] != before, select()))
        return _list(url, found[-limit:], more=len(found) > limit)
    after = asked.get("starting_after") or ""
    if after:
        call.store.get(kind, after, param="starting_after")
    found = select(after=after, most=limit + 1)
    return _list(url, found[:limit], more=len(found) > limit)


def _list(url: str, data: list[Body], *, more: bool) -> Body:
    return {"object": "list", "data": data, "has_more": more, "url": url}
