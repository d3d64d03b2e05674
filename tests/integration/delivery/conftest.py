from collections.abc import AsyncIterator

import asyncpg
import pytest

from sinks.postgres import connect


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=8) as connected:
        yield connected
