import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.embedded.together import together
from tests.servers.wait import until


class _Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def held(self, name: str, enter: asyncio.Event | None = None) -> AsyncIterator[str]:
        try:
            if enter is not None:
                await enter.wait()
            self.lines.append(f"enter {name}")
            yield name
        finally:
            self.lines.append(f"leave {name}")

    @asynccontextmanager
    async def refused(self, name: str) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        if name not in self.lines:
            raise ValueError(name)
        yield name


async def test_yields_all_and_leaves_all() -> None:
    log = _Log()
    async with together(log.held("a"), log.held("b")) as values:
        assert list(values) == ["a", "b"]
        assert sorted(log.lines) == ["enter a", "enter b"]
    assert sorted(log.lines[2:]) == ["leave a", "leave b"]


async def test_enters_side_by_side() -> None:
    meet = asyncio.Barrier(2)

    @asynccontextmanager
    async def meeting() -> AsyncIterator[None]:
        await meet.wait()
        yield

    async with asyncio.timeout(10), together(meeting(), meeting()):
        pass


async def test_one_that_cannot_be_entered_takes_the_others_down() -> None:
    log = _Log()
    with pytest.raises(ValueError, match="broken"):
        async with together(log.held("a"), log.refused("broken"), log.held("waiting", asyncio.Event())):
            pytest.fail("not all are entered")
    assert sorted(log.lines) == ["enter a", "leave a", "leave waiting"]


async def test_an_error_in_the_block_leaves_all() -> None:
    log = _Log()
    with pytest.raises(ZeroDivisionError):
        async with together(log.held("a"), log.held("b")):
            raise ZeroDivisionError
    assert sorted(log.lines[2:]) == ["leave a", "leave b"]


async def test_a_cancellation_while_entering_leaves_all() -> None:
    log = _Log()

    async def run() -> None:
        async with together(log.held("a"), log.held("waiting", asyncio.Event())):
            pytest.fail("not all are entered")

    task = asyncio.create_task(run())
    await until(lambda: log.lines == ["enter a"], what="the first is entered")
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert sorted(log.lines) == ["enter a", "leave a", "leave waiting"]


async def test_an_error_while_leaving_is_raised() -> None:
    @asynccontextmanager
    async def leaves_badly() -> AsyncIterator[None]:
        yield
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with together(leaves_badly()):
            pass
