"""How much more likely each rating is after a fall than before: a straight line over the ratings.

Of all shares of ratings with a lower mean, the exponentially tilted ones differ least from the usual ones (Kullback,
Information Theory and Statistics, 1959, chapter 3), so they stand for "the same customer, less satisfied". The
log-likelihood ratio between two tilts of the same shares is linear in the rating.
"""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

_ENOUGH = 1e-9  # of a rating: how near the mean must come to the one that is asked for
_STEPS = 50
_STEEPEST = 30.0
_FLAT = 1e-9  # a variance below which all weight is on one rating
_USUAL = 1.3  # of the variances on the way from the usual mean to the fallen one: where the search sets out
_LOWEST = 1.03  # a mean that is just above the lowest rating: a fall cannot end below


class Line(NamedTuple):
    """The log-likelihood ratio of one rating is `intercept - slope * rating`; positive speaks for a fall.

    `variance` is that of the ratings before the fall.
    """

    intercept: float
    slope: float
    variance: float


def line(shares: Sequence[float], mean: float, kept: float) -> Line:
    """Between `shares` (of the ratings 1 to 5, all positive) tilted to `mean`, and the same tilted to `kept` of it."""
    before, log_before, variance = _tilted(shares, mean, 0.0)
    fallen = max(mean * kept, _LOWEST)
    after, log_after, _ = _tilted(shares, fallen, before - (mean - fallen) / max(variance, _USUAL))
    # Weights are centred on a rating of 3.
    return Line(log_before - log_after + 3 * (before - after), before - after, variance)


def tilted(shares: Sequence[float], mean: float) -> list[float]:
    """The shares tilted to this mean, which lies between their lowest and their highest rating."""
    tilt, log_norm, _ = _tilted(shares, mean, 0.0)
    return [share * exp(tilt * (rating - 3) - log_norm) for rating, share in enumerate(shares, 1)]


def _tilted(shares: Sequence[float], mean: float, start: float) -> tuple[float, float, float]:
    """The tilt that gives `shares` this mean, the logarithm of its norm, and the variance. Newton, kept in bounds."""
    p1, p2, p3, p4, p5 = shares
    tilt, low, high = start, -_STEEPEST, _STEEPEST
    for _ in range(_STEPS):
        up = exp(tilt)
        down = 1 / up
        w1, w2, w4, w5 = p1 * down * down, p2 * down, p4 * up, p5 * up * up
        norm = w1 + w2 + p3 + w4 + w5
        at = (w1 + 2 * w2 + 3 * p3 + 4 * w4 + 5 * w5) / norm
        variance = (w1 + 4 * w2 + 9 * p3 + 16 * w4 + 25 * w5) / norm - at * at
        off = at - mean
        if -_ENOUGH < off < _ENOUGH:
            break
        if off > 0:
            high = tilt
        else:
            low = tilt
        tilt -= off / max(variance, _FLAT)
        if not low < tilt < high:
            tilt = (low + high) / 2
    return tilt, log(norm), variance
