"""One customer's level as of the newest answer, and the one that all answers before the window left behind.

Answers are folded when it is asked for; one that comes late has those of the window folded again, and no others.
"""

from streams.answers import Answers
from streams.level import Level, Prior


class Levels:
    """`base` is that of the answers which have expired: what is known of the customer from before the window."""

    __slots__ = ("_folded", "_level", "_prior", "_quiet", "base")

    def __init__(self, base: Level | None = None) -> None:
        self.base = base
        self._level: Level | None = None  # None: to be folded anew
        self._folded = 0  # answers of the window that are in it
        self._prior: Prior | None = None  # by which
        self._quiet = 0  # with fewer answers than this no evidence is strong that was not when they were folded

    def now(self, answers: Answers, prior: Prior) -> Level:
        """The level with all of `answers` in it; not to be changed."""
        level = self._level
        if level is None or prior is not self._prior:
            level = self._level = Level.unknown() if self.base is None else self.base.copy()
            self._prior, self._folded = prior, 0
        size = len(answers)
        if self._folded < size:
            level.fold(answers.since(self._folded), prior)
            self._folded = size
        return level

    def are_quiet(self, size: int, prior: Prior) -> bool:
        """Whether the level of so many answers cannot show strong evidence, so that nobody needs to look at it."""
        return size < self._quiet and prior is self._prior

    def rest(self, level: Level, prior: Prior) -> None:
        """Let nobody look sooner than it needs: `level` is the one of `now`."""
        self._quiet = self._folded + level.fewest_to_strong(prior)

    def restart(self) -> None:
        """An answer was put among the others, or taken out."""
        self._level = None
        self._quiet = 0

    def expired(self, answers: Answers, count: int, prior: Prior) -> None:
        """The `count` oldest of `answers` are about to go."""
        if self.base is None:
            self.base = Level.unknown()
        self.base.fold(zip(answers.at[:count], answers.ratings[:count], strict=True), prior)
        self._folded -= count
        self._quiet -= count
        if self._folded < 0:
            self.restart()
