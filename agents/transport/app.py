"""A Faust app with batched topics, checkpoints and fail-stop."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol, cast

import faust
import structlog
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP
from faust.types.streams import StreamT

from agents.transport.batch import Batch
from agents.transport.consumer import BatchConsumer, BatchTransport

Handle = Callable[[Batch], Awaitable[Awaitable[None] | None]]
"""Handles a batch. What it returns, where it returns something, is awaited beside the next batches; the batch is done
when that is done too. Batches of one partition may then be done in another order: `checkpoint` must wait for all."""

_log = structlog.get_logger(__name__)


class Checkpoint(Protocol):
    """Keeps what the handled batches changed, together with their offsets."""

    async def __call__(self, partitions: set[TP], /, *, last: bool) -> Mapping[TP, int]:
        """Write and commit. Returns the offsets that are committed now. Whatever it raises stops the worker.

        `last`: the partitions are about to go, so it must not be put off.
        """
        ...


class BatchApp(faust.App):
    """Agents of `batch_agent` get whole batches; their offsets are committed when the batch is done, never before.

    An exception of such an agent, or of a checkpoint, stops the worker without a commit: its records are read again by
    whoever takes the partitions.
    """

    def __init__(self, group: str, **settings: Any) -> None:  # noqa: ANN401 (Faust's settings)
        super().__init__(group, **settings)
        self.batched: set[str] = set()
        self.checkpointed: set[str] = set()
        """Batched topics whose offsets `checkpoint` commits."""
        self.checkpoint: Checkpoint | None = None
        self.failed = False
        self._restores_apart = False
        self._busy: set[asyncio.Future[None]] = set()

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        # Without a table nothing is kept on disk: such a process runs on a file system that it cannot write to.
        if self.tables:
            super()._create_directories()

    @property
    def batches(self) -> BatchConsumer:
        """The consumer, by its own type."""
        return cast("BatchConsumer", self.consumer)

    @property
    def unread(self) -> Collection[str]:
        """The topics that Faust has its consumer be assigned, and that nobody reads from it."""
        return self.tables.changelog_topics if self._restores_apart else frozenset()

    def batch_agent(self, topic: str, handle: Handle, *, name: str) -> None:
        """Register a Faust agent that hands each batch of `topic` to `handle`, one at a time."""
        self.batched.add(topic)

        async def run(stream: StreamT[Batch]) -> None:
            async for event in stream.events():
                await self._take(event.message.value, handle)
                await asyncio.sleep(0)  # Faust goes on with what it has at hand; acknowledgements are to have a turn

        # Faust would keep the offset of every batch for a commit of its own, which never comes.
        channel = self.topic(topic, key_serializer="raw", value_serializer="raw", acks=False)
        self.agent(channel, name=name)(run)

    def use_recovery(self, recovery: Recovery) -> None:
        """Restore tables by `recovery`, which has consumers of its own. Faust has no setting for that."""
        self._restores_apart = True
        cast("TableManager", self.tables)._recovery = recovery  # noqa: SLF001

    async def idle(self) -> None:
        """Wait until no batch is in hand."""
        while self._busy:
            await asyncio.wait(self._busy)

    async def fail(self, error: BaseException) -> None:
        """Stop the worker without another commit."""
        if not self.failed:
            self.failed = True
            _log.error("stopping without a commit", error=type(error).__name__)
            await self.crash(error)

    async def _take(self, batch: Batch, handle: Handle) -> None:
        if self.failed or batch.generation != self.batches.generation:
            return
        busy: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._busy.add(busy)
        rest = None
        try:
            rest = await handle(batch)
        except Exception as error:  # noqa: BLE001 (fail-stop, whatever it is: Faust would ack the batch)
            await self.fail(error)
        else:
            if rest is None:
                self.batches.handled(batch)
            else:
                self.add_future(self._end(batch, rest, busy))
        finally:
            if rest is None:
                self._done(busy)

    async def _end(self, batch: Batch, rest: Awaitable[None], busy: asyncio.Future[None]) -> None:
        try:
            await rest
        except Exception as error:  # noqa: BLE001 (as above)
            await self.fail(error)
        else:
            self.batches.handled(batch)
        finally:
            self._done(busy)

    def _done(self, busy: asyncio.Future[None]) -> None:
        self._busy.discard(busy)
        if not busy.done():
            busy.set_result(None)
