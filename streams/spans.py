"""By what a track is folded, and sums of ratings over the windows that catch up with the answers that came since."""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from schemas.policy import Policy
from streams.answers import Answers, Given
from streams.level import Prior

DAY = 86_400_000_000
"""Microseconds."""
HOUR = DAY // 24
MONTH = 30 * DAY


class Spans(msgspec.Struct, frozen=True, gc=False):
    """The policy's windows in microseconds, so that folding compares integers, and what it says of all customers."""

    window: int
    recent: int
    baseline: int
    prior: Prior

    def edge(self, newest: int) -> int:
        """What lies before this has expired. By the full hour, so that a long list is not moved for every rating."""
        return (newest - self.window) // HOUR * HOUR

    @classmethod
    def of(cls, policy: Policy) -> "Spans":
        """The spans that `policy` asks for."""
        trend = policy.declining_trend
        return cls(policy.window_days * DAY, trend.recent_days * DAY, trend.baseline_days * DAY, Prior.of(trend))


Compared = tuple[int, int, int, int]
"""How many ratings the recent span holds, their sum, and the same of the baseline before it."""


def compare_few(answers: Sequence[Given], newest: int, spans: Spans) -> Compared:
    """A handful of answers, which are counted faster than sums are kept."""
    if len(answers) == 1:
        return 1, answers[0][1], 0, 0
    edge = newest - spans.recent
    before = edge - spans.baseline
    recent_n = recent = baseline_n = baseline = 0
    for answer in answers:
        at = answer[0]
        if at >= edge:
            recent_n += 1
            recent += answer[1]
        elif at >= before:
            baseline_n += 1
            baseline += answer[1]
    return recent_n, recent, baseline_n, baseline


class Sums(msgspec.Struct, gc=False):
    """Sums of ratings as of the newest of the first `counted` answers: of all, of the recent span, of the baseline.

    `first_recent` and `first_baseline` are the places where these spans begin.
    """

    spans: Spans
    counted: int = 0
    total: int = 0
    recent: int = 0
    baseline: int = 0
    first_recent: int = 0
    first_baseline: int = 0
    month: "Month | None" = None

    @property
    def compared(self) -> Compared:
        """The two spans."""
        first = self.first_recent
        return self.counted - first, self.recent, first - self.first_baseline, self.baseline

    def catch_up(self, answers: Answers) -> None:
        """Count the answers that were appended since."""
        at, ratings, counted, spans = answers.at, answers.ratings, self.counted, self.spans
        added = sum(ratings[counted:])
        edge = at[-1] - spans.recent
        recent, baseline = self.first_recent, self.first_baseline
        self.first_recent = bisect_left(at, edge, recent)
        self.first_baseline = bisect_left(at, edge - spans.baseline, baseline)
        passed = sum(ratings[recent : self.first_recent])
        self.counted = len(at)
        self.total += added
        self.recent += added - passed
        self.baseline += passed - sum(ratings[baseline : self.first_baseline])

    def expired(self, count: int, total: int) -> None:
        """The `count` oldest answers, whose ratings sum up to `total`, are about to go. The spans have left them."""
        self.counted -= count
        self.total -= total
        self.first_recent -= count
        self.first_baseline -= count
        if self.month is not None:
            self.month = self.month.without(count)


class Month(msgspec.Struct, gc=False):
    """What the 30 days up to the newest answer hold; kept only where they hold many.

    `ratings` counts by rating, `tickets` by ticket, both from the place `first` to before `counted`.
    """

    first: int
    counted: int
    ratings: list[int]
    tickets: dict[str, int]

    @classmethod
    def beginning(cls, first: int) -> "Month":
        """One that has counted nothing yet."""
        return cls(first, first, [0] * 6, {})

    def catch_up(self, answers: Answers) -> None:
        """Count what was appended since in, and what is older than 30 days by now out."""
        for place in range(self.counted, len(answers)):
            self._add(answers, place, 1)
        self.counted = len(answers)
        first = bisect_left(answers.at, answers.at[-1] - MONTH, self.first)
        for place in range(self.first, first):
            self._add(answers, place, -1)
        self.first = first

    def without(self, count: int) -> "Month | None":
        """The same after the `count` oldest answers are gone; None where some of them were not counted out yet."""
        if self.first < count:
            return None
        self.first -= count
        self.counted -= count
        return self

    def _add(self, answers: Answers, place: int, by: int) -> None:
        self.ratings[answers.ratings[place]] += by
        ticket = answers.tickets[place]
        left = self.tickets.get(ticket, 0) + by
        if left:
            self.tickets[ticket] = left
        else:
            del self.tickets[ticket]
