"""A customer's level and what is suspect, told from the whole history at once: lists of ratings, no counts kept.

It restates the method of docs/detection.md and shares no code with the detector. The numbers are the method's own.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from schemas.policy import DecliningTrend

Given = tuple[datetime, int]  # when, rating


@dataclass
class Told:
    """What the ratings usually are, and those that are suspect; `strong`: surely lower.

    `drawn`: the usual ratings that the line was drawn from.
    """

    usual: list[int] = field(default_factory=list)
    suspect: list[Given] = field(default_factory=list)
    score: float = 0.0
    strong_at: datetime | None = None
    drawn: list[int] = field(default_factory=list)
    renewed: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def strong(self) -> bool:
        return self.strong_at is not None


def tell(history: Sequence[Given], rule: DecliningTrend) -> Told:
    """After all of `history`, which is in the order of its times."""
    told = Told()
    for given in history:
        tell_on(told, given, rule)
    return told


def tell_on(told: Told, given: Given, rule: DecliningTrend) -> None:
    """After one more, which is newer than all before."""
    at, rating = given
    usual = told.usual
    if not told.suspect:
        below = len(usual) >= rule.baseline_min and rating < sum(usual) / len(usual)
        if below and (not told.drawn or len(usual) > len(told.drawn) + len(told.drawn) // 8):
            told.drawn = list(usual)
        if not below or ratio(rating, told.drawn, rule) <= 0:
            known = len(usual)
            usual.append(rating)
            if known >= 80 and at - told.renewed >= timedelta(days=rule.baseline_days):
                counts = Counter(usual)
                usual[:] = [r for r in sorted(counts) for _ in range((counts[r] + 1) // 2)]
                told.renewed, told.drawn = at, []
            return
    told.suspect.append((at, rating))
    told.score += ratio(rating, told.drawn, rule)
    needed = reach(usual, len(told.suspect), told.drawn, rule)
    if told.score >= needed:
        if told.strong_at is None and len(told.suspect) >= rule.recent_min:
            told.strong_at = at
        told.score = min(told.score, 1.5 * needed)
    if told.score <= 0 or (not told.strong and len(usual) + len(told.suspect) == rule.learned_from):
        usual += [r for _, r in told.suspect]
    elif told.strong_at and at - told.strong_at > timedelta(days=rule.recent_days + rule.baseline_days):
        usual[:] = [r for _, r in told.suspect]
        told.renewed, told.drawn = at, []
    else:
        return
    told.suspect, told.score, told.strong_at = [], 0.0, None


def ratio(rating: int, usual: Sequence[int], rule: DecliningTrend) -> float:
    """How much more likely a rating is after a fall to 71.5 % than before: the logarithm of the ratio."""
    before, after = shares(usual, 1.0, rule), shares(usual, 0.715, rule)
    return math.log(after[rating - 1] / before[rating - 1])


def reach(usual: Sequence[int], suspect: int, drawn: Sequence[int], rule: DecliningTrend) -> float:
    """What the score must reach."""
    before = shares(drawn, 1.0, rule)
    middle = sum(r * p for r, p in enumerate(before, 1))
    variance = sum((r - middle) ** 2 * p for r, p in enumerate(before, 1))
    n, weight = len(usual), rule.all_customers.weight
    everyone = [share / sum(rule.all_customers.shares) for share in rule.all_customers.shares]
    mean = (sum(usual) + weight * sum(r * p for r, p in enumerate(everyone, 1))) / (n + weight)
    error = math.sqrt(variance / (n + weight))
    needed = rule.threshold * (1 + 30 * (error / mean) ** 2) * (1 - 16 / max(n, 32))
    needed *= (1 + 2.5 / suspect) * (1 + suspect / (n + 3))
    return needed * 1.1 if n < rule.learned_from else needed


def shares(usual: Sequence[int], kept: float, rule: DecliningTrend) -> list[float]:
    """The shares of the ratings 1 to 5, when `kept` of the mean is left."""
    known = rule.all_customers
    return _shares(tuple(usual.count(r) for r in range(1, 6)), kept, tuple(known.shares), known.weight)


@cache  # the same history is told again with each rating that follows
def _shares(counts: tuple[int, ...], kept: float, fleet: tuple[float, ...], weight: float) -> list[float]:
    n, all_customers = sum(counts), [share / sum(fleet) for share in fleet]
    mixed = [(count + 20 * p) / (n + 20) for count, p in zip(counts, all_customers, strict=True)]
    total = sum(r * count for r, count in enumerate(counts, 1))
    mean = (total + weight * sum(r * p for r, p in enumerate(all_customers, 1))) / (n + weight)
    wanted = max(1.03, mean * kept) if kept < 1 else mean
    low, high = -30.0, 30.0
    for _ in range(70):  # to the last bit
        tilt = (low + high) / 2
        weights = [p * math.exp(tilt * (r - 3)) for r, p in enumerate(mixed, 1)]
        found = sum(r * w for r, w in enumerate(weights, 1)) / sum(weights)
        low, high = (low, tilt) if found > wanted else (tilt, high)
    return [w / sum(weights) for w in weights]
