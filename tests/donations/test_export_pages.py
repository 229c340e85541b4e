"""The export pages: the file as the answer, and nothing for people who may not have it."""

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from donations.models import Export, ExportDownload
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import exported

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/admin/donations/export/new/"


@pytest.fixture(autouse=True)
def _one_factor(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def somebody(*rights: str) -> Client:
    """A member of staff with these rights of the money and no others."""
    user = builders.staff()
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="donations", codename__in=rights))
    return browser(user)


def answers(**said: Any) -> dict[str, Any]:
    return {"attempt": str(uuid.uuid4()), "profile": "board", "format": "csv", **said}


def test_a_small_export_is_the_answer_and_other_answers_are_another_export() -> None:
    exported.books()
    client, said = browser(builders.staff("Finance")), answers(profile="ledger", format="spreadsheet")
    answer = client.post(NEW, said)
    file = b"".join(answer)
    export = Export.objects.get()
    assert answer["Content-Disposition"] == f'attachment; filename="{export.public_id}-ledger.csv"'
    assert int(answer["Content-Length"]) == len(file) == export.size
    assert hashlib.sha256(file).hexdigest() == export.sha256
    assert b"".join(client.post(NEW, said)) == file
    assert Export.objects.count() == 1
    client.post(NEW, said | {"kind": "check"})
    assert Export.objects.count() == 2
    again = client.post(f"/admin/donations/export/{export.pk}/file/")
    assert b"".join(again) == file
    assert ExportDownload.objects.filter(export=export).count() == 3


def test_the_restricted_list_asks_for_a_right_and_a_reason() -> None:
    exported.books()
    days = {"first": "2026-01-01", "last": "2026-12-31"}
    finance = browser(builders.staff("Finance"))
    assert finance.post(NEW, answers(profile="schedule_b", **days)).status_code == 422
    assert not Export.objects.exists()
    asked = answers(profile="schedule_b", reason="Form 990 for 2026", **days)
    assert finance.post(NEW, asked)["Content-Disposition"].startswith("attachment")
    export = Export.objects.get()
    assert AuditEntry.objects.get(action="ask for export").reason == "Form 990 for 2026"

    other = somebody("view_export", "make_export", "seeamounts_gift")
    assert other.post(NEW, asked).status_code == 422
    assert export.public_id not in other.get("/admin/donations/export/").content.decode()
    assert other.get(f"/admin/donations/export/{export.pk}/change/").status_code == 302
    for what in ("file", "control"):
        assert other.post(f"/admin/donations/export/{export.pk}/{what}/").status_code == 404
    assert ExportDownload.objects.count() == 1


@pytest.mark.parametrize(
    "rights", [("view_export",), ("view_export", "make_export"), ("view_export", "seeamounts_gift"), ()]
)
def test_whoever_may_not_see_amounts_or_export_gets_no_file(rights: tuple[str, ...]) -> None:
    export, client = exported.made(Export.Profile.BOARD), somebody(*rights)
    assert client.post(NEW, answers()).status_code == 403
    for what in ("file", "control"):
        assert client.post(f"/admin/donations/export/{export.pk}/{what}/").status_code == 403
    assert Export.objects.count() == 1
    assert not ExportDownload.objects.exists()


def test_a_link_past_its_day_or_only_followed_gives_nothing() -> None:
    export, client = exported.made(Export.Profile.BOARD), browser(builders.staff("Finance"))
    address = f"/admin/donations/export/{export.pk}/file/"
    assert client.get(address).status_code == 405
    Export.objects.filter(pk=export.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    answer = client.post(address, follow=True)
    assert "Ask for it again" in answer.content.decode()
    assert "Download the file" not in answer.content.decode()
    assert not ExportDownload.objects.exists()


def test_a_large_export_has_a_page_that_says_how_far_it_is() -> None:
    client = browser(builders.staff("Finance"))
    export = Export.objects.create(
        profile="ledger",
        filters={"basis": "booked"},
        rows_expected=900_000,
        rows=300_000,
        state="running",
        made_by="task",
    )
    page = client.get(f"/admin/donations/export/{export.pk}/change/").content.decode()
    assert 'max="900000"' in page
    assert 'value="300000"' in page
    told = client.get(f"/admin/donations/export/{export.pk}/progress/").json()
    assert told == {"is_busy": True, "done": 300_000, "total": 900_000}


def test_bad_filters_are_said_on_the_form() -> None:
    client = browser(builders.staff("Finance"))
    answer = client.post(NEW, answers(first="2026-02-01", last="2026-01-01"))
    assert answer.status_code == 422
    assert "is after the last one" in answer.content.decode()
    answer = client.post(NEW, answers(profile="journal_xero", format="xlsx"))
    assert "take CSV for programs" in answer.content.decode()
    assert not Export.objects.exists()
