"""The events behind the alerts that stand, kept so that an alert can be made again when more is known."""

from collections.abc import Callable

_TREND = "/t"


def nowhere(_: str) -> None:
    """Where nothing is stored."""


class Remembered:
    """The events of one customer's answers, by survey, each a value under a key of its own.

    `stored` gives the value that was last kept under the suffix of a key.
    """

    __slots__ = ("_changed", "_stored")

    def __init__(self, stored: Callable[[str], bytes | None] = nowhere) -> None:
        self._stored = stored
        self._changed: dict[str, bytes | None] | None = None  # most customers have none

    def keep(self, survey: str, event: bytes) -> None:
        """Keep the event of the answer to `survey`."""
        self._put(_suffix(survey), event)

    def drop(self, survey: str) -> None:
        """Keep it no longer."""
        if self._stored is not nowhere:
            self._put(_suffix(survey), None)
        elif self._changed is not None:
            self._changed.pop(_suffix(survey), None)

    def event(self, survey: str) -> bytes | None:
        """The event that was kept."""
        return self._get(_suffix(survey))

    def keep_trends(self, event: bytes | None) -> None:
        """Keep the event that fired the alert on the customer's trend; None: it is over."""
        if event is not None or self.trends() is not None:
            self._put(_TREND, event)

    def trends(self) -> bytes | None:
        """The event that fired the alert on the trend, where it was kept."""
        return self._get(_TREND)

    @property
    def changed(self) -> bool:
        """Whether `take` has anything."""
        return bool(self._changed)

    def take(self) -> dict[str, bytes | None]:
        """The values that changed since the last time, by the suffix of their key; None deletes."""
        changed, self._changed = self._changed, None
        return changed or {}

    def _get(self, suffix: str) -> bytes | None:
        return self._changed[suffix] if self._changed and suffix in self._changed else self._stored(suffix)

    def _put(self, suffix: str, value: bytes | None) -> None:
        if self._changed is None:
            self._changed = {}
        self._changed[suffix] = value


def _suffix(survey: str) -> str:
    return f"/s{survey}"
