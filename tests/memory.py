"""The pipeline without servers: records made of events, states in a dict."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
        when = at or datetime.fromisoformat(event.get("responded_at") or event.get("closed_at") or NOW.isoformat())
        made.append(Record(offset, int(when.timestamp() * 1000) + 1, json.dumps(event).encode()))
    return made
