"""The smallest app that `agents.run` can run, and the ways in which it can end: `python -m … HOW`."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import faust

from agents import process, run
from agents.health import Health
from agents.logs import configure
from agents.settings import Settings, load_settings

WORDS = "what a customer wrote"


class _Hangs(faust.Service):
    async def on_stop(self) -> None:
        time.sleep(1_000)  # noqa: ASYNC251 (it holds the event loop, on purpose)


@asynccontextmanager
async def _around() -> AsyncIterator[None]:
    print("entered", flush=True)  # noqa: T201 (the test reads it)
    yield
    print("left", flush=True)  # noqa: T201 (the same)


async def main(settings: Settings) -> int:
    app = faust.App(
        settings.group("tiny"),
        broker=settings.kafka_url,
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        broker_session_timeout=6.0,
        broker_rebalance_timeout=6.0,
        broker_heartbeat_interval=1.0,
        datadir=settings.state_dir,
    )

    async def read(stream: faust.StreamT[bytes]) -> None:
        async for _ in stream:
            pass

    app.agent(app.topic(settings.topic("tiny"), value_type=bytes, value_serializer="raw"))(read)

    async def end() -> None:
        match sys.argv[1]:
            case "crash":
                await app.crash(RuntimeError(WORDS))
            case "raise":
                raise ValueError(WORDS)
            case "stop":
                asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(app.stop()))
            case "hang":
                await app.add_runtime_dependency(_Hangs())

    app.task(end)
    return await run.run(app, Health(settings), around=_around())


if __name__ == "__main__":
    given = load_settings()
    configure(given)
    process.STOP_WITHIN = 1.0
    raise SystemExit(process.process(main, given))
