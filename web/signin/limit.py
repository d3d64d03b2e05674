"""How often somebody may do something."""

from collections import OrderedDict
from math import ceil

from aiolimiter import AsyncLimiter

_KNOWN = 10_000


class Limit:
    """`most` times within `seconds`, for each one apart; who was not seen for the longest time is forgotten."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._of: OrderedDict[str, AsyncLimiter] = OrderedDict()

    async def spend(self, who: str) -> int | None:
        """Take one of their times; None where there was one, else the seconds to wait for the next."""
        bucket = self._of.pop(who, None) or AsyncLimiter(self._most, self._seconds)
        self._of[who] = bucket
        if len(self._of) > _KNOWN:
            self._of.popitem(last=False)
        if not bucket.has_capacity():
            return ceil(self._seconds / self._most)
        await bucket.acquire()
        return None
