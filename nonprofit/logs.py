"""Structured logs: one JSON line per event, with ids and never with names, e-mails, addresses or card data."""

import logging
import logging.config
import re

import structlog

# What PostgreSQL says beside its first sentence quotes the row or the statement, values and all: "Failing row contains
# (…)", "Key (email)=(…)", "LINE 1: INSERT …". It goes up to the next exception of the chain.
_QUOTED = re.compile(
    r"\n(?:DETAIL|HINT|CONTEXT|QUERY|LINE \d+):.*?(?=\n\n(?:The above exception|During handling of)|\Z)", re.DOTALL
)
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:=\[\]{}]+@[^\s@<>\"'(),;:=\[\]{}]+\.[^\s@<>\"'(),;:=\[\]{}]+")


def withhold_people(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A processor: what an exception tells of people stays out of the log; where and what went wrong stays in.

    It comes after the traceback was made a text, which Celery makes a part of the event itself.
    """
    for key in ("exception", "event"):
        said = event.get(key)
        if isinstance(said, str) and (key == "exception" or "Traceback" in said):
            event[key] = _ADDRESS.sub("[address]", _QUOTED.sub("\n[withheld]", said))
    return event


def configure(options: dict[str, str]) -> None:
    """Set up logging for this process. options: {"level": "INFO"}."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.ExtraAdder(),
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        withhold_people,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                # Each request of the Stripe SDK would be a line; its messages can carry request bodies.
                "stripe": {"level": "WARNING"},
                "ofxtools": {"level": "WARNING"},
                "fontTools": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
