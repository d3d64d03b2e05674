"""The Faust table whose values are written a checkpoint at a time, and its restoring from the changelog in batches.

Stock Faust sends one changelog record an update, puts the value into RocksDB without waiting for its acknowledgement,
and reads the changelog back message by message.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, cast

import faust
import rocksdict
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.stores.rocksdb import Store
from faust.tables.recovery import Recovery
from faust.types import TP

from agents.transport.app import BatchApp
from agents.transport.ends import ends
from agents.transport.failpoints import reached

Items = Mapping[bytes, bytes | None]
"""Values by key; None deletes."""

# RocksDB's errors have no classes in Python.
_LOCKED = re.compile("While lock file|lock hold by")
_DAMAGED = re.compile("^(Corruption|IO error: No such file)")
_RESTORE_BATCH = 20_000  # records a poll

_log = structlog.get_logger(__name__)


class PartitionStore(Store):
    """Faust's RocksDB store with small caches, which a partition's corrupt files cannot stop.

    Files that cannot be opened are dropped at once. Damage that only a read finds ends the worker with an error, and
    the next one drops the files: what was read before may be wrong as well.
    """

    def _open_for_partition(self, partition: int) -> Any:  # noqa: ANN401 (rocksdict's own)
        if self._mark(partition).exists() or self._headless(partition):
            _log.warning("state is damaged: it is rebuilt from the changelog", partition=partition)
            return self.reopen_empty(partition)
        try:
            return super()._open_for_partition(partition)
        except Exception as error:
            if _LOCKED.search(str(error)):
                raise  # another process has it: Faust waits for that
            _log.warning("state cannot be opened: it is rebuilt from the changelog", partition=partition)
            return self.reopen_empty(partition)

    def _mark(self, partition: int) -> Path:
        path = self.partition_path(partition)
        return path.with_name(f"{path.name}.damaged")

    def _headless(self, partition: int) -> bool:
        # RocksDB takes files without CURRENT for a new database, and replays into it the log that lies there: the last
        # values and their offset, as if they were all.
        path = self.partition_path(partition)
        return path.is_dir() and any(path.iterdir()) and not (path / "CURRENT").exists()

    def _failed(self, partition: int, error: Exception) -> None:
        if _DAMAGED.search(str(error)):
            _log.error("state is damaged: the next start rebuilds it", partition=partition)
            self._mark(partition).touch()

    def reopen_empty(self, partition: int) -> Any:  # noqa: ANN401 (rocksdict's own)
        """Drop what is stored locally of a partition."""
        self._dbs.pop(partition, None)
        shutil.rmtree(self.partition_path(partition), ignore_errors=True)
        self._mark(partition).unlink(missing_ok=True)
        self._dbs[partition] = super()._open_for_partition(partition)
        return self._dbs[partition]

    def value(self, partition: int, key: bytes) -> bytes | None:
        """The stored value. The stock store asks Faust's current event for the partition."""
        try:
            value = self._db_for_partition(partition).get(key)
        except Exception as error:
            self._failed(partition, error)
            raise
        return None if value is None else bytes(value)

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset that the stored values stand for; None where nothing is stored."""
        offset = self.value(tp.partition, self.offset_key)
        return None if offset is None else int(offset)

    def items_from(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All keys with that prefix, in order."""
        try:
            for key, value in self._db_for_partition(partition).items(from_key=prefix):
                if not key.startswith(prefix):
                    return
                yield bytes(key), bytes(value)
        except Exception as error:
            self._failed(partition, error)
            raise

    def write(self, partition: int, items: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Put `items` and the changelog offset that they stand for in one write: on disk they are never apart."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(self.offset_key, str(offset).encode())
        try:
            self._db_for_partition(partition).write(batch)
        except Exception as error:
            self._failed(partition, error)
            raise


class BatchTable(faust.Table[bytes, bytes]):
    """A table of bytes, written by partition, with the changelog topic `changelog`."""

    def __init__(self, app: BatchApp, name: str, *, changelog: str, partitions: int) -> None:
        topic = app.topic(
            changelog,
            partitions=partitions,
            key_serializer="raw",
            value_serializer="raw",
            acks=False,
            internal=True,
            compacting=True,
        )
        super().__init__(app, name=name, partitions=partitions, key_type=bytes, value_type=bytes, changelog_topic=topic)
        app.tables.add(self)

    def _new_store(self) -> PartitionStore:
        options = {
            # A partition; the detector keeps the busy customers' states itself.
            "block_cache_size": 16 << 20,
            "write_buffer_size": 8 << 20,
            "max_write_buffer_number": 2,
        }
        return PartitionStore(
            self.app.conf.store,
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer="raw",
            value_type=self.value_type,
            value_serializer="raw",
            options=options,
        )

    @property
    def local(self) -> PartitionStore:
        """The store, by its own type."""
        return cast("PartitionStore", self.data)


class Restore(Recovery):
    """Faust's recovery, with the changelog read in batches, by a consumer of its own that sees committed records only.

    `ready` is awaited for the partitions of an assignment before their changelog is read, so that whatever a previous
    owner has in flight is fenced first; `restored` after it, before the first event.
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
    ) -> None:
        super().__init__(app, app.tables)
        self._table = table
        self._new_consumer = consumer
        self._ready = ready
        self._restored = restored
        self._progress = progress

    def need_recovery(self) -> bool:
        """Never, for Faust: `on_recovery_completed` does all of it."""
        return False

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Restore the assigned partitions, then let Faust go on."""
        partitions = {int(tp.partition) for tp in self.active_tps}
        # Faust lets events flow before it seeks: those behind dropped ones would be handled, and committed, first.
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        try:
            await self._ready(partitions)
            await self._restore(partitions)
            await self._restored(partitions)
        except asyncio.CancelledError:
            # By the next rebalance or a stop. From anywhere else Faust would wait for ever. The signal that a rebalance
            # sets does not tell: it is cleared by the time that this task is cancelled.
            if generation_id == self.app.consumer_generation_id and not self.should_stop:
                await cast("BatchApp", self.app).fail(RuntimeError("the restoring of the state was cancelled"))
            raise
        except Exception as error:  # noqa: BLE001 (without its state a worker must not go on, whatever it was)
            await cast("BatchApp", self.app).fail(error)
            return
        await super().on_recovery_completed(generation_id)

    async def _restore(self, partitions: set[int]) -> None:
        if not partitions:
            self._progress(1.0)
            return
        started, read = monotonic(), 0
        topic = self._table.changelog_topic.get_topic_name()
        consumer = self._new_consumer()
        await consumer.start()
        try:
            tps = [TopicPartition(topic, p) for p in sorted(partitions)]
            consumer.assign(tps)
            last = await ends(consumer, tps)
            starts = await self._seek(consumer, last)
            total = sum(last.values()) - sum(starts.values())
            self._progress(1.0 if total <= 0 else 0.0)
            waiting = {tp for tp in tps if starts[tp] < last[tp]}
            while waiting:
                fetched = await consumer.getmany(*waiting, timeout_ms=1000, max_records=_RESTORE_BATCH)
                for tp, records in fetched.items():
                    items = ((r.key, r.value) for r in records)
                    self._table.local.write(tp.partition, items, records[-1].offset)
                    read += len(records)
                    reached("restoring")
                    await asyncio.sleep(0)
                # The position, not the last record: a transaction's marker has an offset too.
                waiting = {tp for tp in waiting if await consumer.position(tp) < last[tp]}
                left = [last[tp] - await consumer.position(tp) for tp in waiting]
                self._progress(1 - sum(left) / total)
        finally:
            await consumer.stop()
        self._progress(1.0)
        seconds = round(monotonic() - started, 2)
        _log.info("state restored", partitions=len(partitions), records=read, seconds=seconds)

    async def _seek(self, consumer: AIOKafkaConsumer, last: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Seek behind what the local store already holds. Returns the offsets sought to."""
        beginnings = await consumer.beginning_offsets(list(last))
        starts = {}
        for tp, end in last.items():
            local = self._table.local.persisted_offset(TP(tp.topic, tp.partition))
            start = beginnings[tp] if local is None else local + 1
            if not beginnings[tp] <= start <= end:
                # Ahead: of another cluster, or of a topic that was made again. Behind: a deletion may be gone by now.
                _log.warning("local state does not fit its changelog: it is rebuilt", partition=tp.partition)
                self._table.local.reopen_empty(tp.partition)
                start = beginnings[tp]
            consumer.seek(tp, start)
            starts[tp] = start
        return starts
