"""What a record becomes that is no event: the original, and why and from where in the headers."""

from typing import NamedTuple

from streams.records import Record
from streams.validate import InvalidEvent

UNKNOWN_PLACE = -1
"""Partition and offset of what was on no topic before."""

_ROOM = 8 << 10  # bytes for our headers and Kafka's own framing


class Letter(NamedTuple):
    """A record for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def letter(record: Record, error: InvalidEvent, *, topic: str, partition: int, limit: int) -> Letter:
    """The dead letter of `record`. One that is larger than `limit` bytes goes without its value, key and headers."""
    coordinates = (
        ("csatwatch-error", error.reason.encode()),
        ("csatwatch-message", str(error).encode()[:1000]),
        ("csatwatch-topic", topic.encode()),
        ("csatwatch-partition", str(partition).encode()),
        ("csatwatch-offset", str(record.offset).encode()),
    )
    size = len(record.value or b"") + len(record.key or b"") + sum(len(n) + len(v or b"") for n, v in record.headers)
    if size > limit - _ROOM:
        return Letter(None, b"", (*coordinates, ("csatwatch-original-bytes", str(size).encode())))
    # Kafka's own clients cannot send a record without key and value; an empty one stands for it.
    value = b"" if record.value is None and record.key is None else record.value
    return Letter(record.key, value, (*record.headers, *coordinates))
