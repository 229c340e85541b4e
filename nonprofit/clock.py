"""The only source of the time, so that every date is the organisation's date and tests can freeze it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time

from django.utils import timezone

_standing: ContextVar[datetime | None] = ContextVar("standing", default=None)


def now() -> datetime:
    """This instant, aware, in UTC."""
    return _standing.get() or timezone.now()


@contextmanager
def standing_at(instant: datetime) -> Iterator[None]:
    """The clock stands at `instant` for whoever runs inside: verbs tell the past of a made-up newsroom with it."""
    token = _standing.set(instant)
    try:
        yield
    finally:
        _standing.reset(token)


def today() -> date:
    """Today's date in the organisation's time zone (settings.TIME_ZONE)."""
    return local_date(now())


def local_date(instant: datetime) -> date:
    """The organisation's calendar date at `instant`: the date a gift is booked on (domain rule 6)."""
    return timezone.localtime(instant, timezone.get_default_timezone()).date()


def midnight(day: date) -> datetime:
    """The instant at which `day` begins for the organisation."""
    return timezone.make_aware(datetime.combine(day, time()), timezone.get_default_timezone())


def zone_name() -> str:
    """The organisation's time zone by its name, for questions to the database."""
    return str(timezone.get_default_timezone())
