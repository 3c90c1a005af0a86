"""Logging: one line of key=value pairs per event, to stderr, from structlog and logging alike."""

from __future__ import annotations

import logging
from typing import Any

import structlog
from structlog.typing import Processor

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.StackInfoRenderer(),
]


def not_about_health(record: logging.LogRecord) -> bool:
    """While a part is down, each poll of /healthz would otherwise be an error of its own."""
    return getattr(getattr(record, "request", None), "path", "") != "/healthz"


def logging_config() -> dict[str, Any]:
    """The argument of `logging.config.dictConfig`; sets structlog up to end in it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "pairs": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.LogfmtRenderer(
                        key_order=["at", "level", "logger", "event"], bool_as_flag=False
                    ),
                ],
            }
        },
        "filters": {"not_about_health": {"()": lambda: not_about_health}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "pairs"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "celery": {"level": "WARNING"},
            "django.request": {"level": "ERROR", "filters": ["not_about_health"]},
            "uvicorn": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
        },
    }
