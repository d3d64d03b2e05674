"""The policy's constants from a history: what all customers' ratings are, and what evidence it takes to tell a fall.

The weight of all customers' mean in each one's own is the variance within customers over that between their true
means, by the method of moments (empirical Bayes: Efron and Morris 1975, J. Am. Stat. Assoc. 70). The threshold is
simulated: customers like these, none of whom changes, and the share of them that alerts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from schemas.policy import AllCustomers, DecliningTrend
from schemas.wire import CsatReceived
from streams.simulate import HORIZON, RATINGS, draw, most_reached

ALERTED = 0.04
"""Of the customers without any change: so many have an alert within `HORIZON` ratings."""
FEWEST_CUSTOMERS = 20
"""With `learned_from` ratings or more; of fewer no threshold is fitted."""
FEWEST_RATINGS = 30
"""Of a category, for its mean to be usual."""

_HISTORIES = 6_000
_SEED = 4521
_LEAST_SHARE = 0.005
_MOST_RATINGS = 100  # of a customer that count for what all customers say
_WEIGHTS = 5.0, 30.0  # a history of few customers may ask for any
_FLEET = 10  # ratings' worth of all customers' shares in those that a customer is simulated by


class NothingToFit(Exception):
    """A history without what it takes; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was worked out, of how much.

    Attributes:
        threshold: None where too few customers have enough ratings; `known` says how many have.
        overall, categories: mean ratings.
    """

    customers: int
    ratings: int
    first: datetime
    last: datetime
    known: int
    all_customers: AllCustomers
    threshold: float | None
    overall: float
    categories: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Answer:
    order: tuple[datetime, str]
    rating: int
    category: str | None


class History:
    """The answers that count: of several to one survey the latest."""

    def __init__(self) -> None:
        self._answers: defaultdict[str, dict[str, _Answer]] = defaultdict(dict)

    def add(self, event: CsatReceived) -> None:
        """Take an answer in, in any order."""
        answers = self._answers[event.customer_id]
        new = _Answer((event.responded_at, event.event_id), event.rating, event.ticket_category)
        before = answers.get(event.survey)
        if before is None or before.order < new.order:
            answers[event.survey] = new

    def forget(self, customer_id: str) -> None:
        """The customer was erased."""
        self._answers.pop(customer_id, None)

    def fit(self, rule: DecliningTrend) -> Fitted:
        """The constants, for a policy with this rule. Raises `NothingToFit`."""
        given = [answer for answers in self._answers.values() for answer in answers.values()]
        counts = [_counts(answers.values()) for answers in self._answers.values()]
        if len(counts) < FEWEST_CUSTOMERS:
            msg = (
                f"holds ratings of {len(counts)} customers: at least {FEWEST_CUSTOMERS} are needed to say what is usual"
            )
            raise NothingToFit(msg)
        shares = _shares(counts)
        known = [each for each in counts if sum(each) >= rule.learned_from]
        everyone = AllCustomers(shares=shares, weight=_weight(counts))
        times = [answer.order[0] for answer in given]
        return Fitted(
            customers=len(counts),
            ratings=len(given),
            first=min(times),
            last=max(times),
            known=len(known),
            all_customers=everyone,
            threshold=_threshold(known, rule.model_copy(update={"all_customers": everyone})),
            overall=round(sum(answer.rating for answer in given) / len(given), 2),
            categories=dict(sorted(_categories(given))),
        )


def _counts(answers: Iterable[_Answer]) -> list[int]:
    counted = Counter(answer.rating for answer in answers)
    return [counted[rating] for rating in RATINGS]


def _shares(counts: Sequence[Sequence[int]]) -> tuple[float, float, float, float, float]:
    pooled = [0.0] * len(RATINGS)
    for each in counts:
        scale = min(1.0, _MOST_RATINGS / sum(each))
        pooled = [sum_ + scale * count for sum_, count in zip(pooled, each, strict=True)]
    some = [max(_LEAST_SHARE, share / sum(pooled)) for share in pooled]
    first, second, third, fourth, _ = (round(share / sum(some), 3) for share in some)
    return first, second, third, fourth, round(1 - first - second - third - fourth, 3)


def _weight(counts: Sequence[Sequence[int]]) -> float:
    """Variance within customers by the one between their true means (one-way analysis of variance)."""
    sizes = [sum(each) for each in counts]
    means = [_mean(each) for each in counts]
    total, groups = sum(sizes), len(counts)
    overall = sum(size * mean for size, mean in zip(sizes, means, strict=True)) / total
    within = sum(
        count * (rating - mean) ** 2
        for each, mean in zip(counts, means, strict=True)
        for rating, count in zip(RATINGS, each, strict=True)
    ) / max(1, total - groups)
    spread = sum(size * (mean - overall) ** 2 for size, mean in zip(sizes, means, strict=True)) / (groups - 1)
    usual_size = (total - sum(size * size for size in sizes) / total) / (groups - 1)
    between = (spread - within) / usual_size
    least, most = _WEIGHTS
    return most if between <= 0 else round(min(most, max(least, within / between)), 1)


def _mean(counts: Sequence[int]) -> float:
    return sum(rating * count for rating, count in zip(RATINGS, counts, strict=True)) / sum(counts)


def _threshold(known: Sequence[Sequence[int]], rule: DecliningTrend) -> float | None:
    if len(known) < FEWEST_CUSTOMERS:
        return None
    random = Random(_SEED)  # noqa: S311 (the same history gives the same constants)
    everyone = rule.all_customers.shares
    found = []
    for i in range(_HISTORIES):
        counts = known[i % len(known)]
        shares = [count + _FLEET * share for count, share in zip(counts, everyone, strict=True)]
        ratings = draw(random, shares, rule.learned_from + HORIZON)
        found.append(most_reached(ratings, rule.learned_from, rule))
    found.sort(reverse=True)
    return max(0.1, round(found[round(ALERTED * len(found))], 2))


def _categories(given: Sequence[_Answer]) -> Iterator[tuple[str, float]]:
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for answer in given:
        if answer.category:
            by_name[answer.category].append(answer.rating)
    for name, ratings in by_name.items():
        if len(ratings) >= FEWEST_RATINGS:
            yield name, round(sum(ratings) / len(ratings), 2)
