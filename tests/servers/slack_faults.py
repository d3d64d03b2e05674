"""What goes wrong with the next request to Slack?"""

import random
import threading
from collections import defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a request fails."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After, nothing done
    SERVER_ERROR = "server_error"  # 500, nothing done
    HANG = "hang"  # no answer until the client gives up, nothing done
    DROPPED = "dropped"  # the connection is closed, nothing done
    LOST = "lost"  # done, then the connection is closed instead of an answer
    REFUSED = "refused"  # 200 with {"ok": false, "error": …}, nothing done


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure.

    Attributes:
        retry_after: whole seconds, for RATE_LIMITED.
        error: Slack's error code, for REFUSED.
    """

    kind: Kind
    retry_after: int = 1
    error: str = "internal_error"


class Faults:
    """Failures to come: those that a test asked for, then random ones. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._random: random.Random | None = None
        self._share = 0.0
        self._kinds: tuple[Fault, ...] = ()
        self._methods: frozenset[str] = frozenset()

    def next(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """Fail the next `times` calls of the method, after those asked for before."""
        with self._lock:
            self._next[method].extend([fault] * times)

    def always(self, method: str, fault: Fault) -> None:
        """Fail every call of the method until `clear`."""
        with self._lock:
            self._always[method] = fault

    def at_random(
        self, seed: int, share: float, faults: Collection[Fault], methods: Collection[str] = ("chat.postMessage",)
    ) -> None:
        """Fail a share (0 to 1) of the calls of the methods, each with one of the faults."""
        with self._lock:
            self._random, self._share = random.Random(seed), share  # noqa: S311  # repeatable, not secret
            self._kinds, self._methods = tuple(faults), frozenset(methods)

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        with self._lock:
            self._next.clear()
            self._always.clear()
            self._random = None

    def take(self, method: str) -> Fault | None:
        """The fault for one call of the method that arrived now."""
        with self._lock:
            if self._next[method]:
                return self._next[method].popleft()
            if method in self._always:
                return self._always[method]
            if self._random and method in self._methods and self._random.random() < self._share:
                return self._random.choice(self._kinds)
            return None
