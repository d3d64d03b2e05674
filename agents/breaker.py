"""Is a destination away as a whole?"""

from collections.abc import Callable

_OPENS_AFTER = 5  # failures in a row
PROBES = 2  # steps that are tried while it is away: one that always fails must not speak for all


class Breaker:
    """Counts failures that speak of the destination, not of the step.

    While it is open only a few steps are tried, with growing pauses between, so that all others stay as they are and go
    out in the order of their severity once it is over.

    Args:
        clock: seconds, monotonic.
        first, most: seconds of the first pause and of the longest.
    """

    def __init__(self, clock: Callable[[], float], *, first: float = 1.0, most: float = 60.0) -> None:
        self._clock = clock
        self._first = first
        self._most = most
        self._failures = 0
        self._until = 0.0

    @property
    def open(self) -> bool:
        """Whether the destination counts as away."""
        return self._failures >= _OPENS_AFTER

    @property
    def pause(self) -> float:
        """Seconds of the pause that follows a failure now; 0 while it is closed."""
        return min(self._most, self._first * 2.0 ** min(self._failures - _OPENS_AFTER, 30)) if self.open else 0.0

    @property
    def left(self) -> float:
        """Seconds until the next try; 0: now."""
        return max(self._until - self._clock(), 0.0) if self.open else 0.0

    def failed(self) -> None:
        """Take note of one more failure."""
        self._failures += 1
        if self.open:
            self._until = self._clock() + self.pause

    def answered(self) -> bool:
        """Take note that the destination is there; returns whether it was away until now."""
        was_open, self._failures = self.open, 0
        return was_open
