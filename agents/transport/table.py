"""The Faust table whose values are written a checkpoint at a time.

Stock Faust sends one changelog record an update, and puts the value into RocksDB without waiting for its
acknowledgement.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import faust
import rocksdict
import structlog
from faust.stores.rocksdb import RocksDBOptions, Store
from faust.types import TP

from agents.transport.app import BatchApp

# RocksDB's errors have no classes in Python.
_LOCKED = re.compile("While lock file|lock hold by")
_DAMAGED = re.compile("^(Corruption|IO error: No such file)")

# The changelog is the log: RocksDB's own would be a second one, which takes half of the time of a write. What a crash
# leaves is the state as of some earlier write, with its offset, from which the changelog is read on.
_UNLOGGED = rocksdict.WriteOptions()
_UNLOGGED.disable_wal = True  # type: ignore[method-assign,assignment]  # a property, which its stub takes for a method

_log = structlog.get_logger(__name__)


class _Options(RocksDBOptions):
    """Faust's, with a bloom filter over what is not in a file yet, and without compression or a cache of blocks.

    Ids are most of a state: they shrink by a quarter, and to look one up would take a quarter longer. It takes a fifth
    longer with a cache: of many customers hardly a block is looked at twice, and the system keeps the files in memory.
    """

    def as_options(self) -> rocksdict.Options:
        tables = rocksdict.BlockBasedOptions()
        tables.set_bloom_filter(self.bloom_filter_size, block_based=False)
        tables.disable_cache()
        options: rocksdict.Options = super().as_options()
        options.set_block_based_table_factory(tables)
        options.set_memtable_whole_key_filtering(True)
        options.set_memtable_prefix_bloom_ratio(0.1)
        options.set_compression_type(rocksdict.DBCompressionType.none())
        return options


class PartitionStore(Store):
    """Faust's RocksDB store, which a partition's corrupt files cannot stop.

    Files that cannot be opened are dropped at once. Damage that only a read finds ends the worker with an error, and
    the next one drops the files: what was read before may be wrong as well.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Faust's own arguments)
        super().__init__(*args, **kwargs)
        self.rocksdb_options = _Options(**(self.options or {}), use_rocksdict=True)

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

    @contextmanager
    def _watched(self, partition: int) -> Iterator[Any]:
        """A partition's database. Damage that shows in it is noted for the next start."""
        try:
            yield self._db_for_partition(partition)
        except Exception as error:
            if _DAMAGED.search(str(error)):
                _log.error("state is damaged: the next start rebuilds it", partition=partition)
                self._mark(partition).touch()
            raise

    def reopen_empty(self, partition: int) -> Any:  # noqa: ANN401 (rocksdict's own)
        """Drop what is stored locally of a partition."""
        self._dbs.pop(partition, None)
        shutil.rmtree(self.partition_path(partition), ignore_errors=True)
        self._mark(partition).unlink(missing_ok=True)
        self._dbs[partition] = super()._open_for_partition(partition)
        return self._dbs[partition]

    def value(self, partition: int, key: bytes) -> bytes | None:
        """The stored value. The stock store asks Faust's current event for the partition."""
        with self._watched(partition) as db:
            value = db.get(key)
        return None if value is None else bytes(value)

    def lookup(self, partition: int, keys: list[bytes]) -> list[bytes | None]:
        """The stored values of many keys, in their order: half the time that asking for each takes."""
        with self._watched(partition) as db:
            return list(db.get(keys))

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset that the stored values stand for; None where nothing is stored."""
        offset = self.value(tp.partition, self.offset_key)
        return None if offset is None else int(offset)

    def items_from(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All keys with that prefix, in order."""
        with self._watched(partition) as db:
            found = db.iter()
            found.seek(prefix)
            while found.valid() and bytes(found.key()).startswith(prefix):
                yield bytes(found.key()), bytes(found.value())
                found.next()
            found.status()  # raises where it ended at damage, and not at the end

    def write(self, partition: int, items: Iterable[tuple[bytes, bytes | None]], offset: int | None) -> None:
        """Put `items` and the changelog offset that they stand for in one write: on disk they are never apart.

        Without an offset `items` are some of those that it will stand for: until it is written as well, a restart reads
        them from the changelog again.
        """
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if offset is not None:
            batch.put(self.offset_key, str(offset).encode())
        with self._watched(partition) as db:
            db.write(batch, _UNLOGGED)


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
            "write_buffer_size": 8 << 20,
            "max_write_buffer_number": 2,
            "bloom_filter_size": 10,  # bits a key: of the files that could have it, one does
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
