"""Logs: one line an event on standard error, for people or as JSON, and never what a customer wrote."""

import asyncio
import logging
import signal
import sys
from collections.abc import MutableMapping
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, TextIO

import structlog
from aiokafka.errors import KafkaError
from structlog.typing import Processor

from agents.settings import BadSettings, Settings
from schemas.yaml_file import BadFile

# Talkative, and of use only to somebody who looks for a fault in them.
_LIBRARIES = (
    "aiohttp",
    "aiokafka",
    "asyncio",
    "authlib",
    "faust",
    "httpcore2",
    "httpx2",
    "kafka",
    "mode",
    "opentelemetry",
    "slack_sdk",
    "stamina",
    "urllib3",
    "uvicorn",
)
# Of these DEBUG would show whole records and messages, and what a sign-in hangs on.
_TELL_ALL = frozenset({"aiokafka", "authlib", "slack_sdk"})
# The texts of these are about files, addresses and settings; any other may quote the value it failed on.
_SAFE = (OSError, KafkaError, BadSettings, BadFile)

_log = structlog.get_logger(__name__)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to `stream`, or standard error, as the settings say."""
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_without_values,
    ]
    renderer: Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_name_exceptions_only)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    logging.getLogger().handlers = [handler]
    set_level(settings.log_level)
    logging.captureWarnings(True)


def set_level(name: str) -> None:
    """Log from this level on; at any time."""
    level = logging.getLevelNamesMapping()[name]
    logging.getLogger().setLevel(level)
    for library in _LIBRARIES:
        least = logging.INFO if library in _TELL_ALL else logging.DEBUG
        logging.getLogger(library).setLevel(max(level, logging.WARNING if level > logging.DEBUG else least))
    # Faust and aiokafka make a record for every message before they ask whether anybody wants it.
    logging.disable(logging.NOTSET if level == logging.DEBUG else logging.DEBUG)


def follow_signals(loop: asyncio.AbstractEventLoop, usual: str) -> None:
    """SIGUSR1 makes the log talkative, SIGUSR2 brings it back to `usual`. In the main thread's event loop only."""

    def change(to: str) -> None:
        # Said while the more talkative of the two levels holds, so that it is seen.
        set_level("DEBUG")
        _log.info("log level", to=to)
        set_level(to)

    loop.add_signal_handler(signal.SIGUSR1, change, "DEBUG")
    loop.add_signal_handler(signal.SIGUSR2, change, usual)


def describe(error: BaseException) -> str:
    """The error as it may be logged: its class, and its text only where that cannot hold a customer's words."""
    return f"{type(error).__name__}: {error}" if isinstance(error, _SAFE) else type(error).__name__


def _name_exceptions_only(record: logging.LogRecord) -> bool:
    # Libraries put the exception itself into the message, and its text may quote the record it failed on.
    if isinstance(record.args, tuple):
        record.args = tuple(describe(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
    return True


def _exception_without_values(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    error: BaseException | None
    if isinstance(given, BaseException):
        error = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = "\n".join(_traceback(error))
    return event


def _traceback(error: BaseException) -> list[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*_traceback(cause), "and then:"] if cause is not None else []
    return [*lines, *_frames(error.__traceback__), describe(error)]


def _frames(traceback: TracebackType | None) -> list[str]:
    return [
        f"  {'/'.join(Path(frame.f_code.co_filename).parts[-3:])}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk_tb(traceback)
    ]
