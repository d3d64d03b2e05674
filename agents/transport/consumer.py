"""Consumes the batched topics a fetch at a time, and commits exactly what was handled."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import aiokafka
import structlog
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, ConsumerMessage

from agents.transport.batch import Batch
from agents.transport.fetcher import batching, whole

if TYPE_CHECKING:
    from agents.transport.app import BatchApp

DRAIN_WITHIN = 8.0
"""Seconds that a rebalance or a stop waits for the batch in hand; what takes longer is left to the next owner."""

_FETCH_WAIT = 100
"""Milliseconds that a broker may hold a fetch for which it has nothing: it answers nothing else meanwhile, so that a
worker would wait so long for where its new partitions end, and for their first records."""

_log = structlog.get_logger(__name__)


class ReadCommitted(AIOKafkaConsumerThread):
    """Reads committed records only: a producer's aborted transaction is no event, a half checkpoint no state."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:  # noqa: ANN401 (Faust's own type)
        # Faust decides this by its exactly-once mode, which stays off.
        stock, self.consumer.in_transaction = self.consumer.in_transaction, True
        try:
            consumer = super()._create_worker_consumer(transport)
        finally:
            self.consumer.in_transaction = stock
        consumer._fetch_max_wait_ms = _FETCH_WAIT  # noqa: SLF001 (Faust has no setting for it)
        app = cast("BatchApp", self.app)
        return batching(consumer, app.batched, unread=app.unread)

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 (Faust's own)
        """What is fetched of these partitions.

        Faust asks the thread by a queue, which makes six tasks for each question: a record that comes alone would wait
        for them.
        """
        consumer = self._ensure_consumer()
        records = self._fetch_records(
            consumer,
            active_partitions,
            timeout=timeout,
            max_records=consumer._max_poll_records,  # noqa: SLF001
        )
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(records, self.thread_loop))


