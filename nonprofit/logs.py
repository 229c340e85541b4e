"""Structured logs: one JSON line per event, with ids and never with names, e-mails, addresses or card data."""

import logging
import logging.config
import re

import structlog

# What PostgreSQL says beside its first sentence quotes the row or the statement, values and all: "Failing row contains
# (…)", "Key (email)=(…)", "LINE 1: INSERT …". It goes up to the next exception of the chain; in the repr of an
# exception its line break is written out.
_QUOTED = re.compile(
    r"(?:\n|\\n)[ |]*(?:DETAIL|HINT|CONTEXT|QUERY|LINE \d+):.*?"
    r"(?=\n[ |]*\n[ |]*(?:The above exception|During handling of)|\Z)",
    re.DOTALL,
)
# From the beginning of a word only, and no longer than addresses are: a long token costs no more than its length.
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")


def withhold_people(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A processor: of a line about an exception, rows that PostgreSQL quotes and addresses of e-mail stay out.

    It comes after the traceback was made a text. Celery says the exception in its own words, too, and adds `data`: the
    same once more with the task's arguments.
    """
    if "exception" in event:
        event.pop("data", None)
        for key, said in event.items():
            if isinstance(said, str):
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
