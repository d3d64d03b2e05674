from collections.abc import AsyncIterator, Iterator

import aiohttp
import asyncpg
import pytest

from sinks.postgres import connect
from tests.integration.delivery.stand import CHANNELS, PEOPLE, TIMEOUT, Bench
from tests.servers.fake_slack import FakeSlack


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=8) as connected:
        yield connected


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with FakeSlack(PEOPLE, CHANNELS) as slack:
        yield slack


@pytest.fixture
async def bench(pool: asyncpg.Pool, workspace: FakeSlack) -> AsyncIterator[Bench]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        made = Bench(pool, workspace, session)
        yield made
        await made.stop()
