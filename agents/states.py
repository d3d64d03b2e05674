"""The states of one partition's customers: a cache over the table's local store, and what changed in it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from agents.changes import Changes, TrendOf
from agents.position import POSITION, Position
from agents.position import decode as decode_position
from agents.position import encode as encode_position
from agents.transport.table import PartitionStore
from streams.track import Track

_WAITS = b"waits:"
_CUSTOMER = 36  # bytes of a customer's id, a UUID: what comes behind it in a key is a part of the customer's state
_CACHED = 20_000  # customers a partition, fewer of large ones
_LEAST = 1_000  # bytes of memory for a customer with a rating or two
_UNPACKED = 7  # bytes of memory, of any other, for each of the state as it is kept
_TELLING = 1_000  # states that were read: their mean is not one large customer's
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

    def heads(self, customer_ids: Collection[str]) -> dict[str, bytes | None]:
        in_flight, keys = self.in_flight, [customer_id.encode() for customer_id in customer_ids]
        stored = iter(self._store.lookup(self._partition, [key for key in keys if key not in in_flight]))
        values = (in_flight[key] if key in in_flight else next(stored) for key in keys)
        return dict(zip(customer_ids, values, strict=True))


class _Stored(Struct, gc=False):
    """What is kept of one customer, by the suffix of its key: a third of a `partial`'s memory for each track."""

    kept: _Kept
    customer_id: str

    def __call__(self, suffix: str) -> bytes | None:
        return self.kept.value((self.customer_id + suffix).encode())


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
        self._heads: dict[str, bytes | None] = {}  # of the expected customers, as they are kept
        self._changed_waits: dict[bytes, bytes | None] = {}
        self._changed: dict[str, Track] = {}
        self._forgotten: set[str] = set()  # since the last checkpoint
        self._usual = 0  # bytes of a head in the checkpoint before, or of those that were read since
        self._read = self._read_bytes = 0  # heads since then
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

    @property
    def at_hand(self) -> Mapping[str, Track]:
        """The tracks that need not be looked for, by customer. One that is `changed` is as `take` gives it."""
        return self._tracks

    def expect(self, customer_ids: Collection[str]) -> None:
        """Have these customers, of whom none is at hand, looked for all at once: they are about to be taken."""
        self._heads = self._kept.heads(customer_ids) if customer_ids else {}
        sizes = [len(head) for head in self._heads.values() if head]
        self._read += len(sizes)
        self._read_bytes += sum(sizes)
        if self._read >= _TELLING:
            self._usual = max(self._usual, self._read_bytes // self._read)

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer. It is kept with the next checkpoint."""
        track = self._tracks.get(customer_id)
        if track is None:
            track = self._load(customer_id)
        if not track.changed:
            if self._being_kept is not None and customer_id in self._being_kept.left:
                self._being_kept.encode(customer_id)
            track.changed = True
            self._changed[customer_id] = track
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

    @property
    def waiting(self) -> int:
        """How many customers are in memory until a checkpoint, the next one or the one under way, has encoded them."""
        return len(self._changed) + (0 if self._being_kept is None else len(self._being_kept.left))

    def fit(self, memory: int) -> int:
        """So many customers, of those that there are here, take so many bytes of memory; at least one."""
        return max(memory // max(self._usual * _UNPACKED, _LEAST), 1)

    def most_at_hand(self, memory: int) -> int:
        """So many of them are kept at hand, where that may take so many bytes."""
        return min(_CACHED, self.fit(memory))

    def begin_checkpoint(self, trend_of: TrendOf, most_at_hand: int) -> Changes:
        """What the next checkpoint writes. It is to be encoded to its end before the one after it is begun.

        Where more customers are at hand than `most_at_hand`, all but the newest half of so many are let go.
        """
        for track in self._changed.values():
            track.changed = False
        changes = Changes(trend_of, changed=self._changed, forgotten=self._forgotten)
        for key, value in self._changed_waits.items():
            changes.set(key, value)
        changes.set(POSITION, encode_position(self.position))
        self._changed_waits = {}
        self._changed, self._forgotten = {}, set()
        self._being_kept = changes
        self._kept.in_flight = changes.states
        if len(self._tracks) > most_at_hand:  # who is let go is gone as soon as they are encoded
            self._tracks = dict(islice(self._tracks.items(), len(self._tracks) - most_at_hand // 2, None))
        return changes

    def written(self) -> None:
        """The checkpoint begun last is in the store."""
        if self._being_kept is not None and self._being_kept.customers:
            self._usual = self._being_kept.size // self._being_kept.customers
            self._read = self._read_bytes = 0
        self._being_kept, self._kept.in_flight, self._heads = None, {}, {}

    def _load(self, customer_id: str) -> Track:
        if self._being_kept is not None and customer_id in self._being_kept.left:
            track = self._tracks[customer_id] = self._being_kept.left[customer_id]
            return track
        heads = self._heads
        head = heads.pop(customer_id) if customer_id in heads else self._kept.value(customer_id.encode())
        stored = _Stored(self._kept, customer_id)
        track = Track(stored) if head is None else Track.decode(head, stored)
        if track.epoch != self.position.epoch:
            track.epoch, track.applied = self.position.epoch, -1
        self._tracks[customer_id] = track
        return track


async def room(states: Mapping[int, PartitionStates], memory: int) -> None:
    """Wait for checkpoints under way while customers who wait for one take so many bytes.

    They are slower than what changes them. `states`: of all partitions.
    """
    part = memory // max(len(states), 1)
    while sum(each.waiting / each.fit(part) for each in states.values()) >= len(states):
        under_way = next((each.writing for each in states.values() if each.writing.locked()), None)
        if under_way is None:
            return  # one is about to begin
        async with under_way:
            pass


def customer_of(key: bytes) -> str | None:
    """Whose state the value under this key is a part of; None: nobody's."""
    return None if key == POSITION else key.removeprefix(_WAITS)[:_CUSTOMER].decode()
