"""Pages of giving."""

from django.http import HttpRequest, HttpResponse


def give(request: HttpRequest, slug: str = "") -> HttpResponse:
    return HttpResponse("give")


def thanks(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse("thanks")


def status(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse("status")


def ways(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ways")


def reply_slip(request: HttpRequest) -> HttpResponse:
    return HttpResponse("slip")
