"""Holds several contexts at once: entered side by side, left side by side."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any


@asynccontextmanager
async def together(*contexts: AbstractAsyncContextManager[Any]) -> AsyncIterator[Sequence[Any]]:
    """Yields what the contexts yield, in their order, once all are entered; they are left when the block is.

    Where one cannot be entered, the others are left again, and its error is raised.
    """
    leave = asyncio.Event()
    entered: list[asyncio.Future[Any]] = [asyncio.get_running_loop().create_future() for _ in contexts]
    holds = [
        asyncio.create_task(_hold(context, value, leave)) for context, value in zip(contexts, entered, strict=True)
    ]
    try:
        yield await asyncio.gather(*entered)
    finally:
        leave.set()
        for hold, value in zip(holds, entered, strict=True):
            if not value.done() or value.cancelled():
                hold.cancel()
        left = await asyncio.gather(*holds, return_exceptions=True)
    for error in left:
        if isinstance(error, BaseException):
            raise error


async def _hold(context: AbstractAsyncContextManager[Any], entered: asyncio.Future[Any], leave: asyncio.Event) -> None:
    try:
        async with context as value:
            if not entered.done():
                entered.set_result(value)
            await leave.wait()
    except Exception as error:
        if entered.done():
            raise
        entered.set_exception(error)
