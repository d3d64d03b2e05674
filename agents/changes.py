"""What a checkpoint of one partition writes: the states as they were when it was begun, encoded a few at a time."""

from collections.abc import Callable, Collection
from typing import cast

from agents.transport.producer import NO_HEADERS
from schemas.wire import CustomerTrend, encode
from streams.track import Track

TrendOf = Callable[[Track, str], CustomerTrend | None]
"""The trend of a customer's track, None without ratings."""
Keyed = tuple[bytes, bytes | None, list[tuple[str, bytes]]]
"""A record to send: key, value, no headers."""


class Changes:
    """The states that changed since the checkpoint before, and the records for `csat-trends`.

    To encode all of them at once would hold up alerts. They are encoded a few at a time instead, and events are folded
    meanwhile: who changes a customer's track has it encoded first.

    Attributes:
        states: those that are encoded, by key; None deletes.
        left: the tracks that are not encoded yet, by customer.
        customers: how many changed.
        size: bytes of the heads that are encoded.
    """

    def __init__(self, trend_of: TrendOf, *, changed: dict[str, Track], forgotten: Collection[str]) -> None:
        """`changed` is used up."""
        self.states: dict[bytes, bytes | None] = {}
        self._states: list[Keyed] = []  # encoded and not taken yet
        self._trends: list[Keyed] = []
        self._trend_of = trend_of
        self.left = changed
        self.customers = len(changed)
        self.size = 0
        self._forgotten = forgotten

    def encode_next(self, count: int) -> bool:
        """Encode so many of those who are left. False: nobody is left."""
        left = self.left
        for _ in range(min(count, len(left))):
            self._encode(*left.popitem())
        return bool(left)

    def encode(self, customer: str) -> None:
        """Encode a customer who is left."""
        self._encode(customer, self.left.pop(customer))

    def set(self, key: bytes, value: bytes | None) -> None:
        """Have this written as well."""
        self.states[key] = value
        self._states.append((key, value, NO_HEADERS))

    def take(self) -> tuple[list[Keyed], list[Keyed]]:
        """The records of what was encoded since the last time, for the changelog and for `csat-trends`.

        Those are of the customers whose trend is another one now, or gone.
        """
        taken = self._states, self._trends
        self._states, self._trends = [], []
        return taken

    def _encode(self, customer: str, track: Track) -> None:
        key = customer.encode()
        head = track.encode_only_head()
        if head is None:
            values = track.encode()
            head = cast("bytes", values.pop(""))  # it is always there
            for suffix, value in values.items():
                self.set(key + suffix.encode(), value)
        self.set(key, head)
        self.size += len(head)
        trend = self._trend_of(track, customer)
        if trend is not None:
            record = encode(trend)
            told = hash(record)
            if told != track.published:
                track.published = told
                self._trends.append((key, record, NO_HEADERS))
        elif customer in self._forgotten:  # others without a trend never had one
            track.published = None
            self._trends.append((key, None, NO_HEADERS))
