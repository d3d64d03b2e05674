"""Other ways to see a fall, for comparison: each says at which ratings it would alert, and at which setting just so.

A way yields (rating since the baseline, from 0; how much it shows); it alerts from the first one on that shows as much
as its setting asks for.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import comb, inf, log

from bench.histories import History
from schemas.policy import DecliningTrend
from streams.simulate import RATINGS, reached

RECENT, BEFORE = 8, 20
"""Ratings that the permutation test compares."""

Shown = Iterator[tuple[int, float]]
Way = Callable[[History, DecliningTrend], Shown]


def csatwatch(history: History, rule: DecliningTrend) -> Shown:
    """The policy's rule: shows the threshold that the evidence just reaches."""
    for place, threshold in reached(history.ratings, rule):
        if place >= history.baseline:
            yield place - history.baseline, threshold


def plain(history: History, rule: DecliningTrend) -> Shown:
    """The policy's recent days against the days before them, chance or not: shows the drop."""
    recent = int(rule.recent_days / history.days) + 1
    before = int((rule.recent_days + rule.baseline_days) / history.days) + 1 - recent
    for place in range(history.baseline, len(history.ratings)):
        end = place + 1
        late, early = (
            history.ratings[max(0, end - recent) : end],
            history.ratings[max(0, end - recent - before) : max(0, end - recent)],
        )
        if len(late) >= rule.recent_min and len(early) >= rule.baseline_min:
            yield place - history.baseline, 1 - sum(late) * len(early) / (len(late) * sum(early))


def permutation(history: History, rule: DecliningTrend) -> Shown:
    """The exact one-sided permutation test of the newest ratings against those before: shows -log p."""
    ratings = history.ratings
    for place in range(history.baseline, len(ratings)):
        late, early = (
            ratings[place + 1 - RECENT : place + 1],
            ratings[max(0, place + 1 - RECENT - BEFORE) : place + 1 - RECENT],
        )
        if sum(late) * len(early) < (1 - rule.drop) * len(late) * sum(early):
            both = [*late, *early]
            counts = tuple(both.count(rating) for rating in RATINGS)
            yield place - history.baseline, -log(_chance(counts, len(late), sum(late)))


def limit(history: History, _: DecliningTrend) -> Shown:
    """A CUSUM that knows the shares before and after, as nobody does: shows its sum."""
    ratios = [
        log(after / before) if before and after else inf if after else 0.0
        for before, after in zip(history.before, history.after, strict=True)
    ]
    score = 0.0
    for place, rating in enumerate(history.ratings):
        score = max(0.0, score + ratios[rating - 1])
        if place >= history.baseline:
            yield place - history.baseline, score


@lru_cache(maxsize=1 << 16)
def _chance(counts: tuple[int, ...], chosen: int, most: int) -> float:
    """How often so many of these ratings, chosen at random, sum up to `most` or less."""
    ways = {(0, 0): 1}
    for rating, count in zip(RATINGS, counts, strict=True):
        more: dict[tuple[int, int], int] = {}
        for (n, total), known in ways.items():
            for taken in range(min(count, chosen - n) + 1):
                key = n + taken, total + rating * taken
                if key[1] <= most:
                    more[key] = more.get(key, 0) + known * comb(count, taken)
        ways = more
    return sum(known for (n, _), known in ways.items() if n == chosen) / comb(sum(counts), chosen)
