"""Wait for a condition, never for a time."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_PAUSE = 0.02  # seconds between two looks


@overload
async def until(condition: Callable[[], Awaitable[T]], *, what: str, within: float = 30.0) -> T: ...
@overload
async def until(condition: Callable[[], T], *, what: str, within: float = 30.0) -> T: ...
async def until(condition: Callable[[], object], *, what: str, within: float = 30.0) -> object:
    """The first truthy value of `condition`, a plain or an async function.

    `within` is in seconds; a look that takes longer is cancelled. Raises AssertionError that says
    `what` did not happen, with the last value seen; what the condition raises goes through.
    """
    last: object = "nothing yet"
    try:
        async with asyncio.timeout(within) as deadline:
            while True:
                seen = condition()
                value = await seen if inspect.isawaitable(seen) else seen
                if value:
                    return value
                last = value
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        if not deadline.expired():
            raise  # the condition's own
        message = f"not within {within:g} s: {what} (last seen: {last!r})"
        raise AssertionError(message) from None
