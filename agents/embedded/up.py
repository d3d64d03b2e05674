"""`csatwatch up`: everything on embedded servers, with the sample feed; and how it ends."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from agents.embedded.port import LOOPBACK
from agents.embedded.process import OnFailure, ServerFailedError
from agents.embedded.screen import Screen
from agents.embedded.show import Show
from agents.logs import configure
from agents.process import EXIT_DONE, EXIT_FAILED, asked_to_stop
from agents.refused import BadInput
from agents.settings import Settings, load_settings

_PORT = 8080
_REASON_WITHIN = 5.0  # seconds until a part that is gone is known to be; what uses it may notice before
_PATIENCE = 3.0  # seconds
_KEPT = ("policy", "workflows", "plugins", "sources", "source", "partitions", "log_level", "public_url")


def up(*, exit_when_idle: bool, port: int | None) -> int:
    """Run everything until Ctrl-C, or until all of the sample is delivered; returns the exit code.

    `port` is that of the pages: 0 takes a free one; None takes 8080, or a free one where that is taken. Raises
    `BadInput`, `BadSettings` and `BadFile`.
    """
    screen = Screen()
    settings = _settings(load_settings(), exit_when_idle=exit_when_idle)
    pages = 0 if exit_when_idle and port is None else _free(port, screen)
    directory = Path(tempfile.mkdtemp(prefix="csatwatch-up-"))
    ended = _Ended.FAILED
    try:
        show = Show(settings.model_copy(update={"web_bind": f"{LOOPBACK}:{pages}"}), directory, screen)
        with (directory / "up.log").open("w", encoding="utf-8") as log:
            configure(settings, log)
            ended = asyncio.run(_to_the_end(show.until_delivered if exit_when_idle else show.until_stopped, screen))
    finally:
        if ended is _Ended.FAILED and any(directory.iterdir()):
            screen.say(f"The logs are in {directory}")
        else:
            shutil.rmtree(directory)
    if ended is _Ended.STOPPED:
        screen.say("\rStopped: nothing is left running.")
        return EXIT_FAILED if exit_when_idle else EXIT_DONE
    return EXIT_DONE if ended is _Ended.DONE else EXIT_FAILED


class _Ended(Enum):
    DONE = auto()
    STOPPED = auto()
    FAILED = auto()


def _settings(user: Settings, *, exit_when_idle: bool) -> Settings:
    """What the processes run with: the servers are ours; policy and workflows, and without an end Slack, the user's."""
    kept = {name: getattr(user, name) for name in _KEPT}
    if not exit_when_idle:
        kept |= {name: value for name, value in user if name.startswith("slack_")}
    # Each process takes a free port, and its log says which.
    return Settings(**kept, kafka_transactions=False, metrics_bind=f"{LOOPBACK}:0")


def _free(port: int | None, screen: Screen) -> int:
    wanted = _PORT if port is None else port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            if port is None:
                screen.say(f"Port {wanted} is taken: the pages are on another one.")
                return 0
            text = f"--port is {port}: cannot listen there ({error.strerror}): name another, or 0 for a free one"
            raise BadInput(text) from None
    return wanted


async def _to_the_end(work: Callable[[OnFailure], Coroutine[Any, Any, bool]], screen: Screen) -> _Ended:
    failed: asyncio.Future[ServerFailedError] = asyncio.get_running_loop().create_future()

    def on_failure(error: ServerFailedError) -> None:
        if not failed.done():
            failed.set_result(error)

    with asked_to_stop() as stop:
        working, stopping = asyncio.create_task(work(on_failure)), asyncio.create_task(stop.wait())
        ends: set[asyncio.Future[Any]] = {working, stopping, failed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set() and working.done() and isinstance(working.exception(), KafkaError | OSError):
            await asyncio.wait(ends - {working}, timeout=_REASON_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        stopped = stop.is_set() and not failed.done()
        screen.close()
        stopping.cancel()
        while not working.done():
            # Again after a while: a client of a server that is gone waits long for its answers before it closes.
            working.cancel()
            await asyncio.wait({working}, timeout=_PATIENCE)
    if stopped:
        return _Ended.STOPPED
    try:
        if failed.done():
            raise failed.result()
        return _Ended.DONE if working.result() else _Ended.FAILED
    except ServerFailedError as error:
        screen.say(f"csatwatch up: {error}")
        return _Ended.FAILED
