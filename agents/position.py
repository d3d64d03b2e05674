"""Up to where the states of a partition go."""

import msgspec

POSITION = b"position"
"""The key of a partition's position among its states."""


class Position(msgspec.Struct, array_like=True, frozen=True):
    """The last record that a partition's states have seen.

    Attributes:
        epoch: raised when the event topic was made again; offsets of an older one mean nothing.
        offset, timestamp: of that record; -1 and 0 before the first.
    """

    epoch: int = 0
    offset: int = -1
    timestamp: int = 0


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Position).decode
