"""The pipeline without servers: records made of events, states in a dict."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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


class MemoryStates:
    """`streams.pipeline.States` over dicts."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.kept: dict[str, Mapping[str, bytes]] = {}
        self.touched: set[str] = set()

    def track(self, customer_id: str) -> Track:
        return self.tracks.setdefault(customer_id, Track())

    def changed(self, customer_id: str) -> None:
        self.touched.add(customer_id)

    def forget(self, customer_id: str, applied: int) -> None:
        self.track(customer_id).clear()
        self.track(customer_id).applied = applied
        self.kept.pop(customer_id, None)

    def waiting(self, customer_id: str) -> Mapping[str, bytes]:
        return self.kept.get(customer_id, {})

    def set_waiting(self, customer_id: str, waiting: Mapping[str, bytes]) -> None:
        self.kept[customer_id] = waiting


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
        when = at or datetime.fromisoformat(event.get("responded_at") or event.get("closed_at") or NOW.isoformat())
        made.append(Record(offset, int(when.timestamp() * 1000) + 1, json.dumps(event).encode()))
    return made
