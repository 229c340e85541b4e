"""What tests of members start from."""

import pytest
import redis
from django.conf import settings as site_settings
from django.test import Client
from pytest_django.fixtures import Settings

from nonprofit.models import User
from tests import builders
from tests.conftest import SITE


@pytest.fixture(autouse=True)
def _nobody_has_tried_yet() -> None:
    """The counters of the rate limits are empty: they outlive a test's transaction."""
    client = redis.Redis.from_url(site_settings.REDIS_URL)
    client.flushdb()
    client.close()


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """Pages name their style sheets by what is in them, so those have to be collected."""
    SITE.collect_static()


@pytest.fixture
def sam(client: Client, settings: Settings) -> User:
    """A member of staff, signed in."""
    settings.REQUIRE_STAFF_MFA = False
    user = builders.staff("Staff")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user
