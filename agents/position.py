"""Up to where the states of a partition go, and among how many partitions the customers are divided."""

import msgspec

POSITION = b"position"
"""The key of a partition's position among its states."""

MOVING = -1
"""In place of the number of partitions: `csatwatch topics grow` has begun to move customers and has not ended."""


class Position(msgspec.Struct, array_like=True, frozen=True):
    """The last record that a partition's states have seen.

    Attributes:
        epoch: raised when the event topic was made again; offsets of an older one mean nothing.
        offset, timestamp: of that record; -1 and 0 before the first.
        partitions: of the event topic, when the states were written; 0: not noted, as by releases before this field.
    """

    epoch: int = 0
    offset: int = -1
    timestamp: int = 0
    partitions: int = 0


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Position).decode
