"""`python -m tests.chaos.release before|after COMMAND…`: csatwatch as a release before or after a change of its state.

A format is changed in two releases: the first reads the new one and writes the old one, the second writes the new one.
So each of two neighbours reads what the other wrote. `before` is such a first release, and keeps positions as they were
when they said nothing of partitions; `after` is the second.
"""

import sys

import msgspec

from agents import position
from streams import track

_NEW = 2  # the format


def reads_the_new_format() -> None:
    """What both do: format 2 is one more list around the head of format 1."""
    track.FORMER[_NEW] = lambda head: track._decode_head(msgspec.msgpack.decode(head)[1])


def writes_the_new_format() -> None:
    """What the second does."""

    def encode(self: track.Track) -> bytes:
        return msgspec.msgpack.encode([_NEW, stock(self)])

    stock = track.Track._encode_head
    track.Track._encode_head = encode  # type: ignore[method-assign]


def writes_short_positions() -> None:
    """As before the number of partitions was noted."""
    stock = position.encode
    position.encode = lambda each: stock((each.epoch, each.offset, each.timestamp))


if __name__ == "__main__":
    reads_the_new_format()
    if sys.argv.pop(1) == "after":
        writes_the_new_format()
    else:
        writes_short_positions()

    from agents import cli  # what it imports finds the functions above

    cli.main()
