"""Puts the lines of a history into the order of their events' times, however many they are."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from struct import Struct
from typing import IO, NamedTuple

from agents.commands.input_file import Line
from streams.backtest.told import told
from streams.validate import InvalidEvent

RUN_BYTES = 64 << 20
"""Of lines that are sorted in memory at a time; more than that go to temporary files in between."""
_HEAD = Struct("<qqI")  # time, line, length


class _Timed(NamedTuple):
    at: int
    number: int
    value: bytes


@contextmanager
def by_time(lines: Iterable[Line], *, run_bytes: int = RUN_BYTES) -> Iterator[tuple[int, Iterator[Line]]]:
    """How many lines there are; and the lines, by time, then by number.

    One without a time of its own stays behind the line before it.
    """
    with ExitStack() as files:
        runs: list[Iterable[_Timed]] = []
        run: list[_Timed] = []
        count = size = 0
        for timed in _timed(lines):
            run.append(timed)
            count += 1
            size += len(timed.value)
            if size >= run_bytes:
                runs.append(_written(sorted(run), files.enter_context(tempfile.TemporaryFile())))
                run, size = [], 0
        run.sort()
        yield count, (Line(timed.number, timed.value) for timed in heapq.merge(*runs, run))


def _timed(lines: Iterable[Line]) -> Iterator[_Timed]:
    at = -(2**63)
    for line in lines:
        try:
            own = told(line.value).at
        except InvalidEvent:
            own = None
        at = at if own is None else own
        yield _Timed(at, line.number, line.value)


def _written(run: Iterable[_Timed], file: IO[bytes]) -> Iterator[_Timed]:
    for each in run:
        file.write(_HEAD.pack(each.at, each.number, len(each.value)))
        file.write(each.value)
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[_Timed]:
    file.seek(0)
    while head := file.read(_HEAD.size):
        at, number, length = _HEAD.unpack(head)
        yield _Timed(at, number, file.read(length))
