"""The organisation's page and who may sign in, as administrators edit them."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from nonprofit.models import AuditEntry, Organization, User
from tests import builders

pytestmark = pytest.mark.django_db
PAGE = "/admin/nonprofit/organization/1/change/"


@pytest.fixture(autouse=True)
def _one_factor(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def organization_form() -> dict[str, Any]:
    row = Organization.objects.get()
    return {f.name: getattr(row, f.name) for f in Organization._meta.fields if f.editable and f.name != "id"}


def test_the_list_is_the_page_and_a_change_is_logged() -> None:
    builders.organization()
    client = signed_in(builders.staff("Administrator"))
    assert client.get("/admin/nonprofit/organization/")["Location"] == PAGE
    typed = organization_form() | {"brand_color": "#224488"}
    assert client.post(PAGE, typed).status_code == 302
    row = Organization.objects.get()
    assert (row.brand_color, row.content_version) == ("#224488", 2)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.before, entry.after) == (
        "change organization",
        {"brand_color": "#111111"},
        {"brand_color": "#224488"},
    )


def test_colours_that_cannot_be_read_are_refused() -> None:
    builders.organization()
    client = signed_in(builders.staff("Administrator"))
    for color in ("#ffee00", "#999999", "red", "#12345g"):
        answer = client.post(PAGE, organization_form() | {"accent_color": color})
        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors["accent_color"]
    assert Organization.objects.get().accent_color == "#b3261e"
    assert not AuditEntry.objects.exists()


def test_before_there_is_an_organization_the_desk_opens_and_makes_it() -> None:
    client = signed_in(builders.staff("Administrator"))
    assert client.get("/admin/").status_code == 200
    builders.organization()
    typed = organization_form()
    Organization.objects.all().delete()
    assert client.post("/admin/nonprofit/organization/add/", typed).status_code == 302
    assert Organization.objects.get().pk == 1
    assert client.get("/admin/nonprofit/organization/add/").status_code == 403


@pytest.mark.parametrize("group", ["Staff", "Finance"])
def test_others_see_the_organization_and_change_nothing(group: str) -> None:
    builders.organization()
    client = signed_in(builders.staff(group))
    assert client.get(PAGE).status_code == 200
    assert client.post(PAGE, organization_form() | {"name": "Mine"}).status_code == 403
    assert client.get("/admin/nonprofit/user/").status_code == 403


def test_an_administrator_lets_somebody_in_without_a_password() -> None:
    builders.organization()
    client = signed_in(builders.staff("Administrator"))
    staff = builders.staff("Staff").groups.get()
    typed = {"email": " New@Example.org ", "name": "Noa", "is_staff": "on", "is_active": "on", "groups": [staff.pk]}
    assert client.post("/admin/nonprofit/user/add/", typed).status_code == 302
    user = User.objects.get(email="new@example.org")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert [group.name for group in user.groups.all()] == ["Staff"]
    entry = AuditEntry.objects.get(action="add user")
    assert "new@example.org" not in str(entry.after)
    assert entry.after["groups"] == [staff.pk]


def test_an_administrator_cannot_make_or_touch_people_who_may_do_everything() -> None:
    builders.organization()
    administrator, chief = builders.staff("Administrator"), builders.staff("Administrator", is_superuser=True)
    client = signed_in(administrator)
    own = f"/admin/nonprofit/user/{administrator.pk}/change/"
    typed = {"email": "other@example.org", "name": "Me", "is_staff": "on", "is_active": "on", "is_superuser": "on"}
    groups = {"groups": [administrator.groups.get().pk]}
    assert client.post(own, typed | groups).status_code == 302
    assert client.post(f"/admin/nonprofit/user/{chief.pk}/change/", typed | groups).status_code == 403
    mine = User.objects.get(pk=administrator.pk)
    assert (mine.is_superuser, mine.email, mine.name) == (False, administrator.email, "Me")
    assert signed_in(chief).post(own, typed | groups).status_code == 302
    assert User.objects.get(pk=administrator.pk).is_superuser


def test_groups_without_the_desk_make_no_sense_and_nobody_is_deleted() -> None:
    builders.organization()
    client = signed_in(builders.staff("Administrator", is_superuser=True))
    somebody = builders.staff("Staff")
    url = f"/admin/nonprofit/user/{somebody.pk}/change/"
    answer = client.post(url, {"name": "", "is_active": "on", "groups": [somebody.groups.get().pk]})
    assert "may open the admin" in str(answer.context["adminform"].form.errors["is_staff"])
    assert client.post(f"/admin/nonprofit/user/{somebody.pk}/delete/", {"post": "yes"}).status_code == 403
