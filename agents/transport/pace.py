"""Keeps work that can wait from holding up what cannot, in one event loop."""

import asyncio
from collections.abc import Callable
from time import monotonic

_SHARE = 0.2
_MOST = 1.0  # seconds
_LATEST = 10.0  # seconds: a transaction is open meanwhile


class Pace:
    """Work in pieces, with a rest after each, so that it takes a fifth of the time at the most.

    To let others have a turn is not enough: an alert takes some twenty turns of the loop, and each would wait for a
    piece. But it is all that is done after a second of rests, so that much work does not take for ever, or when `hurry`
    says that somebody waits for its end. After ten seconds nobody has a turn any more: others may take a tenth of a
    second for theirs, as a partition does that is far behind.
    """

    def __init__(self, hurry: Callable[[], bool]) -> None:
        self._hurry = hurry
        self._left = _MOST
        self._begun = self._rested = monotonic()

    async def rest(self) -> None:
        """To be awaited after each piece."""
        if self._rested - self._begun > _LATEST:
            return
        rest = 0.0
        if self._left > 0 and not self._hurry():
            rest = (monotonic() - self._rested) * (1 / _SHARE - 1)
            self._left -= rest
        await asyncio.sleep(rest)
        self._rested = monotonic()
