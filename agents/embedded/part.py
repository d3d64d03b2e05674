"""One of csatwatch's own processes as a child, guarded like the embedded servers: it never outlives its starter."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from agents.embedded.process import OnFailure, Server, new_scratch, running
from agents.settings import PREFIX, Settings

_ADDRESS = re.compile(r"\burl=(http://\S+?)/(readyz)?\s*$", re.MULTILINE)
_PATIENCE = aiohttp.ClientTimeout(total=5)
_READY_WITHIN = 60.0  # seconds


@asynccontextmanager
async def part(
    command: str, settings: Settings, directory: Path, *arguments: str, on_failure: OnFailure
) -> AsyncIterator[str]:
    """Run `csatwatch COMMAND ARGUMENTS…` for the time of the block; entered when /readyz passes.

    Yields the last address that it said it listens on: for `web` that of the pages. Its log is `COMMAND.log` in
    `directory`. `settings` should let it choose its ports itself. `on_failure` is told when it ends by itself.

    Raises:
        ServerFailedError: it ended, or was not ready in time.
    """
    scratch = new_scratch(command)
    log = directory / f"{command}.log"
    server = Server(
        name=command,
        # -P: what lies in its working directory is no module of ours.
        commands=[[sys.executable, "-P", "-m", "agents.cli", command, *arguments]],
        scratch=scratch,
        log=log,
        stop_signal=signal.SIGTERM,
        environment={
            **_inherited(),
            **environment(settings.model_copy(update={"state_dir": scratch / "state", "log_format": "human"})),
        },
    )
    async with aiohttp.ClientSession(timeout=_PATIENCE) as http:

        async def ready() -> bool:
            found = [address for address, health in _addresses(log) if health]
            return bool(found) and await _answers(http, f"{found[0]}/readyz")

        async with running(server, ready, deadline_seconds=_READY_WITHIN, on_failure=on_failure):
            yield _addresses(log)[-1][0]


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for another process."""
    plain = {name: value for name, value in settings if name != "source"}
    of_sources = {f"source_{source}_{name}": value for source, of in settings.source.items() for name, value in of}
    return {PREFIX + name.upper(): _text(value) for name, value in {**plain, **of_sources}.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.absolute() if isinstance(value, Path) else value)


def _inherited() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _addresses(log: Path) -> list[tuple[str, str]]:
    return _ADDRESS.findall(log.read_text(encoding="utf-8", errors="replace"))


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == HTTPStatus.OK
    except (aiohttp.ClientError, TimeoutError):
        return False
