"""Made-up histories of ratings, and how strong the evidence in one becomes: what thresholds are calibrated on."""

from collections.abc import Iterator, Sequence
from random import Random

from schemas.policy import DecliningTrend
from streams.level import Level, Prior, needed_of

RATINGS = (1, 2, 3, 4, 5)
HORIZON = 52
"""Ratings that a customer is watched for: false alarms are counted over so many. A year, at one a week."""
_OUT_OF_REACH = 1e9


def draw(random: Random, shares: Sequence[float], count: int) -> list[int]:
    """So many independent ratings by these shares of the ratings 1 to 5."""
    return random.choices(RATINGS, shares, k=count)


def reached(ratings: Sequence[int], rule: DecliningTrend) -> Iterator[tuple[int, float]]:
    """The places at which the drop is large enough to alert, each with the threshold that its evidence just reaches.

    A history fires from the first place on at which this is at least the policy's threshold.
    """
    level, prior = Level.unknown(), Prior.of(rule)._replace(threshold=_OUT_OF_REACH)
    for place, rating in enumerate(ratings):
        level.fold(((0, rating),), prior)
        found = level.suspicion
        if found is None or found.n < rule.recent_min or rating == RATINGS[-1]:
            continue
        if found.total * level.n < (1 - rule.drop) * level.total * found.n:
            yield place, found.score / needed_of(found, level.n) * _OUT_OF_REACH


def most_reached(ratings: Sequence[int], first: int, rule: DecliningTrend) -> float:
    """The highest threshold at which a history fires on a rating from the place `first` on; 0: at none."""
    return max((threshold for place, threshold in reached(ratings, rule) if place >= first), default=0.0)
