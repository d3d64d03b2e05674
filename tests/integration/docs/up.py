"""`make` as a page says it, and `make up` while something is tried with it."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.tied import spawn
from tests.servers.wait import until

_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/link\?token=\S+")


class Up:
    """What `make up` said so far."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def page(self) -> str | None:
        """The link to the pages."""
        found = _PAGE.findall(self.said)
        return found[-1] if found else None


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """As in a shell where csatwatch is installed, with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSATWATCH_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, **env}


def make(text: str) -> tuple[list[str], dict[str, str]]:
    """The block's only command, and the settings before it.

    The environment that the tests run in is not made anew under their feet.
    """
    (line,) = text.splitlines()
    *settings, program, target = line.split()
    assert program == "make"
    named = dict(each.split("=", 1) for each in settings)
    return [program, "--no-print-directory", "-o", ".venv/.installed", target], named


@asynccontextmanager
async def up(text: str, checkout: Path, log: Path) -> AsyncIterator[Up]:
    """The block is run until the page can be opened, and ended as a terminal does it."""
    command, named = make(text)
    with log.open("wb") as output:
        process = spawn([*command, "ARGS=--port 0"], output=output, cwd=checkout, env=environment(named))
    found = Up(log)
    try:
        await until(lambda: found.page, what="the address of the page", within=120)
        yield found
        # The signal goes to make and to all that it started.
        for pid in [process.pid, *_children(process.pid)]:
            os.kill(pid, signal.SIGINT)
        await until(lambda: process.poll() is not None, what="the end", within=60)
    finally:
        process.kill()
        process.wait()
    assert "Stopped" in found.said


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]
