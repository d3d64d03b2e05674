"""The pipeline without servers: records made of events, states in a dict."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from streams.memory import MemoryStates
from streams.track import Track

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACME = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


@dataclass
class Record:
    """A record of the event topic."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    timestamp_type: int = 1
    headers: Sequence[tuple[str, bytes]] = ()


def answer(rating: int, at: datetime, **fields: Any) -> dict[str, Any]:
    """A `support_csat_received` of ACME's; ticket and event are named by the time unless told otherwise."""
    name = f"T-{at.timestamp():.6f}"
    return {
        "event_type": "support_csat_received",
        "event_id": f"e-{name}-{rating}",
        "customer_id": ACME,
        "ticket_id": name,
        "rating": rating,
        "responded_at": at.isoformat(),
    } | fields


def records(events: Iterable[Mapping[str, Any]], *, first: int = 0, at: datetime | None = None) -> list[Record]:
    """Records that arrive when their event happened, or all `at` one time."""
    made = []
    for offset, event in enumerate(events, first):
        said = event.get("responded_at") or event.get("closed_at") or event.get("escalated_at")
        when = at or datetime.fromisoformat(said or NOW.isoformat())
        made.append(Record(offset, int(when.timestamp() * 1000) + 1, json.dumps(event).encode()))
    return made


class MemoryStore:
    """The part of `PartitionStore` that states use."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def lookup(self, partition: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.value(partition, key) for key in keys]

    def value(self, _: int, key: bytes) -> bytes | None:
        return self.values.get(key)

    def items_from(self, _: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((k, v) for k, v in self.values.items() if k.startswith(prefix)))

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        for key, value in changes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


class KeptStates(MemoryStates):
    """States over a store of bytes, which they can be written to and read back from."""

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, bytes] = {}

    def take(self, customer_id: str) -> Track:
        if customer_id not in self.tracks:
            self.tracks[customer_id] = Track(partial(self._stored, customer_id))
        return super().take(customer_id)

    def keep(self) -> None:
        """Write what changed, and read all of it back."""
        for customer_id, track in self.tracks.items():
            for suffix, value in track.encode().items():
                if value is None:
                    self.store.pop(customer_id + suffix, None)
                else:
                    self.store[customer_id + suffix] = value
            self.tracks[customer_id] = Track.decode(self.store[customer_id], partial(self._stored, customer_id))

    def _stored(self, customer_id: str, suffix: str) -> bytes | None:
        return self.store.get(customer_id + suffix)
