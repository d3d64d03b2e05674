"""A customer's own level of satisfaction, and the suspicion that it has fallen: evidence, one rating at a time.

A CUSUM (Page 1954, Biometrika 41) of the log-likelihood ratio between the customer's usual ratings and the same
tilted to a lower mean (streams/tilt.py). Where it stands at zero, ratings are usual, and the level learns from them;
where it rises above, a suspicion begins, at the rating that lifted it: the maximum-likelihood estimate of when the
change came. The usual shares are the customer's, drawn towards those of all customers by the weights of the policy (a
Dirichlet prior for their shape, a normal one for their mean), so that few ratings claim little. What the sum must
reach rises with the standard error of the baseline's mean and with the share of the suspect ratings among the known
ones, since the baseline is an estimate too; where few ratings carry the suspicion; and with the length of the baseline,
since more ratings give chance more time. See docs/detection.md for how these were chosen, and what they find.

Folding costs the same however many ratings there were, and depends on nothing but the ratings in their order.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import exp
from typing import NamedTuple

import msgspec

from schemas.policy import DecliningTrend
from streams.tilt import Line, line

_DAY = 86_400_000_000  # microseconds

_SHAPE = 20  # ratings' worth of all customers' shares in the shape of a customer's, under the customer's own mean
_FALLEN = 0.715  # of the mean: the fall that is looked for; others are found by it too
_UNSURE = 30  # times the square of the baseline's standard error, as a share of its mean: so much more is needed
_BASELINE_WORTH = 3  # ratings that the prior adds to the baseline where its uncertainty is weighed
_EASED = 16  # less is needed while the baseline is short, by this over its ratings, by half at the most
_CARRIED = 2.5  # times the threshold more where one rating carries the suspicion, half of that where two do
_WHILE_LEARNING = 1.1  # times as much is needed until the level is learned
_MOST = 1.5  # times what is needed: the sum goes no higher, so that good ratings bring it down again
_REDRAWN = 8  # the line is drawn anew when the ratings that it was drawn from have grown by one in so many
_LINES = 16_384  # kept: many customers have the same ratings, and a line is dear
_MANY = 80  # ratings of a level, of which the older half is forgotten when it is old
_AS_OFTEN = 1.7, 3.53  # customers without a change who reach this share of the threshold: first * exp(-second * share)
AT_MOST_BY_CHANCE = 0.05
"""Of customers without any change: so many reach the threshold within 52 ratings."""


class Prior(NamedTuple):
    """What the policy says of all customers, and what a suspicion needs.

    Attributes:
        shares: of the ratings 1 to 5 over all customers, none of them zero.
        mean: of these.
        weight: ratings' worth of this mean in a customer's own.
        threshold: what the sum must reach for an average customer, in nats.
        learned_from: ratings from which a level is known.
        fewest_usual, fewest_suspect: ratings before the change and since, below which nothing is strong.
        settled: microseconds, since the evidence was strong, after which a fallen level is the customer's own.
        renewed: microseconds after which the older half of a long baseline is forgotten.
    """

    shares: tuple[float, ...]
    mean: float
    weight: float
    threshold: float
    learned_from: int
    fewest_usual: int
    fewest_suspect: int
    settled: int
    renewed: int

    @classmethod
    def of(cls, rule: DecliningTrend) -> "Prior":
        """The prior that the policy gives."""
        total = sum(rule.all_customers.shares)
        shares = tuple(share / total for share in rule.all_customers.shares)
        return cls(
            shares=shares,
            mean=sum(rating * share for rating, share in enumerate(shares, 1)),
            weight=rule.all_customers.weight,
            threshold=rule.threshold,
            learned_from=rule.learned_from,
            fewest_usual=rule.baseline_min,
            fewest_suspect=rule.recent_min,
            settled=(rule.recent_days + rule.baseline_days) * _DAY,
            renewed=rule.baseline_days * _DAY,
        )


class Suspicion(msgspec.Struct, array_like=True, gc=False):
    """The ratings since the level may have fallen.

    Attributes:
        since: time of the first one, in microseconds since 1970: the estimated change.
        counts: by rating, 1 first.
        n, total: how many, and their sum.
        score: the CUSUM, in nats.
        needed: what the score must reach, but for what depends on the number of ratings.
        strong_at: when it was reached, in microseconds since 1970; 0: not yet.
    """

    since: int
    counts: list[int]
    n: int
    total: int
    score: float
    needed: float
    strong_at: int = 0

    @property
    def strong(self) -> bool:
        """Whether the score has reached what was needed."""
        return self.strong_at != 0

    def copy(self) -> "Suspicion":
        """Another one that is folded on by itself."""
        return Suspicion(self.since, self.counts.copy(), self.n, self.total, self.score, self.needed, self.strong_at)


class Level(msgspec.Struct, array_like=True, gc=False):
    """What a customer's ratings usually are, and what may have become of it.

    Attributes:
        counts: usual ones by rating, 1 first.
        n, total: how many, and their sum.
        renewed: when the older half was last forgotten, in microseconds since 1970.
        drawn: `n` when the line was drawn that ratings are judged by; 0: it is to be drawn.
        intercept, slope, variance: of this line (streams/tilt.py).
        suspicion: None where the newest ratings are usual.
    """

    counts: list[int]
    n: int = 0
    total: int = 0
    renewed: int = 0
    drawn: int = 0
    intercept: float = 0.0
    slope: float = 0.0
    variance: float = 0.0
    suspicion: Suspicion | None = None

    @classmethod
    def unknown(cls) -> "Level":
        """That of a customer without ratings."""
        return cls([0, 0, 0, 0, 0])

    def copy(self) -> "Level":
        """Another one that is folded on by itself."""
        found = None if self.suspicion is None else self.suspicion.copy()
        line = self.drawn, self.intercept, self.slope, self.variance
        return Level(self.counts.copy(), self.n, self.total, self.renewed, *line, found)

    def fold(self, answers: Iterable[tuple[int, int, *tuple[object, ...]]], prior: Prior) -> None:
        """Take answers in, in their order. Each begins with its time, in microseconds since 1970, and its rating."""
        counts, fewest, found = self.counts, prior.fewest_usual, self.suspicion
        for answer in answers:
            at, rating = answer[0], answer[1]
            if found is None:
                n = self.n
                if rating * n >= self.total or n < fewest or not self._suspicious(rating, prior):
                    counts[rating - 1] += 1
                    self.n = n + 1
                    self.total += rating
                    if n >= _MANY:
                        self._renew(at, prior)
                    continue
                found = self.suspicion = Suspicion(at, [0, 0, 0, 0, 0], 0, 0, 0.0, self._needed(prior))
            score = found.score + self.intercept - self.slope * rating
            found.score = score
            found.counts[rating - 1] += 1
            found.n += 1
            found.total += rating
            if score >= found.needed:  # what it takes is more than that
                self._weigh(found, at, prior)
            strong_at = found.strong_at
            if score <= 0 or (not strong_at and self.n + found.n == prior.learned_from):
                self._accept(found)
            elif strong_at and at - strong_at > prior.settled:
                self._settle(found, at)
            else:
                continue
            found = self.suspicion = None

    def fewest_to_strong(self, prior: Prior) -> int:
        """So many more ratings at the least, until the evidence is strong; 0 where it is."""
        found, fewest = self.suspicion, prior.fewest_suspect
        if found is None:
            return fewest
        if found.strong:
            return 0
        steepest = self.intercept - self.slope  # what the lowest rating adds to the score
        more = max(fewest - found.n, int((found.needed - found.score) / steepest), 1)
        return min(more, 1 + fewest)  # the next rating may end this suspicion, and the one after it begin another

    def _suspicious(self, rating: int, prior: Prior) -> bool:
        """Whether a rating below the mean speaks for a fall rather than against it."""
        n, drawn = self.n, self.drawn
        if not drawn or n > drawn + drawn // _REDRAWN:
            self.drawn = n
            self.intercept, self.slope, self.variance = _line_of(tuple(self.counts), n, self.total, prior)
        return self.intercept > self.slope * rating

    def _needed(self, prior: Prior) -> float:
        n, weight = self.n, prior.weight
        unsure = self.variance * (n + weight) / (self.total + weight * prior.mean) ** 2
        needed = prior.threshold * (1 + _UNSURE * unsure)
        needed *= 1 - _EASED / max(n, 2 * _EASED)
        return needed * _WHILE_LEARNING if n < prior.learned_from else needed

    def _weigh(self, found: Suspicion, at: int, prior: Prior) -> None:
        needed = needed_of(found, self.n)
        if found.score >= needed:
            if not found.strong and found.n >= prior.fewest_suspect:
                found.strong_at = at
            found.score = min(found.score, _MOST * needed)

    def _accept(self, found: Suspicion) -> None:
        """What was suspect is usual: the suspicion has gone, or the level is still being learned."""
        for place, count in enumerate(found.counts):
            self.counts[place] += count
        self.n += found.n
        self.total += found.total

    def _settle(self, found: Suspicion, at: int) -> None:
        """The level has been lower for so long that it is the customer's own."""
        self.counts[:] = found.counts
        self.n, self.total, self.renewed, self.drawn = found.n, found.total, at, 0

    def _renew(self, at: int, prior: Prior) -> None:
        """Forget the older half of a long baseline, where that is old."""
        if at - self.renewed >= prior.renewed:
            self.counts[:] = [(count + 1) // 2 for count in self.counts]
            self.n = sum(self.counts)
            self.total = sum(rating * count for rating, count in enumerate(self.counts, 1))
            self.renewed, self.drawn = at, 0


@lru_cache(_LINES)
def _line_of(counts: tuple[int, ...], n: int, total: int, prior: Prior) -> Line:
    """By which ratings are judged where `counts`, `n` of them which sum up to `total`, are the usual ones."""
    shares = [(count + _SHAPE * share) / (n + _SHAPE) for count, share in zip(counts, prior.shares, strict=True)]
    return line(shares, (total + prior.weight * prior.mean) / (n + prior.weight), _FALLEN)


def needed_of(found: Suspicion, usual: int) -> float:
    """What the score of a suspicion must reach, after `usual` ratings before it."""
    n = found.n
    return found.needed * (1 + _CARRIED / n) * (1 + n / (usual + _BASELINE_WORTH))


def chance_of(found: Suspicion, usual: int) -> float:
    """How often chance alone makes as much, within 52 ratings: by the simulation that set the threshold."""
    first, second = _AS_OFTEN
    return min(1.0, first * exp(-second * found.score / needed_of(found, usual)))
