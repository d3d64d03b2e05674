"""What must hold once the faults are over. Each check returns what is wrong, a sentence each."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rocksdict

from schemas.policy import load_policy
from schemas.wire import decode_alert
from streams.partition import partition_of
from streams.topology import ALERTS, DEAD_LETTERS, EVENTS, HEADER_REROUTED, RATINGS_TABLE
from streams.track import Track
from tests.chaos.feed import POISON_KEY
from tests.chaos.site import Site, customers_of, track_of
from tests.oracle import Oracle
from tests.servers.topics import Stored

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 5
_NO_PIECES = b"\x90"  # an empty list in MessagePack: what is asked for is in the head
_OFFSET_KEY = b"__faust\0offset__"

Window = Mapping[str, tuple[datetime, str, int]]
"""Survey → time, event, rating."""


@dataclass
class Expected:
    """What the records on the event topic must have led to.

    Attributes:
        statuses: alert id → last status.
        windows: customer → the answers that count.
        poison: (partition, offset) → the record.
        astray: events on a wrong partition, by their ids.
        records: how many there are.
    """

    statuses: Mapping[str, str]
    windows: Mapping[str, Window]
    poison: Mapping[tuple[int, int], Stored]
    astray: Mapping[str, int]
    records: int
    rerouted: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Before:
    """How it was before the partitions became more: what was read then, up to these offsets, by partition."""

    partitions: int
    read: Mapping[int, int]


async def expected(site: Site, before: Before | None = None) -> Expected:
    """Read the topic back and ask the oracle, by partition and offset, first about what was `before`."""
    oracle = Oracle(load_policy(None))
    poison, astray, rerouted = {}, {}, set()
    records = await site.read(EVENTS)
    if before is not None:
        records.sort(key=lambda r: (r.offset >= before.read.get(r.partition, 0), r.partition, r.offset))
    for record in records:
        early = before is not None and record.offset < before.read.get(record.partition, 0)
        partitions = before.partitions if early and before is not None else site.partitions
        if record.key == POISON_KEY:
            poison[record.partition, record.offset] = record
            continue
        event = json.loads(record.value or b"")
        at_home = partition_of(event["customer_id"], partitions) == record.partition
        if at_home and record.header(HEADER_REROUTED) is not None:
            rerouted.add(event["event_id"])
        elif not at_home:
            astray[event["event_id"]] = record.offset
            continue
        oracle.take(event)
    windows = {n: {a[3]: a[:3] for a in oracle._window(c)} for n, c in oracle.customers.items()}
    statuses = {alert: status for c in oracle.customers.values() for alert, status in c.open.items()}
    return Expected(statuses, {n: w for n, w in windows.items() if w}, poison, astray, len(records), rerouted)


async def alerts(site: Site, should: Expected) -> list[str]:
    """None is missing, none is too many, and the last revision of each says what the oracle says."""
    revisions: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in await site.read(ALERTS):
        alert = decode_alert(record.value or b"")
        revisions[str(alert.alert_id)][alert.revision].add(str(alert.status))
    last = {name: found[max(found)] for name, found in revisions.items()}
    found = [f"{name} is missing" for name in should.statuses.keys() - last.keys()]
    found += [f"{name} is one too many" for name in last.keys() - should.statuses.keys()]
    found += [
        f"{name} is {' and '.join(sorted(last[name]))}, the oracle says {status}"
        for name, status in should.statuses.items()
        if name in last and last[name] != {status}
    ]
    return _few("alert", found)


async def state(site: Site, should: Expected) -> list[str]:
    """The changelog, read back as a new worker would, holds the oracle's windows; no state comes after a newer one."""
    log = await site.read(_changelog(site))
    return _few("changelog", [*_compare(_windows(_last(log)), should.windows), *_overwritten(log)])


async def local_state(site: Site, stores: Iterable[Path], *, damage: bool = False) -> list[str]:
    """What the workers keep on disk is what the changelog says: for each partition in the store that is furthest.

    `damage`: some was done to them, and may lie where no worker has read since.
    """
    logs: dict[int, list[Stored]] = defaultdict(list)
    for record in await site.read(_changelog(site)):
        logs[record.partition].append(record)
    kept: dict[int, tuple[int, dict[bytes, bytes] | None]] = {}
    for path in _databases(stores):
        partition = int(path.stem.rpartition("-")[2])
        offset, items = _stored(path)
        before, other = kept.get(partition, (-1, None))
        if (offset, items is not None) > (before, other is not None):
            kept[partition] = (offset, items)
    found = []
    for partition, log in logs.items():
        offset, items = kept.get(partition, (-1, None))
        if offset != log[-1].offset:
            found.append(f"no worker has partition {partition} up to {log[-1].offset}, the furthest has {offset}")
        elif items is None and not damage:
            found.append(f"partition {partition} is damaged")
        elif items is not None and items != _last(log):
            found.append(f"partition {partition} differs from its changelog")
    return _few("local state", found)


