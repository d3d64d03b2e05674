"""By how much do cases with help differ from comparable ones without? An estimate with an interval, by few formulas.

Cases are compared within strata (coarsened exact matching: Iacus, King, Porro 2012, Political Analysis 20), weighted as
those with help are mixed: the average effect on the treated. Within a stratum the change from before to after is
compared, not what came after: difference in differences. What is left of the difference in `level` is taken out by the
slope among those without help (Abadie and Imbens 2011, J. Bus. Econ. Stat. 29), for a low mean rises by itself.

The interval is cluster-robust: all cases of a customer count as one observation of the estimate's influence (Liang and
Zeger 1986, Biometrika 73), with Student's t for as many customers as the smaller side has.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean
from typing import NamedTuple

from schemas.outcome import Interval

FEWEST = 20
"""Customers on each side, below which nothing is said."""
_Z = NormalDist().inv_cdf(0.975)


class Unit(NamedTuple):
    """One case. It is held against cases of its stratum alone, and what `level` does within that is taken out."""

    customer: str
    stratum: Hashable
    helped: bool
    level: float
    before: float
    after: float


class Effect(NamedTuple):
    """Of those that have a counterpart.

    Attributes:
        helped, others: cases, and customers.
        unmatched: helped cases without a counterpart.
        before, after: means of the helped.
        others_before, others_after: of the others, weighted as the helped are mixed.
        by_itself: the change that the helped would have had without help.
        difference: `after` less what it would have been.
        relative: the same as a share of what it would have been; None where that, or `after`, is nothing.
    """

    helped: tuple[int, int]
    others: tuple[int, int]
    unmatched: int
    before: float
    after: float
    others_before: float
    others_after: float
    by_itself: float
    difference: Interval
    relative: Interval | None


class _Stratum(NamedTuple):
    helped: list[Unit]
    others: list[Unit]


def effect(units: Iterable[Unit]) -> Effect | None:
    """None: on one side fewer than `FEWEST` customers are comparable."""
    strata, unmatched = _matched(units)
    helped = [unit for stratum in strata for unit in stratum.helped]
    others = [unit for stratum in strata for unit in stratum.others]
    sides = tuple((len(side), len({unit.customer for unit in side})) for side in (helped, others))
    if min(customers for _, customers in sides) < FEWEST:
        return None
    slope = _slope(strata)
    n = len(helped)

    def change(unit: Unit) -> float:
        return unit.after - unit.before - slope * unit.level

    usual = [fmean(change(unit) for unit in stratum.others) for stratum in strata]
    before, after = (fmean(values) for values in zip(*((unit.before, unit.after) for unit in helped), strict=True))
    gain = sum(change(unit) - mean for stratum, mean in zip(strata, usual, strict=True) for unit in stratum.helped) / n
    on_gain: defaultdict[str, float] = defaultdict(float)  # a customer's influence on the estimates
    on_after: defaultdict[str, float] = defaultdict(float)
    for stratum, mean in zip(strata, usual, strict=True):
        share, count = len(stratum.helped) / n, len(stratum.others)
        widened = sqrt(count / (count - 1))  # deviations from one's own mean are too small
        for unit in stratum.helped:
            on_gain[unit.customer] += (change(unit) - mean - gain) / n
            on_after[unit.customer] += (unit.after - after) / n
        for unit in stratum.others:
            on_gain[unit.customer] -= share / count * (change(unit) - mean) * widened
    t = student(min(customers for _, customers in sides) - 1)
    error = t * _error(on_gain)
    without = after - gain
    return Effect(
        sides[0],
        sides[1],
        unmatched,
        before,
        after,
        _weighted(strata, n, [fmean(unit.before for unit in stratum.others) for stratum in strata]),
        _weighted(strata, n, [fmean(unit.after for unit in stratum.others) for stratum in strata]),
        without - before,
        Interval(value=gain, low=gain - error, high=gain + error),
        _relative(after, without, on_after, on_gain, t),
    )


def change_of_means(spells: Mapping[str, tuple[int, float, int, float]]) -> Interval | None:
    """From one span's mean to the next one's: by customer, number and sum of the first and of the second.

    None: one of them has fewer than `FEWEST` customers.
    """
    first, second = (
        [(n, total) for n, total in ((each[part], each[part + 1]) for each in spells.values()) if n] for part in (0, 2)
    )
    customers = min(len(first), len(second))
    if customers < FEWEST:
        return None
    counts, sums = zip(
        *((sum(n for n, _ in span), sum(total for _, total in span)) for span in (first, second)), strict=True
    )
    means = [total / n for n, total in zip(counts, sums, strict=True)]
    influence = {
        name: (total_2 - n_2 * means[1]) / counts[1] - (total_1 - n_1 * means[0]) / counts[0]
        for name, (n_1, total_1, n_2, total_2) in spells.items()
    }
    error = student(customers - 1) * _error(influence)
    value = means[1] - means[0]
    return Interval(value=value, low=value - error, high=value + error)


def share(part: int, whole: int) -> Interval | None:
    """Wilson's interval of a share (1927, J. Am. Stat. Assoc. 22); None of nothing."""
    if not whole:
        return None
    p, z = part / whole, _Z * _Z / whole
    middle, half = (p + z / 2) / (1 + z), sqrt(z * (p * (1 - p) + z / 4)) / (1 + z)
    return Interval(value=p, low=max(0.0, middle - half), high=min(1.0, middle + half))


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by Cornish and Fisher's expansion: to three digits from 10 degrees on."""
    z, n = _Z, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _matched(units: Iterable[Unit]) -> tuple[Sequence[_Stratum], int]:
    found: defaultdict[Hashable, _Stratum] = defaultdict(lambda: _Stratum([], []))
    for unit in units:
        stratum = found[unit.stratum]
        (stratum.helped if unit.helped else stratum.others).append(unit)
    # Of one case alone nothing says how much such cases differ.
    strata = [each for each in found.values() if each.helped and len(each.others) > 1]
    return strata, sum(len(each.helped) for each in found.values()) - sum(len(each.helped) for each in strata)


def _slope(strata: Sequence[_Stratum]) -> float:
    """How the change goes with `level` among those without help, within strata."""
    above = below = 0.0
    for stratum in strata:
        middle = fmean(unit.level for unit in stratum.others)
        mean = fmean(unit.after - unit.before for unit in stratum.others)
        for unit in stratum.others:
            above += (unit.level - middle) * (unit.after - unit.before - mean)
            below += (unit.level - middle) ** 2
    return above / below if below else 0.0


def _weighted(strata: Sequence[_Stratum], n: int, values: Sequence[float]) -> float:
    return sum(len(stratum.helped) * value for stratum, value in zip(strata, values, strict=True)) / n


def _relative(
    after: float, without: float, on_after: Mapping[str, float], on_gain: Mapping[str, float], t: float
) -> Interval | None:
    if after <= 0 or without <= 0:
        return None
    ratio = after / without
    influence = {
        name: on_after.get(name, 0.0) / after - (on_after.get(name, 0.0) - gain) / without
        for name, gain in on_gain.items()
    }
    # On the scale of logarithms, where a ratio's error is about the same on both sides.
    error = t * _error(influence)
    return Interval(value=ratio - 1, low=ratio * exp(-error) - 1, high=exp(log(ratio) + error) - 1)


def _error(influence: Mapping[str, float]) -> float:
    n = len(influence)
    return sqrt(n / (n - 1) * sum(each * each for each in influence.values()))
