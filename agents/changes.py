"""What a checkpoint of one partition writes: the states as they were when it was begun, encoded a few at a time."""

from collections.abc import Callable, Collection, Mapping, MutableMapping
from itertools import islice

from msgspec.structs import astuple

from agents.transport.producer import Outgoing
from schemas.wire import CustomerTrend, Trend, encode
from streams.detect import instant
from streams.track import Track

TrendOf = Callable[[Track, str], Trend | None]
"""The trend of a customer's track, None without ratings."""


class Changes:
    """The states that changed since the checkpoint before, and the records for `csat-trends`.

    To encode all of them at once would hold up alerts. They are encoded a few at a time instead, and events are folded
    meanwhile: who changes a customer's track has it encoded first.

    Attributes:
        states: by key; None deletes.
        trends: of those whose trend is another one now, or gone.
    """

    def __init__(
        self,
        partition: int,
        tracks: Mapping[str, Track],
        published: MutableMapping[str, Trend],
        trend_of: TrendOf,
        *,
        changed: Collection[str],
        forgotten: Collection[str],
    ) -> None:
        """`published`: the trends that were published last, by customer."""
        self.states: dict[bytes, bytes | None] = {}
        self.trends: list[Outgoing] = []
        self._partition = partition
        self._tracks = tracks
        self._published = published
        self._trend_of = trend_of
        self._in_turn = iter(changed)
        self._left = set(changed)  # customers who are not encoded yet
        self._forgotten = forgotten

    def __contains__(self, customer: object) -> bool:
        """Whether the customer changed and is not encoded yet."""
        return customer in self._left

    def encode_next(self, count: int) -> bool:
        """Encode so many of those who are left. False: nobody is left."""
        for customer in islice(self._in_turn, count):
            if customer in self._left:
                self.encode(customer)
        return bool(self._left)

    def encode(self, customer: str) -> None:
        """Encode a customer who is left."""
        self._left.remove(customer)
        track, key = self._tracks[customer], customer.encode()
        for suffix, value in track.encode().items():
            self.states[key + suffix.encode() if suffix else key] = value
        trend = self._trend_of(track, customer)
        if trend is None:
            # Others without a trend never had one.
            if customer in self._forgotten:
                self._published.pop(customer, None)
                self.trends.append(Outgoing(self._partition, key, None))
        elif trend != self._published.get(customer):
            self._published[customer] = trend
            record = CustomerTrend(*astuple(trend), customer_id=customer, as_of=instant(track.newest))
            self.trends.append(Outgoing(self._partition, key, encode(record)))