async def dead_letters(site: Site, should: Expected) -> list[str]:
    """Exactly the poison, each at least once, with its bytes."""
    found = []
    seen = set()
    for record in await site.read(DEAD_LETTERS):
        at = int(record.header("csatwatch-partition") or -1), int(record.header("csatwatch-offset") or -1)
        seen.add(at)
        if at not in should.poison:
            found.append(f"the record at {at} is no poison")
        elif record.value != should.poison[at].value:
            found.append(f"the record at {at} has other bytes")
    found += [f"the poison at {at} is missing" for at in should.poison.keys() - seen]
    return _few("dead letter", found)


def reroutes(should: Expected) -> list[str]:
    """Each event on a wrong partition was sent to its own."""
    return _few("rerouted", [f"{event} is missing" for event in should.astray.keys() - should.rerouted])


def _changelog(site: Site) -> str:
    return site.changelog.removeprefix(site.prefix)


def _last(records: Sequence[Stored]) -> Mapping[bytes, bytes]:
    # A customer who moved when the partitions became more is deleted where the customer was.
    values = {(r.partition, r.key or b""): r.value for r in records}
    return {key: value for (_, key), value in values.items() if value is not None}


def _windows(values: Mapping[bytes, bytes]) -> Mapping[str, Window]:
    tracks = {name: track_of(name, values) for name in customers_of(values)}
    return {
        name: {a.survey: (_EPOCH + timedelta(microseconds=a.at), a.event, a.rating) for a in track.answers}
        for name, track in tracks.items()
        if track is not None and len(track.answers)
    }


def _overwritten(log: Sequence[Stored]) -> Iterator[str]:
    applied: dict[tuple[int, str], int] = {}
    for record in log:
        for name in customers_of([record.key or b""]):
            if record.value is None:
                continue
            place = record.partition, name
            track = Track.decode(record.value, lambda _: _NO_PIECES)
            if track.applied < applied.get(place, -1):
                yield f"{name} went back from {applied[place]} to {track.applied} at {record.offset}"
            applied[place] = track.applied


def _compare(found: Mapping[str, Window], should: Mapping[str, Window]) -> Iterator[str]:
    for name in sorted(found.keys() | should.keys()):
        ours, theirs = found.get(name, {}), should.get(name, {})
        if ours != theirs:
            missing, more = theirs.keys() - ours.keys(), ours.keys() - theirs.keys()
            yield f"{name}: {len(ours)} ratings for {len(theirs)}, {len(missing)} missing, {len(more)} too many"


def _databases(stores: Iterable[Path]) -> Iterator[Path]:
    for store in stores:
        yield from store.glob(f"**/tables/{RATINGS_TABLE}-*.db")


def _stored(path: Path) -> tuple[int, dict[bytes, bytes] | None]:
    """Up to where it goes, and what is in it; None where that is damaged: a worker sees it when it reads the place."""
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(False)
    offset = -1
    try:
        database: Any = rocksdict.Rdict(str(path), options=options, access_type=rocksdict.AccessType.read_only())
        try:
            offset = int(database.get(_OFFSET_KEY) or b"-1")
            items, found = dict[bytes, bytes](), database.iter()
            found.seek_to_first()
            while found.valid():
                items[bytes(found.key())] = bytes(found.value())
                found.next()
            found.status()  # raises where it ended at damage
        finally:
            database.close()
    except Exception:  # noqa: BLE001 (RocksDB's errors have no class of their own)
        return offset, None
    items.pop(_OFFSET_KEY, None)
    return offset, items


def _few(what: str, found: Iterable[str]) -> list[str]:
    all_of_it = [f"{what}: {each}" for each in found]
    rest = len(all_of_it) - _SHOWN
    return [*all_of_it[:_SHOWN], *([f"{what}: and {rest} more"] if rest > 0 else [])]
