"""Stops the detector when most records turn into dead letters: that is a bad deploy somewhere, not bad records.

What was counted outlives the process, so that a supervisor's restarts do not empty the topic bit by bit.
"""

from collections import deque
from importlib.metadata import version
from pathlib import Path

import msgspec

from agents.settings import PREFIX, BadSettings

_WINDOW = 100_000  # records
_AT_LEAST = 20_000  # dead letters
_TOGETHER = 1_000  # records: live batches hold a few, and are not remembered one by one


class _Seen(msgspec.Struct):
    """The file: a stop is over once the limit or the release is another one."""

    limit: float
    release: str


class Flood:
    """Counts the last 100,000 records; `limit` is the share of dead letters that stops, from 20,000 letters on."""

    def __init__(self, limit: float, directory: Path) -> None:
        """Raises `BadSettings` where the worker stopped for a flood before and nothing has changed since."""
        self._limit = limit
        self._file = directory / "dead-letter-flood"
        self._counted: deque[tuple[int, int]] = deque()
        self._records = self._letters = 0
        if self._file.exists():
            if self._file.read_bytes() == self._now():
                raise BadSettings(self._message("stopped before"))
            self._file.unlink()

    def count(self, records: int, letters: int) -> None:
        """Take a batch in, before its letters are sent. Raises `BadSettings` when that is a flood."""
        self._records += records
        self._letters += letters
        last, last_letters = self._counted.pop() if self._counted else (0, 0)
        if last + records <= _TOGETHER:
            self._counted.append((last + records, last_letters + letters))
        else:
            self._counted += (last, last_letters), (records, letters)
        while self._records - self._counted[0][0] >= _WINDOW:
            gone, gone_letters = self._counted.popleft()
            self._records -= gone
            self._letters -= gone_letters
        if letters and self._letters >= _AT_LEAST and self._letters > self._limit * self._records:
            self._file.write_bytes(self._now())
            raise BadSettings(self._message(f"{self._letters:,} of the last {self._records:,} records"))

    def _now(self) -> bytes:
        return msgspec.json.encode(_Seen(self._limit, version("csatwatch")))

    def _message(self, found: str) -> str:
        return (
            f"dead-letter flood ({found}): over {self._limit:.0%} of the records are refused, as after a bad deploy of "
            f"a producer or of csatwatch; put that right, or let them all go to the dead letters by "
            f"{PREFIX}DEAD_LETTER_LIMIT=1"
        )
