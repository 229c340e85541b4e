"""Waking a Celery worker. A nudge may be lost: the row is the queue and a sweep follows."""

import logging
import threading
from functools import partial

from django.db import transaction
from kombu.exceptions import OperationalError

from nonprofit.celery import app

logger = logging.getLogger(__name__)

# Nudges for the same task within this many seconds become one message.
GATHER = 0.1
_gathering: set[str] = set()
_lock = threading.Lock()


def after_commit(task: str, *args: int | list[int]) -> None:
    """Send the named task its arguments (ids only) once the current transaction has committed."""
    transaction.on_commit(partial(now, task, *args))


def now(task: str, *args: int | list[int]) -> None:
    """Send the named task its arguments; when Redis cannot be reached, say so in the log and go on."""
    try:
        app.send_task(task, args=args, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("nudge lost, the sweep will follow", extra={"task": task, "error": type(error).__name__})


def soon(task: str) -> None:
    """Send the named task one message for all calls within a moment; costs the caller nothing.

    For tasks that take whatever is due: the message leaves after the last row it stands for was committed.
    """
    with _lock:
        if task in _gathering:
            return
        _gathering.add(task)
    timer = threading.Timer(GATHER, _send_gathered, [task])
    timer.daemon = True
    timer.start()


def _send_gathered(task: str) -> None:
    with _lock:
        _gathering.discard(task)
    now(task)
