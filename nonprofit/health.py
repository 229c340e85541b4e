"""Is the process alive, can it work, and plain answers for requests that cannot be served."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET


@require_GET
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok", content_type="text/plain")


@require_GET
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers; Redis is told but not required (gifts are booked without it)."""
    states = {"database": _database(), "redis": _redis()}
    return JsonResponse(states, status=200 if states["database"] == "ok" else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return "ok"


def _redis() -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return type(error).__name__
    finally:
        client.close()
    return "ok"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page had been open too long, or cookies are off: say so, as JSON where a script asked."""
    message = (
        "This page was open for a long time, or your browser blocks cookies. Nothing was charged. "
        "Reload the page and try again."
    )
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"errors": {"__all__": [message]}}, status=403)
    return render(request, "403_csrf.html", {"message": message}, status=403)
