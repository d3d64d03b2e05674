"""How a long list is kept: its newest part in the head, the older in pieces under keys of their own.

So that no value nears Kafka's limit for a record, and that an event at the end rewrites the head alone.
"""

from collections.abc import Iterator, Sequence

PIECE = 2_000
"""Entries of a piece when it is made; the head has up to twice as many."""


_NONE: frozenset[int] = frozenset()  # shared: most customers have no pieces


class Pieces:
    """The pieces of one list, oldest first, as numbers and lengths; the list itself stays whole in memory."""

    __slots__ = ("_changed", "_gone", "_kept")

    def __init__(self, kept: Sequence[tuple[int, int]] = ()) -> None:
        self._kept = [list(piece) for piece in kept] if kept else []
        self._changed = _NONE
        self._gone = _NONE

    @property
    def kept(self) -> list[tuple[int, int]]:
        """Number and length of each piece."""
        return [(number, length) for number, length in self._kept] if self._kept else []

    @property
    def total(self) -> int:
        """Entries in all pieces: where the head begins."""
        return sum([length for _, length in self._kept]) if self._kept else 0

    def __bool__(self) -> bool:
        """Whether there are any, or some that are gone are still to be deleted."""
        return bool(self._kept or self._gone)

    def inserted(self, index: int) -> None:
        """An entry was put at `index` of the list."""
        self._resize(index, 1)

    def removed(self, index: int) -> None:
        """The entry at `index` was taken out of the list."""
        self._resize(index, -1)

    def changed(self, index: int) -> None:
        """The entry at `index` is another one now."""
        self._resize(index, 0)

    def expired(self, count: int) -> None:
        """The first `count` entries were taken out of the list."""
        while count and self._kept:
            gone = min(count, self._kept[0][1])
            count -= gone
            self._resize(0, -gone)

    def seal(self, size: int) -> None:
        """Make pieces of the head's older part until the head of a list of `size` entries is short enough."""
        begin = self.total
        while size - begin > 2 * PIECE:
            self._add(PIECE)
            begin += PIECE

    def seal_half(self, size: int) -> None:
        """Make a piece of the older half of the head: its entries are large."""
        self._add((size - self.total + 1) // 2)

    def split(self, number: int) -> None:
        """Make two of a piece that grew too large."""
        at = next(i for i, (n, _) in enumerate(self._kept) if n == number)
        length = self._kept[at][1]
        new = self._new_number()
        self._kept[at : at + 1] = [[number, length - length // 2], [new, length // 2]]
        self._changed |= {number, new}

    def take(self) -> Iterator[tuple[int, int, int]]:
        """The changed pieces as number, begin and end in the list; an empty range where a piece is gone."""
        begin = 0
        for number, length in list(self._kept):
            if number in self._changed:
                yield number, begin, begin + length
            begin += length
        for number in self._gone:
            yield number, 0, 0
        self._changed = self._gone = _NONE

    def drop_all(self) -> None:
        """The list is empty now."""
        self._gone |= {number for number, _ in self._kept}
        self._kept = []

    def _resize(self, index: int, by: int) -> None:
        begin = 0
        for at, (number, length) in enumerate(self._kept):
            if index < begin + length:
                self._changed |= {number}
                self._kept[at][1] += by
                if not self._kept[at][1]:
                    del self._kept[at]
                    self._changed -= {number}
                    self._gone |= {number}
                return
            begin += length

    def _add(self, length: int) -> None:
        number = self._new_number()
        self._kept.append([number, length])
        self._changed |= {number}

    def _new_number(self) -> int:
        # Not one that is still to be deleted.
        return max([n for n, _ in self._kept] + list(self._gone), default=-1) + 1
