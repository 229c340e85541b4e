"""What every request passes: an id in the logs, and a body that can be read as text."""

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError

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


PLAIN_FORM = "application/x-www-form-urlencoded"
FORMS = {PLAIN_FORM, "multipart/form-data"}


def _unreadable() -> HttpResponse:
    text = "We could not read what your browser sent (it was not UTF-8 text). Nothing was charged. Please try again."
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
