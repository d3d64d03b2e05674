"""How a process of csatwatch ends: asked by a signal, within a deadline, with an exit code."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from agents.logs import follow_signals
from agents.settings import Settings

EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT = 0, 1, 2
STOP_WITHIN = 10.0
"""Seconds for a stop; what has not ended by then is cut off: at least once makes that safe."""

_log = structlog.get_logger(__name__)


def process(main: Callable[[Settings], Coroutine[Any, Any, int]], settings: Settings) -> int:
    """Run a process's `main` to its exit code. The last thing in a program: the interpreter must end soon after."""
    with asyncio.Runner() as runner:
        follow_signals(runner.get_loop(), settings.log_level)
        code = runner.run(main(settings))
        # A thread of a library that does not end would keep the process for ever; nothing is left to lose here.
        _cut_off(code).start()
    return code


@contextmanager
def asked_to_stop() -> Iterator[asyncio.Event]:
    """Set by SIGTERM or SIGINT; a second one ends the process at once. In the main thread's event loop only."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            _log.warning("stopped at once")
            os._exit(EXIT_FAILED)
        asked.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, ask)
    try:
        yield asked
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextmanager
def deadline() -> Iterator[threading.Timer]:
    """A timer that, once started, ends the process after `STOP_WITHIN`, unless the block is left before."""
    timer = _cut_off(EXIT_FAILED)
    try:
        yield timer
    finally:
        timer.cancel()


def _cut_off(code: int) -> threading.Timer:
    # A thread, not a timeout: what hangs may hold the event loop.
    timer = threading.Timer(STOP_WITHIN, _cut, (code,))
    timer.daemon = True
    return timer


def _cut(code: int) -> None:
    _log.error("cut off: the stop took too long", seconds=STOP_WITHIN)
    os._exit(code or EXIT_FAILED)