class BatchConsumer(Consumer):
    """Faust's consumer for the batched topics of a `BatchApp`; all other topics keep Faust's own path."""

    app: "BatchApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Faust's own arguments)
        super().__init__(*args, **kwargs)
        self.generation = 0
        """Of the assignment. Kafka's own is no use: it lasts until the next one, this ends when partitions go."""
        self._handled: dict[TP, int] = {}
        self._in_hand: dict[TP, dict[int, int]] = {}  # next offset → time of the first record, of each batch
        self.finishing = False
        """Whether partitions are about to go: who holds them up is to hurry."""
        self._held = False
        self._seeks = 0  # begun and ended

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return ReadCommitted(self, loop=self.loop, beacon=self.beacon)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group for `topics`, unless the app is stopping.

        A worker that is stopped while it starts has no changelog among its topics yet, and Faust has it join all the
        same. Its assignor then deals out events and changelogs each for itself: workers would get events of partitions
        whose states others have.
        """
        if not self.app.should_stop:
            await super().subscribe(topics)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 (Faust's own signature)
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Hand batches on to their agents, and yield what is left to Faust: the records of other topics.

        Faust makes some ten tasks and timers for each fetch and each message that it hands on: a record that comes
        alone would wait for them. It does so to leave a full queue when a rebalance begins; here nobody waits there
        then, see `on_partitions_revoked`.
        """
        came = True
        while came:
            came = False
            async for tp, message in self.fetched(timeout):
                came = True
                if tp.topic in self.app.batched:
                    await cast("Any", self.callback)(message)
                else:
                    yield tp, message

    async def fetched(
        self,
        timeout: float,  # noqa: ASYNC109 (as above)
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message a partition for the batched topics, one a record for the others, of one fetch."""
        seeks = self._seeks
        fetched, active = await self._wait_next_records(timeout)
        generation = self.generation
        if not fetched or self.should_stop:
            return
        if not self.flow_active or seeks != self._seeks:
            # Fetched while a rebalance began, or beside a seek, and so perhaps from behind records that were dropped:
            # read all of it again from what is committed.
            try:
                await self.perform_seek()
            except Exception as error:  # noqa: BLE001 (the assignment may be gone; the next one seeks by itself)
                _log.info("seek dropped", error=type(error).__name__)
            return
        for tp, records in fetched.items():
            if self._moved_on(generation):
                return
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            if tp.topic in self.app.batched:
                message = self._to_message(tp, whole(tp, records[-1]))
                batch = Batch(tp, records, generation)
                message.value = cast("Any", batch)
                self._in_hand.setdefault(tp, {})[batch.next_offset] = records[0].timestamp
                yield tp, message
            else:
                for record in records:
                    yield tp, self._to_message(tp, record)

    def on_buffer_full(self, tp: TP) -> None:
        """Leave no batched partition out of a fetch: it waits until there is room for what the last one brought.

        Faust leaves them out one by one, and where it has left out all it does not look again for a second.
        """
        if tp.topic not in self.app.batched:
            super().on_buffer_full(tp)

    def hold_flow(self) -> None:
        """Let nothing flow, whatever Faust says, until `release_flow`."""
        self._held = True
        self.stop_flow()

    def release_flow(self) -> None:
        """Leave the flow to Faust again; it stays stopped until that resumes it."""
        self._held = False

    def resume_flow(self) -> None:
        """Let events flow, unless held."""
        if not self._held:
            super().resume_flow()

    async def perform_seek(self) -> None:
        """Seek every partition to what is committed."""
        self._seeks += 1
        self._in_hand.clear()  # what was fetched is dropped, and fetched again
        try:
            await super().perform_seek()
        finally:
            self._seeks += 1

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to what is committed; the batched ones that have no commit to their beginning.

        aiokafka leaves a partition without a commit, or with one at 0, where it is: behind what was fetched and then
        dropped. And it takes for a mistake that a worker has no partition, as one more than there are partitions has.
        """
        if not self.assignment():
            return {}
        committed = await super().seek_to_committed()
        unread = [tp for tp in self.assignment() if tp.topic in self.app.batched and not committed.get(tp)]
        if unread:
            await self.seek_wait(await self.earliest_offsets(*unread))
        return committed

    def _moved_on(self, generation: int) -> bool:
        return not self.flow_active or self.generation != generation

    def handled(self, batch: Batch) -> None:
        """Everything that follows from `batch` is acknowledged: its offset may be committed."""
        if batch.generation == self.generation:
            # A batch may be done before the one in front of it: who commits waits until none is under way.
            self._handled[batch.tp] = max(batch.next_offset, self._handled.get(batch.tp, 0))
            self._in_hand.get(batch.tp, {}).pop(batch.next_offset, None)

    def handled_up_to(self, tp: TP) -> int | None:
        """The offset to commit for a batched partition; None where nothing was handled since its assignment."""
        return self._handled.get(tp)

    def waiting_since(self, tp: TP) -> int | None:
        """The time, in milliseconds since 1970, of the oldest record that was fetched and is not handled; or None."""
        return next(iter(self._in_hand.get(tp, {}).values()), None)

    def committed_up_to(self, tp: TP) -> int | None:
        """The offset last committed, as far as this worker knows."""
        offset = self._committed_offset[tp]
        return None if offset is None else int(offset)

    # -- what Faust commits

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401 (Faust's own type)
        yield from super()._filter_tps_with_pending_acks(topics)
        yield from (tp for tp in list(self._handled) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._handled.get(tp) if tp.topic in self.app.batched else super()._new_offset(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 (Faust's own signature)
        if self.app.failed:
            return False  # fail-stop: nothing of a worker that lost a send is committed
        checkpointed = {tp: offset for tp, offset in offsets.items() if tp.topic in self.app.checkpointed}
        if checkpointed and self.app.checkpoint is not None:
            try:
                self._committed_offset.update(await self.app.checkpoint(set(checkpointed), last=self.finishing))
            except Exception as error:  # noqa: BLE001 (whatever it is, the state is not in Kafka: stop)
                await self.app.fail(error)
                return False
        rest = {tp: offset for tp, offset in offsets.items() if tp not in checkpointed}
        return await super()._commit_offsets(rest, start_new_transaction) if rest else bool(checkpointed)

    async def commit_plainly(self, offsets: Mapping[TP, int]) -> None:
        """Commit without a transaction, for brokers that have none. Raises RuntimeError when it was refused."""
        if not await self._commit(offsets):
            message = "the group has moved on: this worker's partitions belong to another one now"
            raise RuntimeError(message)

    # -- rebalance and stop, between batches

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        """Finish the batch in hand and commit it, before another worker takes the partitions."""
        revoked = set(revoked)
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()  # who waits for room in a queue waits no more: what it has is read again
        await self._finish()
        self.generation += 1  # what comes or ends later is nobody's here: its records are read again
        self._in_hand.clear()
        for tp in revoked:
            self._handled.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Finish the batch in hand and commit it."""
        await self._finish()
        await super().on_stop()

    async def _finish(self) -> None:
        self.finishing = True
        try:
            async with asyncio.timeout(DRAIN_WITHIN):
                await self.app.idle()
                # Where one is under way Faust waits for that, and leaves it at that.
                if not await self.commit():
                    await self.commit()
        except TimeoutError:
            _log.warning("a batch did not end in time: its records will be processed again", seconds=DRAIN_WITHIN)
        finally:
            self.finishing = False


class BatchTransport(Transport):
    """Faust's aiokafka transport with the batched consumer."""

    Consumer = BatchConsumer
