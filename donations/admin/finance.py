"""The finance desk: the state of the month at a glance, and small charts with their tables."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from donations.admin.month_address import address
from donations.books import charts, overview
from donations.receipts import print_run
from nonprofit import clock
from nonprofit.admin_site import Figure
from nonprofit.models import OutgoingEmail


def page(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    waiting, this = overview.waiting(), clock.today().replace(day=1)
    listed = reverse("admin:donations_difference_changelist") + "?stands=open"
    return {
        "title": "Finance desk",
        "figures": [*_to_close(waiting), *_to_explain(waiting), *_to_receipt(waiting), *_to_mail()],
        "waiting": waiting,
        "kinds": [(label, count, f"{listed}&kind__exact={kind}") for kind, label, count in waiting.by_kind],
        "next_url": address(waiting.month) if waiting.month else "",
        "this_url": address(this),
        "this": this,
        "giving": overview.giving(),
        "path": overview.money_path(this),
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
    }


def _to_close(waiting: overview.Waiting) -> list[Figure]:
    if waiting.month is None or waiting.look is None:
        url = reverse("admin:donations_month_changelist")
        return [Figure("To close", "0", url, note="every month that is over is closed")]
    reasons = len(waiting.look.never) + len(waiting.look.others)
    note = f"{reasons} thing{'' if reasons == 1 else 's'} in the way" if reasons else "nothing is in the way"
    return [Figure("To close", f"{waiting.month:%B}", address(waiting.month), reasons > 0, note)]


def _to_explain(waiting: overview.Waiting) -> list[Figure]:
    count, url = waiting.differences, reverse("admin:donations_difference_changelist") + "?stands=open"
    lines = f"{waiting.bank_lines} bank line{'' if waiting.bank_lines == 1 else 's'} to tie"
    note = lines if waiting.bank_lines else ("" if count else "everything ties")
    return [Figure("To explain", str(count), url, count > 0, note)]


def _to_receipt(waiting: overview.Waiting) -> list[Figure]:
    url = reverse("admin:donations_receiptdue_changelist")
    note = f"{waiting.stuck} cannot be issued" if waiting.stuck else ""
    return [Figure("To receipt", str(waiting.receipts), url, waiting.stuck > 0, note)]


def _to_mail() -> list[Figure]:
    failed = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.FAILED).count()
    note = f"{failed} e-mail{'' if failed == 1 else 's'} could not be sent" if failed else ""
    return [Figure("To mail", str(print_run.count()), reverse("admin:donations_printrun_changelist"), failed > 0, note)]
