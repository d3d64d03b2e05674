"""Starts one embedded server, waits until it answers, and ends it.

Built on `agents.embedded.guard`, which runs in between and ends the server when this process is gone.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from agents.embedded import guard

_POLL_SECONDS = 0.05
_LOG_LINES_IN_ERROR = 15
_KILL_AFTER_SECONDS = 5.0

_log = structlog.get_logger(__name__)

OnFailure = Callable[["ServerFailedError"], None]


class ServerFailedError(RuntimeError):
    """An embedded server did not start, or ended by itself. Its text closes with the last lines of the server's log."""


class ServerExitedError(ServerFailedError):
    """The server was gone before it answered: see `agents.embedded.port`."""


@dataclass(frozen=True, slots=True)
class User:
    """Who a server runs as, where that is not this process's own user."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Server:
    """One server to run.

    Attributes:
        name: for log lines and errors.
        commands: run one after the other, each to a clean end; the last one is the server.
        scratch: the server's own directory, `new_scratch()`; removed when the server is gone, however that comes.
        log: file that receives all output; overwritten.
        stop_signal: the signal that asks the server to end.
        user: whom to run as; None: as this process.
        environment: all that the server sees of it; csatwatch's own settings and secrets stay out.
    """

    name: str
    commands: Sequence[Sequence[str]]
    scratch: Path
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: User | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def new_scratch(name: str, user: User | None = None) -> Path:
    """A new private directory under the system's temporary one, owned by `user`."""
    scratch = Path(tempfile.mkdtemp(prefix=f"csatwatch-{name}-"))
    if user is not None:
        os.chown(scratch, user.uid, user.gid)
    return scratch


@asynccontextmanager
async def running(
    server: Server,
    ready: Callable[[], Awaitable[bool]],
    *,
    deadline_seconds: float,
    on_failure: OnFailure | None = None,
) -> AsyncIterator[None]:
    """Run a server for the time of the block.

    Args:
        server: what to run.
        ready: asks the server something that only this very one can answer; called until it says True.
        deadline_seconds: from the start to the first answer.
        on_failure: called once if the server ends by itself within the block.

    Raises:
        ServerExitedError: it ended before it answered.
        ServerFailedError: it did not answer in time.
    """
    process = await _start(server)
    watcher: asyncio.Task[None] | None = None
    try:
        await _wait_ready(server, process, ready, deadline_seconds)
        _log.info("embedded server ready", server=server.name, pid=process.pid)
        watcher = asyncio.create_task(_watch(server, process, on_failure))
        yield
    finally:
        if watcher is not None:
            watcher.cancel()
        await _whatever_comes(_stop(process))
        _log.info("embedded server stopped", server=server.name)


async def _start(server: Server) -> asyncio.subprocess.Process:
    spec = guard.Spec(
        commands=[list(command) for command in server.commands],
        scratch=str(server.scratch),
        stop_signal=server.stop_signal,
        grace_seconds=_KILL_AFTER_SECONDS,
        uid=server.user.uid if server.user else None,
        gid=server.user.gid if server.user else None,
    )
    started = False
    try:
        server.log.parent.mkdir(parents=True, exist_ok=True)
        with server.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                guard.__file__,
                json.dumps(spec),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(server.environment),
                start_new_session=True,  # a signal to csatwatch's group must not reach the server before its clients
            )
        started = True
        return process
    finally:
        if not started:
            shutil.rmtree(server.scratch, ignore_errors=True)


async def _wait_ready(
    server: Server,
    process: asyncio.subprocess.Process,
    ready: Callable[[], Awaitable[bool]],
    deadline_seconds: float,
) -> None:
    try:
        async with asyncio.timeout(deadline_seconds):
            while process.returncode is None:
                if await ready():
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await process.wait()
    except TimeoutError:
        message = f"{server.name} did not answer within {deadline_seconds:g} s{_tail(server.log)}"
        raise ServerFailedError(message) from None
    message = f"{server.name} ended with exit code {process.returncode} before it was ready{_tail(server.log)}"
    raise ServerExitedError(message)


async def _watch(server: Server, process: asyncio.subprocess.Process, on_failure: OnFailure | None) -> None:
    code = await process.wait()
    _log.error("embedded server ended by itself", server=server.name, exit_code=code)
    if on_failure is not None:
        on_failure(ServerFailedError(f"{server.name} ended by itself with exit code {code}{_tail(server.log)}"))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Close the pipe, on which the guard stops the server; past its time, kill guard and server."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(2 * _KILL_AFTER_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _whatever_comes(work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, which has an end of its own, to that end; a cancellation meanwhile is raised after it."""
    doing, cancelled = asyncio.create_task(work), None
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _tail(log: Path) -> str:
    """The last lines of a server's log, led by a word where they are from."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    shown = "\n".join(f"  {line}" for line in lines[-_LOG_LINES_IN_ERROR:])
    return f"; the end of {log.name}:\n{shown}" if shown else f"; {log.name} is empty"
