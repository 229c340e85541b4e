"""What every request passes: an id in the logs, a body that can be read as text, and no card numbers in its words."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.http.multipartparser import MultiPartParserError

from nonprofit import card_numbers

View = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: View) -> View:
    """Give the request an id that stands in each of its log lines and in the reply."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        name = uuid.uuid4().hex[:16]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=name)
        response = get_response(request)
        response["X-Request-Id"] = name
        return response

    return handle


def readable_body(get_response: View) -> View:
    """Answer 400 in one sentence when a form's bytes are not UTF-8 text or not a form at all."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.content_type in FORMS:
            if (request.content_params or {}).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
                return _unreadable()
            try:
                if request.content_type == PLAIN_FORM:
                    # Django would read other bytes as Latin-1 and let nonsense pass.
                    request.body.decode()
                request.POST  # noqa: B018 - reading is what parses
            except (UnicodeDecodeError, MultiPartParserError):
                return _unreadable()
            if any("�" in value for values in request.POST.lists() for value in values[1]):
                return _unreadable()
        return get_response(request)

    return handle


def no_card_numbers(get_response: View) -> View:
    """Take card numbers out of what was typed before anything of ours sees them.

    Forms then refuse what is left (card_numbers.refuse) and show it again. No form, log, session, audit entry or error
    report can hold a number that never came past this door. It must stand before whatever first reads a form.
    """

    def handle(request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.content_type in FORMS and _is_typed(request.POST):
            found = {
                name: [card_numbers.without(value) for value in values]
                for name, values in request.POST.lists()
                if any(not OUR_ID.fullmatch(value) and card_numbers.find(value) for value in values)
            }
            if found:
                post = request.POST.copy()
                for name, values in found.items():
                    post.setlist(name, values)
                request.POST = post  # type: ignore[assignment]
        return get_response(request)

    return handle


def _is_typed(post: QueryDict) -> bool:
    """Whether a person can have typed so much. More is for the fields, which say how much they take."""
    return sum(len(value) for _, values in post.lists() for value in values) <= TYPED


TYPED = 200_000
# An id that came with our own page (uuid4) can be almost all digits, and must come back as it went.
OUR_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PLAIN_FORM = "application/x-www-form-urlencoded"
FORMS = {PLAIN_FORM, "multipart/form-data"}


def _unreadable() -> HttpResponse:
    text = "We could not read what your browser sent (it was not UTF-8 text). Nothing was charged. Please try again."
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
