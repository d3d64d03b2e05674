"""Keeps the state of other workers' partitions warm: who takes one over reads only the end of its changelog.

Committed records of the changelog go into the local store with their offset, as a checkpoint of this worker's own
would put them there; nothing of the group's is touched. It is a help and no more: when it fails, a takeover reads more.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer

from agents.session import connected
from agents.transport.changelog import Changelog
from agents.transport.table import BatchTable

_RETRY = 5.0  # seconds

_log = structlog.get_logger(__name__)


class Standby:
    """Follows the changelog of some partitions, by a consumer of its own.

    `lag` is told how many offsets of them are not in the local store yet.
    """

    def __init__(
        self, table: BatchTable, *, consumer: Callable[[], AIOKafkaConsumer], lag: Callable[[float], None]
    ) -> None:
        self._table = table
        self._new_consumer = consumer
        self._lag = lag
        self._task: asyncio.Task[None] | None = None

    def follow(self, partitions: set[int]) -> None:
        """Begin, with these instead of any others."""
        self.stop()
        self._lag(0)
        if partitions:
            self._task = asyncio.create_task(self._run(partitions), name="standby")

    def stop(self) -> None:
        """Write nothing more from here on: a task that is cancelled does not go on behind its present await."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, partitions: set[int]) -> None:
        _log.info("standing by", partitions=len(partitions))
        while True:
            try:
                await self._follow(partitions)
            except Exception as error:  # noqa: BLE001 (whatever it is, this worker's own partitions have no part in it)
                _log.warning("standing by failed: trying again", error=type(error).__name__, next_try_seconds=_RETRY)
                await asyncio.sleep(_RETRY)

    async def _follow(self, partitions: set[int]) -> None:
        async with connected(self._new_consumer()) as consumer:
            changelog = Changelog(self._table, consumer)
            await changelog.begin(partitions)
            while True:
                self._lag(sum(changelog.left.values()))
                await changelog.follow()
