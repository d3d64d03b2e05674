"""How long does each page take in a database of the size that csatwatch is made for?"""

import asyncio
import platform
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp
import click
import uvicorn

from agents.embedded.postgres import embedded_postgres
from agents.outcomes import worked_out
from bench import report
from schemas.policy import load_policy
from sinks.outcomes import keep
from sinks.postgres import connect, migrate
from tests.acting import Published
from tests.servers.big import Size, alert_id, csm_email, customer_id, fill
from tests.servers.ports import free_ports
from tests.servers.wait import until
from tests.signed_in import KEY, MANAGER, header
from web.app import build
from web.signin.pages import SignIn
from web.signin.session import Cookies
from web.viewer import Role, Viewer

ABOUT = """Each page over HTTP, one request at a time, from the first byte that is asked to the last that is answered,
in milliseconds. Each request is of another customer, alert or CSM. Postgres, the pages and who asks share the
machine; Postgres has its smallest memory (`shared_buffers` of 64 MB), as `csatwatch up` starts it."""

_SEED = 11
_WARM = 5  # requests of each page before those that are measured

Draw = Callable[[random.Random, Size], str]
_MANAGERS: Mapping[str, Draw] = {
    "alerts": lambda _, __: "/",
    "an alert": lambda draw, size: f"/alerts/{alert_id(draw.randint(1, size.alerts))}",
    "accounts": lambda _, __: "/customers",
    "accounts, found by a name": lambda draw, _: f"/customers?q={draw.getrandbits(20):05x}",
    "accounts, falling": lambda _, __: "/customers?status=falling",
    "a customer": lambda draw, size: f"/customers/{customer_id(draw.randint(1, size.customers))}",
    "a customer's month": lambda draw, size: (
        f"/customers/{customer_id(draw.randint(1, size.customers))}/report/{datetime.now(UTC):%Y-%m}"
    ),
    "tasks": lambda _, __: "/tasks",
    "deliveries": lambda _, __: "/deliveries?show=all",
    "support, three months": lambda _, __: "/support",
    "support, twelve months": lambda _, __: "/support?months=12",
    "outcomes": lambda _, __: "/outcomes",
}
_CSMS: Mapping[str, Draw] = {
    "a CSM's alerts": lambda _, __: "/",
    "a CSM's accounts": lambda _, __: "/customers",
    "a CSM's tasks": lambda _, __: "/tasks",
    "a CSM's deliveries": lambda _, __: "/deliveries?show=all",
}


def measure(*, requests: int, size: Size) -> str:
    """The section for docs/benchmarks.md."""
    rows = asyncio.run(_run(requests, size))
    versions = {"csatwatch": version("csatwatch"), "Python": platform.python_version()}
    about = (
        f"{ABOUT}\n\n{size.customers:,} customers of {size.csms} CSMs, {size.ratings:,} ratings, "
        f"{size.alerts:,} alerts; {requests} requests a page."
    )
    return report.section("Pages", about, [report.table(rows)], versions)


async def _run(requests: int, size: Size) -> Sequence[Mapping[str, str]]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dsn = await stack.enter_async_context(embedded_postgres(directory))
        await migrate(dsn)
        click.echo("filling the database")
        await fill(dsn, size, datetime.now(UTC))
        await _work_out(dsn)
        (port,) = free_ports(1)
        app = build(dsn, sign_in=SignIn(Cookies(KEY)), acting=Published().acting())
        server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none")
        )
        with server.capture_signals():
            running = asyncio.create_task(server.serve())
            await until(lambda: server.started or running.done(), what="the pages are served")
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                rows = [await _page(http, name, draw, requests, size) for name, draw in {**_MANAGERS, **_CSMS}.items()]
            app.state.live.close()
            server.should_exit = True
            await running
        return rows


async def _work_out(dsn: str) -> None:
    """The outcomes, as `deliver` keeps them for their page once a day."""
    begun = time.perf_counter()
    async with await connect(dsn, size=1) as pool, pool.acquire() as connection:
        await keep(connection, await worked_out(connection, load_policy(None), datetime.now(UTC)))
    click.echo(f"outcomes worked out in {time.perf_counter() - begun:.0f} s")


async def _page(http: aiohttp.ClientSession, name: str, draw: Draw, requests: int, size: Size) -> Mapping[str, str]:
    chance = random.Random(f"{_SEED} {name}")
    taken = []
    for _ in range(_WARM + requests):
        viewer = MANAGER
        if name in _CSMS:
            viewer = Viewer(csm_email(chance.randrange(size.csms)), "A CSM", Role.CSM)
        begun = time.perf_counter()
        async with http.get(draw(chance, size), headers=header(viewer)) as answer:
            await answer.read()
            answer.raise_for_status()
        taken.append(1000 * (time.perf_counter() - begun))
    shown = report.spread(taken[_WARM:], 50, 95)
    click.echo(f"{name}: {report.told(shown)}")
    return {"": name} | shown
