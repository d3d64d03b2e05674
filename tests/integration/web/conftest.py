"""The pages, served as in production, over a database of the test's own."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import uvicorn

from tests.acting import Published
from tests.integration.web.rows import Rows, connect
from tests.operations import FakeOperations
from tests.servers.ports import free_ports
from tests.servers.wait import until
from tests.signed_in import KEY, OPERATOR, header
from web.app import build
from web.doing import Acting
from web.live import Live
from web.signin.pages import SignIn
from web.signin.session import Cookies


@dataclass(frozen=True, slots=True)
class Site:
    """The pages and their way in.

    Attributes:
        url: without a slash at its end.
    """

    url: str
    live: Live


@asynccontextmanager
async def serving(
    dsn: str,
    *,
    banner: str | None = None,
    sign_in: SignIn | None = None,
    port: int | None = None,
    acting: Acting | None = None,
    assignees: bool = False,
    operations: FakeOperations | None = None,
) -> AsyncIterator[Site]:
    """The pages in this event loop, on a free port if none is named; who shows a cookie of `signed_in` is let in."""
    app = build(
        dsn,
        banner=banner,
        sign_in=sign_in or SignIn(Cookies(KEY)),
        acting=acting or Published().acting(),
        assignees=assignees,
        operations=operations or FakeOperations(),
    )
    port = port or free_ports(1)[0]
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    with server.capture_signals():
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started or running.done(), what="the pages are served")
        try:
            yield Site(f"http://127.0.0.1:{port}", app.state.live)
        finally:
            app.state.live.close()
            server.should_exit = True
            await running


@pytest.fixture
async def rows(postgres: str) -> AsyncIterator[Rows]:
    """Writes to the test's database."""
    connection = await connect(postgres)
    try:
        yield Rows(connection)
    finally:
        await connection.close()


@pytest.fixture
async def site(postgres: str) -> AsyncIterator[Site]:
    """The pages over the test's database."""
    async with serving(postgres) as served:
        yield served


@pytest.fixture
async def http(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    """An operator's client that knows where the pages are."""
    async with aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as session:
        yield session


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core, as a script: https://github.com/dequelabs/axe-core."""
    absent = pytest.fail if os.environ.get("CI", "").lower() in {"1", "true"} else pytest.skip
    if (npm := shutil.which("npm")) is None:
        absent("no npm on PATH: install Node.js with npm")
    directory = tmp_path_factory.mktemp("axe")
    for file in (Path(__file__).parent / "node").iterdir():
        shutil.copy(file, directory)
    command = (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        absent(f"npm cannot install axe-core here: {done.stderr}")
    return (directory / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
