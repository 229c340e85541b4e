"""What tests of members start from."""

import pytest
import redis
from django.conf import settings


@pytest.fixture(autouse=True)
def _nobody_has_tried_yet() -> None:
    """The counters of the rate limits are empty: they outlive a test's transaction."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()
