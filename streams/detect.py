"""The rules: is a rating poor, is a customer's average falling."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.alert import Evidence, Status
from schemas.policy import Policy
from schemas.wire import CustomerTrend, Trend
from streams.level import Level, Suspicion, chance_of
from streams.spans import DAY, Spans
from streams.track import Track

_from_timestamp = datetime.fromtimestamp
_PARTS = 1_000_000
BEST = 5
"""Of all ratings."""

_Measured = tuple[int, int, datetime, Evidence, float | None, float | None, float | None, float | None]
"""The fields of a `Trend` in their order."""


class Rules(NamedTuple):
    """The policy's thresholds in whole numbers, since they are compared for every rating.

    Attributes:
        poor: a rating of at most this alerts.
        kept_falling, kept_recovered: millionths of the baseline's mean; a mean below the first is a fall, one that is
            not below the second is a recovery.
        rest: microseconds of event time between two alerts on a customer's trend.
        silent_after: microseconds after which an answer is recorded only.
        fewest: ratings of a customer without which no trend is strong.
        recent: the recent span.
    """

    spans: Spans
    poor: int
    recent_min: int
    baseline_min: int
    kept_falling: int
    kept_recovered: int
    rest: int
    silent_after: int
    fewest: int
    recent: timedelta

    @classmethod
    def of(cls, policy: Policy) -> "Rules":
        """The rules of `policy`."""
        trend = policy.declining_trend
        return cls(
            spans=Spans.of(policy),
            poor=policy.poor_rating.at_most,
            recent_min=trend.recent_min,
            baseline_min=trend.baseline_min,
            kept_falling=_PARTS - round(trend.drop * _PARTS),
            kept_recovered=_PARTS - round(trend.resolved_below * _PARTS),
            rest=trend.at_most_every_days * DAY,
            silent_after=policy.silent_after_days * DAY,
            fewest=trend.baseline_min + trend.recent_min,
            recent=timedelta(days=trend.recent_days),
        )


def instant(microseconds: int) -> datetime:
    """A track's time as an aware datetime."""
    return _from_timestamp(microseconds / 1e6, UTC)  # exact for the times of our era; half the time of adding to 1970


def microseconds(at: datetime) -> int:
    """An aware datetime as a track's time."""
    return round(at.timestamp() * 1e6)  # exact for the times of our era


def turn(track: Track, rating: int, rules: Rules) -> Status | None:
    """What an answer of this rating, just folded, does to the alert on the customer's trend: it fires, it is resolved.

    It fires where the evidence is strong (streams/level.py) and the mean since the estimated change lies below the
    customer's own baseline by more than the policy's share; the best rating fires nothing. An alert stays open until
    the recent mean is all but back, or the lower level has become the usual one. The next one comes no sooner than the
    policy's rest after it, and on the same change only where the customer has fallen again.
    """
    last = track.trend
    stands = last is not None and last.open
    if not stands and (rating == BEST or track.is_quiet(rules.fewest, rules.spans)):
        return None
    level = track.level(rules.spans)
    fallen = level.suspicion
    if fallen is None or not fallen.strong:
        track.rest(level, rules.spans)
        return Status.RESOLVED if stands else None
    if _recovered(track, level, fallen, rules):
        return Status.RESOLVED if stands else None
    if stands or not _below(rules.kept_falling, fallen.n, fallen.total, level):
        return None
    if last is not None:
        again = fallen.since > last.at or _below(rules.kept_falling, *_recently(track, fallen, rules), level)
        if not again or track.newest - last.at < rules.rest:
            return None
    return Status.FIRING


def measure(track: Track, rules: Rules) -> Trend:
    """How the customer's ratings stand, as of the newest answer.

    Where the evidence for a fall is strong: the ratings since the estimated change, held against all that is known from
    before. Else the policy's recent span, held against the one before it.
    """
    return Trend(*_measure(track, instant(track.newest), rules))


def measure_of(track: Track, rules: Rules, customer_id: str) -> CustomerTrend:
    """The same as the customer's record in `csat-trends`."""
    as_of = instant(track.newest)
    return CustomerTrend(*_measure(track, as_of, rules), customer_id=customer_id, as_of=as_of)


def _measure(track: Track, as_of: datetime, rules: Rules) -> _Measured:
    level = None if track.is_new(rules.spans) else track.level(rules.spans)
    found = None if level is None else level.suspicion
    p = None if level is None or found is None else round(chance_of(found, level.n), 4)
    if level and found and found.strong and not _recovered(track, level, found, rules):
        averages = found.total / found.n, level.total / level.n
        fallen = 1 - found.total * level.n / (found.n * level.total)
        return found.n, level.n, instant(found.since), Evidence.STRONG, *averages, fallen, p
    recent_n, recent, baseline_n, baseline = track.compared(rules.spans)
    recent_avg = recent / recent_n if recent_n else None
    baseline_avg = baseline / baseline_n if baseline_n else None
    drop = None if recent_avg is None or baseline_avg is None else 1 - recent_avg / baseline_avg
    few = recent_n < rules.recent_min or baseline_n < rules.baseline_min
    evidence = Evidence.INSUFFICIENT if few else Evidence.WEAK
    return recent_n, baseline_n, as_of - rules.recent, evidence, recent_avg, baseline_avg, drop, p


def _recently(track: Track, fallen: Suspicion, rules: Rules) -> tuple[int, int]:
    """How many ratings the recent span holds since the change, and their sum."""
    return track.given_since(max(track.newest - rules.spans.recent, fallen.since))


def _recovered(track: Track, level: Level, fallen: Suspicion, rules: Rules) -> bool:
    n, total = _recently(track, fallen, rules)
    return n >= rules.recent_min and not _below(rules.kept_recovered, n, total, level)


def _below(kept: int, n: int, total: int, level: Level) -> bool:
    """Whether the mean of `n` ratings is below `kept` millionths of the usual one."""
    # In whole numbers: a drop of exactly the policy's share is not more than it.
    return total * level.n * _PARTS < kept * level.total * n
