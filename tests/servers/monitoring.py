"""A real Prometheus and a real Alertmanager, on loopback."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.servers.ports import free_ports
from tests.servers.tied import spawn
from tests.servers.unavailable import UnavailableError
from tests.servers.wait import until


def program(*names: str) -> str:
    """The first of them on PATH. Raises UnavailableError."""
    for name in names:
        if found := shutil.which(name):
            return found
    message = f"no {names[0]} on PATH: install it (Debian: apt-get install {names[-1]})"
    raise UnavailableError(message)


@asynccontextmanager
async def alertmanager(directory: Path, config: dict[str, Any]) -> AsyncIterator[str]:
    """Runs with this configuration; yields its host:port."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    arguments = [
        f"--config.file={_written(directory, config)}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    async with _running([program("alertmanager", "prometheus-alertmanager"), *arguments], directory, address):
        yield address


@asynccontextmanager
async def prometheus(directory: Path, config: dict[str, Any], port: int) -> AsyncIterator[str]:
    """Runs with this configuration, whose files are in `directory`; yields its URL."""
    address = f"127.0.0.1:{port}"
    arguments = [
        f"--config.file={_written(directory, config)}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        # What fires before Alertmanager is known is sent again after so long.
        "--rules.alert.resend-delay=1s",
    ]
    async with _running([program("prometheus"), *arguments], directory, address):
        yield f"http://{address}"


def _written(directory: Path, config: dict[str, Any]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@asynccontextmanager
async def _running(command: list[str], directory: Path, address: str) -> AsyncIterator[None]:
    log = directory / "log"
    with log.open("ab") as output:
        process = spawn(command, output=output, cwd=directory)

    async def ready() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            async with aiohttp.ClientSession() as http, http.get(f"http://{address}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    try:
        await until(ready, what=f"{command[0]} ready", within=60)
        yield
    finally:
        process.terminate()
        process.wait(30)
