"""The states of one partition's customers: a cache over the table's local store, and what changed in it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from msgspec.structs import replace

from agents.changes import Changes, TrendOf
from agents.position import POSITION, Position
from agents.position import decode as decode_position
from agents.position import encode as encode_position
from agents.transport.table import PartitionStore
from schemas.wire import Trend
from streams.records import Record
from streams.track import Track

_WAITS = b"waits:"
_CUSTOMER = 36  # bytes of a customer's id, a UUID: what comes behind it in a key is a part of the customer's state
_CACHED = 20_000  # customers a partition
_UNDER_WAY = 4  # batches: the next is folded while the alerts of those before it are acknowledged


class _Kept:
    """What the store has, or will have once the checkpoint that was begun last is in it.

    The tracks hold on to this, and not to the states that hold them: a circle would outlive the assignment.
    """

    def __init__(self, store: PartitionStore, partition: int) -> None:
        self._store = store
        self._partition = partition
        self.in_flight: Mapping[bytes, bytes | None] = {}

    def value(self, key: bytes) -> bytes | None:
        return self.in_flight[key] if key in self.in_flight else self._store.value(self._partition, key)

    def lookup(self, keys: Collection[bytes]) -> dict[bytes, bytes | None]:
        stored = self._store.lookup(self._partition, [key for key in keys if key not in self.in_flight])
        return stored | {key: self.in_flight[key] for key in keys if key in self.in_flight}

    def under(self, customer_id: str, suffix: str) -> bytes | None:
        return self.value((customer_id + suffix).encode())


class PartitionStates:
    """States of one assignment. Made anew with each: meanwhile another worker may have written.

    Attributes:
        position: up to where they go.
        under_way: held from the fold of a batch until what follows from it is acknowledged; several may be.
        customers_waiting: those with alerts that were published before their account was known.
        writing: held while a checkpoint is written: one at a time.
        written_for: so many partitions the event topic had when they were written; see `Position`.
    """

    def __init__(self, store: PartitionStore, partition: int, partitions: int) -> None:
        self.under_way = asyncio.Semaphore(_UNDER_WAY)
        self._taking_all = asyncio.Lock()
        self.writing = asyncio.Lock()
        self._partition = partition
        self._kept = _Kept(store, partition)
        self._being_kept: Changes | None = None
        self._tracks: dict[str, Track] = {}
        self._expected: Sequence[Record] = ()
        self._heads: dict[bytes, bytes | None] = {}  # of the expected customers, as they are kept
        self._changed_waits: dict[bytes, bytes | None] = {}
        self._changed: list[str] = []  # customers, each once
        self._forgotten: set[str] = set()  # since the last checkpoint
        self._trends: dict[str, Trend] = {}  # as last published
        keys = (key for key, _ in store.items_from(partition, _WAITS))
        self.customers_waiting = {key.removeprefix(_WAITS).decode() for key in keys}
        position = store.value(partition, POSITION)
        last = Position() if position is None else decode_position(position)
        self.written_for = last.partitions
        self.position = replace(last, partitions=partitions)

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Inside, no batch is under way: what follows from the states got out. Batches that come wait for the end."""
        taken = 0
        async with self._taking_all:  # two that each hold a part would wait for each other
            try:
                while taken < _UNDER_WAY:
                    await self.under_way.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self.under_way.release()

    def moved(self, offset: int, timestamp: int) -> None:
        """Every record up to this one is in the states."""
        self.position = Position(self.position.epoch, offset, timestamp, self.position.partitions)

    @contextmanager
    def expecting(self, records: Sequence[Record]) -> Iterator[None]:
        """Inside, customers of these records are taken: the first who is not at hand has all of them looked for."""
        self._expected = records
        try:
            yield
        finally:
            self._expected, self._heads = (), {}

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer. It is kept with the next checkpoint."""
        track = self._tracks.get(customer_id)
        if track is None:
            track = self._load(customer_id)
        if not track.changed:
            if self._being_kept is not None and customer_id in self._being_kept:
                self._being_kept.encode(customer_id)
            track.changed = True
            self._changed.append(customer_id)
        return track

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the track by an empty one that has seen `applied`, and drop what was waiting."""
        track = self.take(customer_id)
        self.set_waits(customer_id, waits=False)
        track.clear()
        track.applied = applied
        self._forgotten.add(customer_id)

    def set_waits(self, customer_id: str, *, waits: bool) -> None:
        """Note whether alerts of the customer wait for the account; kept with the next checkpoint."""
        if waits == (customer_id in self.customers_waiting):
            return
        if waits:
            self.customers_waiting.add(customer_id)
        else:
            self.customers_waiting.discard(customer_id)
        self._changed_waits[_WAITS + customer_id.encode()] = b"" if waits else None

    @property
    def changed(self) -> int:
        """How many customers' states the next checkpoint keeps."""
        return len(self._changed)

    def begin_checkpoint(self, trend_of: TrendOf) -> Changes:
        """What the next checkpoint writes. It is to be encoded to its end before the one after it is begun."""
        for customer in self._changed:
            self._tracks[customer].changed = False
        changes = Changes(
            self._partition, self._tracks, self._trends, trend_of, changed=self._changed, forgotten=self._forgotten
        )
        changes.states.update(self._changed_waits)
        changes.states[POSITION] = encode_position(self.position)
        self._changed_waits = {}
        self._changed, self._forgotten = [], set()
        self._being_kept = changes
        self._kept.in_flight = changes.states
        return changes

    def written(self) -> None:
        """The checkpoint begun last is in the store."""
        self._being_kept, self._kept.in_flight = None, {}
        _trim(self._tracks, self._changed)
        _trim(self._trends, self._changed)

    def _load(self, customer_id: str) -> Track:
        if self._expected:
            self._look_for_expected()
        key = customer_id.encode()
        head = self._heads[key] if key in self._heads else self._kept.value(key)
        stored = partial(self._kept.under, customer_id)
        track = Track(stored) if head is None else Track.decode(head, stored)
        if track.epoch != self.position.epoch:
            track.epoch, track.applied = self.position.epoch, -1
        self._tracks[customer_id] = track
        return track

    def _look_for_expected(self) -> None:
        records, self._expected = self._expected, ()
        at_hand = self._tracks
        keys = {record.key for record in records}
        self._heads = self._kept.lookup([key for key in keys if key and key.decode(errors="replace") not in at_hand])


def customer_of(key: bytes) -> str | None:
    """Whose state the value under this key is a part of; None: nobody's."""
    return None if key == POSITION else key.removeprefix(_WAITS)[:_CUSTOMER].decode()


def _trim(cache: dict[str, Any], changed: Iterable[str]) -> None:
    # The oldest half goes, what the next checkpoint still needs stays.
    if len(cache) > _CACHED:
        kept = set(changed)
        for customer in list(cache)[: len(cache) - _CACHED // 2]:
            if customer not in kept:
                del cache[customer]
