"""The floor: what every part of the project stands on. Knows nothing of gifts or members."""

from nonprofit.celery import app as celery_app

__all__ = ["celery_app"]
