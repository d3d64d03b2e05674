"""What is published while faults happen: seeded, in the order of publishing."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from streams.partition import partition_of
from tests.servers.topics import Record

POISON_KEY = b"poison"
_OVERSIZE = 1_000_000  # bytes; a broker's default limit is a little more
_REMEMBERED = 5_000  # events among which the repeated and the revised ones are drawn
_DAYS = 100
_LONGEST = 0.02  # share of the ratings that one customer gives


class Feed:
    """`size` records about `customers` customers, their ratings over 100 days up to today.

    5 % are sent twice, 5 % revise an earlier answer, 3 % come late (half of them older than the window), 3 % say that
    a ticket was closed, one in 500 is poison, one in 400 lies on a wrong partition, and `oversize` of them have
    nearly the size that a broker refuses.
    """

    def __init__(self, seed: int, size: int, *, customers: int, partitions: int, oversize: int) -> None:
        self._random = Random(seed)  # noqa: S311 (reproducible, not secret)
        self._size = size
        self._partitions = partitions
        self._names = [f"{i:08x}-0000-4000-8000-{seed:012x}" for i in range(customers)]
        # From this share of the time on, a third of the customers rate worse.
        self._declines = {n: self._random.uniform(0.6, 0.95) for n in self._names if self._random.random() < 1 / 3}
        self._oversize = set(self._random.sample(range(size), oversize))
        self._sent: deque[Mapping[str, Any]] = deque(maxlen=_REMEMBERED)
        self._start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=_DAYS, hours=1)

    def __iter__(self) -> Iterator[Record]:
        """Each record once, with its partition."""
        for i in range(self._size):
            if i in self._oversize:
                yield self._poison(b'{"feedback": "' + b"x" * _OVERSIZE + b'"}')
                continue
            draw = self._random.random()
            if draw < 0.002:
                yield self._poison(self._random.choice((b"{", b"", b'{"event_type": "nothing"}', b'{"rating": 9}')))
            elif draw < 0.032:
                yield self._record(self._closed(i))
            else:
                yield self._record(self._answer(i, draw), astray=draw > 0.9975)

    def _answer(self, i: int, draw: float) -> Mapping[str, Any]:
        if self._sent and draw < 0.082:
            return self._random.choice(self._sent)
        if self._sent and draw < 0.132:
            return self._revised(i, self._random.choice(self._sent))
        back = self._random.choice((3.0, 400.0)) if draw < 0.162 else 0.0
        # The first customer has a long history: its state is kept in pieces.
        name = self._names[0] if self._random.random() < _LONGEST else self._random.choice(self._names)
        at = self._at(i) - timedelta(days=self._random.uniform(0, back))
        poor = i / self._size > self._declines.get(name, 1)
        event = {
            "event_type": "support_csat_received",
            "event_id": f"e{i}",
            "customer_id": name,
            "ticket_id": f"T{i}",
            "rating": self._random.choice((1, 2, 3, 3) if poor else (2, 3, 4, 4, 5, 5, 5, 5, 5, 5)),
            "responded_at": at.isoformat(),
        }
        self._sent.append(event)
        return event

    def _revised(self, i: int, event: Mapping[str, Any]) -> Mapping[str, Any]:
        later = datetime.fromisoformat(event["responded_at"]) + timedelta(seconds=self._random.randrange(1, 600))
        rating = self._random.randint(1, 5)
        return {**event, "event_id": f"e{i}", "rating": rating, "responded_at": later.isoformat()}

    def _closed(self, i: int) -> Mapping[str, Any]:
        return {
            "event_type": "support_ticket_closed",
            "event_id": f"e{i}",
            "customer_id": self._random.choice(self._names),
            "ticket_id": f"T{i}",
            "closed_at": self._at(i).isoformat(),
        }

    def _at(self, i: int) -> datetime:
        return self._start + timedelta(days=_DAYS * i / self._size, microseconds=i)

    def _record(self, event: Mapping[str, Any], *, astray: bool = False) -> Record:
        name = event["customer_id"]
        partition = partition_of(name, self._partitions) + (1 if astray else 0)
        return Record(value=json.dumps(event).encode(), key=name.encode(), partition=partition % self._partitions)

    def _poison(self, value: bytes) -> Record:
        return Record(value=value, key=POISON_KEY, partition=self._random.randrange(self._partitions))
