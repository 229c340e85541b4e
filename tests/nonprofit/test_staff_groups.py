"""Rights given by a migration: on an empty database, again, and taken back."""

from collections.abc import Iterable

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from nonprofit import staff_groups

pytestmark = pytest.mark.django_db
RIGHTS = ["donations.view_gift", "donations.resend_receipt"]


def held(name: str) -> set[str]:
    permissions: Iterable[Permission] = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions}


def test_rights_are_given_before_django_has_written_its_own_rows_and_it_adds_no_second_ones() -> None:
    Permission.objects.all().delete()
    ContentType.objects.all().delete()
    ContentType.objects.clear_cache()

    staff_groups.grant(apps, "Helpers", RIGHTS)
    staff_groups.grant(apps, "Helpers", RIGHTS)
    create_permissions(apps.get_app_config("donations"), verbosity=0)

    assert held("Helpers") == set(RIGHTS)
    assert Permission.objects.filter(codename="view_gift").count() == 1
    names = dict(Permission.objects.filter(group__name="Helpers").values_list("codename", "name"))
    assert names == {"view_gift": "Can view gift", "resend_receipt": "Can send a receipt again"}
    ContentType.objects.clear_cache()


def test_what_was_given_by_hand_stays_and_the_rest_can_be_taken_back() -> None:
    staff_groups.grant(apps, "Helpers", RIGHTS)
    by_hand = Permission.objects.get(codename="view_fund")
    Group.objects.get(name="Helpers").permissions.add(by_hand)
    staff_groups.grant(apps, "Helpers", RIGHTS)
    staff_groups.revoke(apps, "Helpers", RIGHTS)
    staff_groups.revoke(apps, "Nobody", RIGHTS)
    assert held("Helpers") == {"donations.view_fund"}


def test_a_right_to_something_unknown_stops_the_migration() -> None:
    with pytest.raises(LookupError):
        staff_groups.grant(apps, "Helpers", ["donations.view_unicorn"])
