"""`python -m tests.chaos.mutant NAME[,NAME…] COMMAND…`: csatwatch with one of its protections taken out.

Some names make trouble instead of taking a protection out: only with trouble does the lack of one show.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from faust.types import TP

from agents import cli, detector, kafka, states
from agents.transport import app, checkpoint, consumer, producer, restore
from agents.transport.failpoints import reached
from streams.topology import ALERTS

_HELD = 7  # seconds: longer than a checkpoint is put off


def alerts_later() -> None:
    """A batch counts as handled before its alerts are sent."""

    async def handle(self: detector.Detector, batch: Any) -> None:
        rest = await handled(self, batch)
        if rest is not None:
            mine = self._states[batch.partition]
            mine.under_way.release()
            self._app.add_future(relocked(mine, rest))

    async def relocked(mine: Any, rest: Any) -> None:
        await asyncio.sleep(3)
        await mine.under_way.acquire()
        await rest

    handled = detector.Detector.handle
    detector.Detector.handle = handle  # type: ignore[method-assign]


def restore_uncommitted() -> None:
    """The changelog is read with what was never committed."""
    stock = kafka.consumer

    def uncommitted(settings: Any, *topics: str, **options: Any) -> Any:
        return stock(settings, *topics, **{**options, "isolation_level": "read_uncommitted"})

    kafka.consumer = uncommitted


def own_transactions() -> None:
    """Each worker has transactional ids of its own, so that nobody fences anybody."""

    def init(self: Any, group: str, new_producer: Callable[[str], Any]) -> None:
        stock(self, group, lambda name: new_producer(f"{name}-{uuid.uuid4()}"))

    stock = checkpoint.Transactional.__init__
    checkpoint.Transactional.__init__ = init  # type: ignore[method-assign]


def offset_first() -> None:
    """The offset is committed before the state."""

    @asynccontextmanager
    async def writing(self: Any, tp: Any, offset: int) -> AsyncIterator[checkpoint.Writing]:
        async with stock(self, tp, offset):
            pass
        reached("before-local-put")
        async with stock(self, tp, offset) as kept:
            yield kept

    stock = checkpoint.Transactional.writing
    checkpoint.Transactional.writing = writing  # type: ignore[method-assign]


def send_fails() -> None:
    """Trouble: alerts are refused once, when a batch before theirs waits for its checkpoint, and that for them."""
    stock, done = detector.Detector._publish, Path("refused")  # in the working directory: the next process is spared

    async def publish(self: detector.Detector, topic: str, records: Iterable[producer.Outgoing]) -> None:
        records, batches = list(records), self._app.batches
        if topic == ALERTS and records and not done.exists():
            tp = TP(self._events, records[0].partition)
            if batches.handled_up_to(tp) not in {None, batches.committed_up_to(tp)}:
                done.touch()
                await asyncio.sleep(_HELD)
                message = "refused"
                raise OSError(message)
        await stock(self, topic, records)

    detector.Detector._publish = publish  # type: ignore[method-assign]


def drops_a_fetch() -> None:
    """Trouble: what a worker fetches first is dropped, as it is when a rebalance begins meanwhile."""
    stock, dropped = consumer.BatchConsumer.fetched, list[bool]()

    async def fetched(self: consumer.BatchConsumer, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109
        async for tp, message in stock(self, timeout):
            if not dropped and tp.topic in self.app.batched:
                dropped.append(True)
                await self.perform_seek()
                return
            yield tp, message

    consumer.BatchConsumer.fetched = fetched  # type: ignore[method-assign]


def seeks_as_stock() -> None:
    """A partition without a commit is left where it is."""
    del consumer.BatchConsumer.seek_to_committed


def seeks_late() -> None:
    """Trouble: the seek behind an assignment takes its time, and what is fetched before it is dropped once."""
    seek, fetched, dropped = restore.Restore.on_recovery_completed, consumer.BatchConsumer.fetched, list[bool]()

    async def late(self: restore.Restore, generation_id: int = 0) -> None:
        batches, stock = self._consumer, consumer.BatchConsumer.perform_seek

        async def perform_seek() -> None:
            await asyncio.sleep(_HELD)
            vars(batches).pop("perform_seek", None)  # two may be late at once
            await stock(batches)

        batches.perform_seek = perform_seek  # type: ignore[method-assign]
        await seek(self, generation_id)

    async def lossy(self: consumer.BatchConsumer, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109
        async for tp, message in fetched(self, timeout):
            if "perform_seek" in vars(self) and not dropped:
                dropped.append(True)
                return
            yield tp, message

    restore.Restore.on_recovery_completed = late  # type: ignore[method-assign]
    consumer.BatchConsumer.fetched = lossy  # type: ignore[method-assign]


def flows_before_the_seek() -> None:
    """Events flow as soon as Faust lets them, and the only seek is the one that it makes."""

    async def take_over(self: restore.Restore, partitions: set[int]) -> None:
        await self._ready(partitions)
        await self._restore(partitions)
        await self._restored(partitions)

    restore.Restore._take_over = take_over  # type: ignore[method-assign]
    consumer.BatchConsumer.hold_flow = lambda _: None  # type: ignore[method-assign,assignment]


def seeks_beside_a_fetch() -> None:
    """Trouble: the first fetch is dropped, and the seek that follows ends while the second is on its way."""
    stock, fetched = consumer.BatchConsumer._wait_next_records, list[bool]()

    async def wait(self: consumer.BatchConsumer, timeout: float) -> Any:  # noqa: ASYNC109
        records, active = await stock(self, timeout)
        if records and len(fetched) < 2:
            fetched.append(True)
            if len(fetched) == 1:
                return {}, active
            await self.perform_seek()
        return records, active

    consumer.BatchConsumer._wait_next_records = wait  # type: ignore[method-assign,assignment]


def takes_it_beside_a_seek() -> None:
    """What was fetched beside a seek is handled like anything else."""
    del consumer.BatchConsumer.perform_seek


def comes_late() -> None:
    """Trouble: a batch reaches its agent when its partition is revoked already."""
    take, stock, taken = app.BatchApp._take, consumer.BatchConsumer.on_partitions_revoked, list[Any]()

    async def remember(self: app.BatchApp, batch: Any, handle: Any) -> None:
        taken[:] = [batch, handle]
        await take(self, batch, handle)

    async def late(self: consumer.BatchConsumer, revoked: Iterable[TP]) -> None:
        await stock(self, revoked)
        if taken:
            await take(self.app, *taken)

    app.BatchApp._take = remember  # type: ignore[method-assign]
    consumer.BatchConsumer.on_partitions_revoked = late  # type: ignore[method-assign]


def takes_what_went() -> None:
    """A batch is handled whatever became of its assignment."""
    consumer.BatchConsumer.generation = property(lambda _: 0, lambda *_: None)  # type: ignore[assignment]


def takes_it_again() -> None:
    """A customer's state does not tell which records are in it."""
    stock = states.PartitionStates.take

    def take(self: states.PartitionStates, customer_id: str) -> Any:
        track = stock(self, customer_id)
        track.applied = -1
        return track

    states.PartitionStates.take = take  # type: ignore[method-assign]


def goes_on() -> None:
    """A failed send is passed over, as stock Faust does."""
    stock = detector.Detector._send

    async def send(*arguments: Any) -> None:
        try:
            await stock(*arguments)
        except OSError:
            return

    detector.Detector._send = send  # type: ignore[method-assign,assignment]
    detector.Detector._drop = lambda *_: None  # type: ignore[method-assign]


def keeps_spoiled() -> None:
    """States whose alerts did not get out stay where a checkpoint finds them."""
    detector.Detector._drop = lambda *_: None  # type: ignore[method-assign]


MUTATIONS = {
    each.__name__: each
    for each in (
        alerts_later,
        restore_uncommitted,
        own_transactions,
        offset_first,
        send_fails,
        goes_on,
        keeps_spoiled,
        drops_a_fetch,
        seeks_as_stock,
        seeks_late,
        flows_before_the_seek,
        seeks_beside_a_fetch,
        takes_it_beside_a_seek,
        comes_late,
        takes_what_went,
        takes_it_again,
    )
}


def main() -> None:
    """Patch, and run."""
    names = sys.argv.pop(1)
    for name in filter(None, names.split(",")):
        MUTATIONS[name]()
    cli.main()


if __name__ == "__main__":
    main()
