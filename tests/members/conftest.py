"""What tests of members start from."""

import pytest
import redis
from django.conf import settings

from tests.conftest import SITE


@pytest.fixture(autouse=True)
def _nobody_has_tried_yet() -> None:
    """The counters of the rate limits are empty: they outlive a test's transaction."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    """Pages name their style sheets by what is in them, so those have to be collected."""
    SITE.collect_static()
