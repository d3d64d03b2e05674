"""Has a worker's tables whole before it handles events, in place of Faust's recovery."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer
from faust.tables.recovery import Recovery
from faust.types import TP

from agents.session import connected
from agents.transport.app import BatchApp
from agents.transport.changelog import Changelog
from agents.transport.consumer import BatchConsumer
from agents.transport.failpoints import reached
from agents.transport.standby import Standby
from agents.transport.table import BatchTable

_log = structlog.get_logger(__name__)


class Restore(Recovery):
    """Faust's recovery, with the changelog read in batches, by a consumer of its own.

    `ready` is awaited for the partitions of an assignment before their changelog is read, so that whatever a previous
    owner has in flight is fenced first; `restored` after it, before the first event. The partitions that Faust's
    assignor gives as standbys are followed by `standby`: Faust itself would write their records, late and with gaps,
    into the very store that checkpoints write to.
    """

    def __init__(
        self,
        app: BatchApp,
        table: BatchTable,
        *,
        consumer: Callable[[], AIOKafkaConsumer],
        ready: Callable[[set[int]], Awaitable[None]],
        restored: Callable[[set[int]], Awaitable[None]],
        progress: Callable[[float], None],
        standby: Standby,
    ) -> None:
        super().__init__(app, app.tables)
        self._table = table
        self._new_consumer = consumer
        self._ready = ready
        self._restored = restored
        self._progress = progress
        self._standby = standby
        self._followed: set[int] = set()
        self._taking_over: asyncio.Task[None] | None = None
        self._under_way: str | None = None

    async def check(self) -> str | None:
        """How far it is, in words; None where what is assigned is whole, and its events are handled."""
        return self._under_way

    # -- Faust's own reading of changelogs, which never begins

    def need_recovery(self) -> bool:
        """Never, for Faust: `on_recovery_completed` does all of it."""
        return False

    def add_standby(self, table: Any, tp: TP) -> None:  # noqa: ANN401, ARG002 (Faust's own type; there is one table)
        """Remember a partition to follow."""
        self._followed.add(int(tp.partition))

    # -- rebalance and stop

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of the followed partitions, before any of them is given to this worker."""
        self._standby.stop()
        super().on_partitions_revoked(revoked)

    async def let_go(self) -> None:
        """Give up a restoring that is under way, as its partitions are revoked. Returns when nothing of it is left.

        Faust would let it go on until the next assignment: it would open producers and so fence the next owner, put
        states in place of the revoked ones, and let events flow.
        """
        self._consumer.hold_flow()
        self._under_way = "partitions are assigned anew"
        task, self._taking_over = self._taking_over, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def on_rebalance(self, *assignment: Any, **more: Any) -> None:  # noqa: ANN401 (Faust's own arguments)
        """Take over what is assigned now, and nothing else."""
        self._followed = set()
        # Faust lets events flow before it seeks: those behind dropped ones would be handled, and committed, first.
        self._consumer.hold_flow()
        await super().on_rebalance(*assignment, **more)
        self._tell(0.0)

    async def on_stop(self) -> None:
        """The same."""
        self._standby.stop()
        await super().on_stop()

    async def crash(self, reason: BaseException) -> None:
        """End the worker with it: it would keep its partitions and handle nothing of them."""
        await cast("BatchApp", self.app).fail(reason)
        await super().crash(reason)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Restore the assigned partitions, then let Faust go on."""
        partitions = {int(tp.partition) for tp in self.active_tps}
        task = self._taking_over = asyncio.create_task(self._take_over(partitions), name="restore")
        try:
            await task
        except asyncio.CancelledError:
            if self._taking_over is task:
                # By the next rebalance or a stop. From anywhere else Faust would wait for ever. The signal that a
                # rebalance sets does not tell: it is cleared by the time that this task is cancelled.
                if generation_id == self.app.consumer_generation_id and not self.should_stop:
                    await cast("BatchApp", self.app).fail(RuntimeError("the restoring of the state was cancelled"))
                raise
        except Exception as error:  # noqa: BLE001 (without its state a worker must not go on, whatever it was)
            await cast("BatchApp", self.app).fail(error)
            return
        if self._taking_over is not task:  # let go of: the next assignment begins anew
            return
        self._standby.follow(self._followed - partitions)
        self._consumer.release_flow()
        await super().on_recovery_completed(generation_id)
        if self._taking_over is task:
            self._under_way = None

    async def _take_over(self, partitions: set[int]) -> None:
        await self._ready(partitions)
        await self._restore(partitions)
        await self._restored(partitions)
        # Faust seeks too. Where that takes too long it lets events flow, and they would be those behind dropped ones.
        await self._consumer.perform_seek()

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchApp", self.app).batches

    async def _restore(self, partitions: set[int]) -> None:
        if not partitions:
            self._tell(1.0)
            return
        started, read = monotonic(), 0
        async with connected(self._new_consumer()) as consumer:
            changelog = Changelog(self._table, consumer)
            await changelog.begin(partitions)
            total = sum(changelog.left.values())
            while left := sum(changelog.left.values()):
                self._tell(1 - left / total)
                read += (now := await changelog.read())
                if now:
                    reached("restoring")
        self._tell(1.0)
        seconds = round(monotonic() - started, 2)
        _log.info("state restored", partitions=len(partitions), records=read, seconds=seconds)

    def _tell(self, share: float) -> None:
        self._progress(share)
        self._under_way = f"state of {len(self.active_tps)} partitions: {share:.0%} read"
