"""Made-up histories of single customers: ratings that stay as they are, or fall once."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.simulate import HORIZON, RATINGS, draw
from streams.tilt import tilted

KINDS = {
    "5 / 4 / 8 / 23 / 60": (5, 4, 8, 23, 60),
    "1 / 1 / 3 / 15 / 80": (1, 1, 3, 15, 80),
    "12 / 10 / 15 / 28 / 35": (12, 10, 15, 28, 35),
    "8 / 0 / 0 / 0 / 92": (8, 0, 0, 0, 92),
}
"""Customers, by the shares of their ratings 1 to 5 in per cent."""
OTHERS = {
    "1 / 1 / 1 / 7 / 90": (1, 1, 1, 7, 90),
    "1 / 0 / 0 / 0 / 99": (1, 0, 0, 0, 99),
    "3 / 0 / 0 / 0 / 97": (3, 0, 0, 0, 97),
    "2 / 3 / 10 / 35 / 50": (2, 3, 10, 35, 50),
    "0 / 2 / 8 / 80 / 10": (0, 2, 8, 80, 10),
    "3 / 7 / 20 / 40 / 30": (3, 7, 20, 40, 30),
    "10 / 20 / 40 / 20 / 10": (10, 20, 40, 20, 10),
    "20 / 20 / 20 / 20 / 20": (20, 20, 20, 20, 20),
    "40 / 20 / 10 / 10 / 20": (40, 20, 10, 10, 20),
    "15 / 5 / 5 / 10 / 65": (15, 5, 5, 10, 65),
    "20 / 0 / 0 / 0 / 80": (20, 0, 0, 0, 80),
    "30 / 0 / 0 / 0 / 70": (30, 0, 0, 0, 70),
    "50 / 0 / 0 / 0 / 50": (50, 0, 0, 0, 50),
}
SHORTEST, LONGEST = 20, 40
"""Ratings before the change."""
_POOR = (0.6, 0.3, 0.1, 0.0, 0.0)
_DAYS = 1.0, 10.0


class Fall(NamedTuple):
    """To so much of the mean: the shares are tilted, or poor ratings mixed in, as when some tickets go badly."""

    kept: float
    mixed: bool = False


FALLS = {"to 71%": Fall(0.71), "to 71%, mixed": Fall(0.71, mixed=True), "to 75%": Fall(0.75)}
"""By name; the first is the one that the ways are compared by."""


class History(NamedTuple):
    """One customer's ratings, every `days` days: `baseline` of them by the shares `before`, then `HORIZON` more.

    `after` are the shares after the fall; where none came, after the one that was looked for.
    """

    ratings: Sequence[int]
    days: float
    baseline: int
    before: Sequence[float]
    after: Sequence[float]


def histories(shares: Sequence[float], fall: Fall | None, count: int, seed: str) -> Iterator[History]:
    """So many customers with these shares, who fall, or stay as they are."""
    drawn = random.Random(f"{seed} {fall}")
    before = [share / sum(shares) for share in shares]
    after = fallen(before, fall or next(iter(FALLS.values())))
    for _ in range(count):
        baseline = drawn.randint(SHORTEST, LONGEST) if fall else SHORTEST
        ratings = draw(drawn, before, baseline) + draw(drawn, after if fall else before, HORIZON)
        yield History(ratings, drawn.uniform(*_DAYS), baseline, before, after)


def fallen(shares: Sequence[float], fall: Fall) -> list[float]:
    """The shares after the fall; where no tilt of them has so low a mean, they are tilted as far as it goes."""
    mean = mean_of(shares)
    least = min(rating for rating, share in zip(RATINGS, shares, strict=True) if share)
    wanted = mean * fall.kept
    if fall.mixed:
        part = (mean - wanted) / (mean - mean_of(_POOR))
        return [(1 - part) * share + part * poor for share, poor in zip(shares, _POOR, strict=True)]
    return tilted(shares, max(wanted, least + 0.05))


def mean_of(shares: Sequence[float]) -> float:
    """The mean rating."""
    return sum(rating * share for rating, share in zip(RATINGS, shares, strict=True))
