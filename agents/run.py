"""Runs a Faust app from the wait for its broker to a clean stop.

Faust's own worker is not used: it calls loop and signals its own, reports a crash of the app late, and its exit waits
for whatever still hangs.
"""

import asyncio
import threading
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import faust
import structlog

from agents.health import Health
from agents.kafka import unreachable, wait_for_broker
from agents.logs import describe
from agents.process import EXIT_DONE, EXIT_FAILED, asked_to_stop, deadline
from agents.settings import Settings

_log = structlog.get_logger(__name__)


async def run(app: faust.App, health: Health, *, around: AbstractAsyncContextManager[Any] | None = None) -> int:
    """Run `app` until SIGTERM or SIGINT (0), or until it crashes (1): drained, committed and stopped on return.

    /livez answers from the beginning, /readyz passes once the app is started and its state recovered. The broker is
    waited for first; then `around` is entered, which holds what the app's agents use, and left after the app has
    stopped. A stop that takes longer than `STOP_WITHIN` ends the process with `os._exit(1)`. Raises what entering
    `around` raises, and `BadSettings`.
    """
    progress = _Progress()
    health.check("started", progress.check)
    health.check("kafka", lambda: unreachable(health.settings))
    async with health, AsyncExitStack() as stack:
        stop = stack.enter_context(asked_to_stop())
        cut = stack.enter_context(deadline())
        entered = await stack.enter_async_context(AsyncExitStack())
        if not await _unless(stop, _prepare(health.settings, entered, around)):
            cut.start()
            _log.info("stopped before the start")
            return EXIT_DONE
        progress.reason = "recovering state, or waiting for partitions"
        return await _live(app, stop, cut, progress)


class _Progress:
    def __init__(self) -> None:
        self.reason: str | None = "waiting for kafka"

    async def check(self) -> str | None:
        return self.reason


async def _prepare(settings: Settings, stack: AsyncExitStack, around: AbstractAsyncContextManager[Any] | None) -> None:
    await wait_for_broker(settings)
    if around is not None:
        await stack.enter_async_context(around)


async def _live(app: faust.App, stop: asyncio.Event, cut: threading.Timer, progress: _Progress) -> int:
    started = asyncio.create_task(_start(app, progress), name="start")
    # Set by Faust when any service below the app crashes, and by our own agents when they must not go on.
    ended = asyncio.create_task(app.wait_until_stopped(), name="ended")
    stopping = asyncio.create_task(stop.wait(), name="stopping")
    try:
        await asyncio.wait({started, ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if started.done() and started.exception() is None:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        error = _failure(app, started)
        if error is not None:
            _log.error("crashed", app=app.conf.id, error=describe(error), exc_info=error)
        elif not stop.is_set():
            _log.error("ended by itself", app=app.conf.id)
        else:
            _log.info("stopping", app=app.conf.id)
    finally:
        progress.reason = "stopping"
        cut.start()
        await app.stop()
        for task in (started, stopping):
            task.cancel()
        await asyncio.wait({started, stopping, ended})
    # What fails while it stops counts too: its offsets may be behind what was done.
    failed = _failure(app, started) is not None or not stop.is_set()
    _log.info("stopped", app=app.conf.id)
    return EXIT_FAILED if failed else EXIT_DONE


async def _start(app: faust.App, progress: _Progress) -> None:
    await app.start()
    progress.reason = None
    _log.info("started", app=app.conf.id)


def _failure(app: faust.App, started: asyncio.Task[None]) -> BaseException | None:
    if app.crash_reason is not None:
        return app.crash_reason
    return started.exception() if started.done() and not started.cancelled() else None


async def _unless(stop: asyncio.Event, work: Awaitable[None]) -> bool:
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if doing.done():
        await doing
        return True
    doing.cancel()
    await asyncio.wait({doing})
    return False
