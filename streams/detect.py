"""The rules: is a rating poor, is a customer's average falling."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.alert import Evidence, Status
from schemas.policy import Policy
from schemas.wire import Trend
from streams.spans import DAY, Spans
from streams.track import Track

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = 1_000_000


class Rules(NamedTuple):
    """The policy's thresholds in whole numbers, since they are compared for every rating.

    Attributes:
        poor: a rating of at most this alerts.
        kept_falling, kept_recovered: millionths of the baseline's mean; a mean below the first is a fall, one that is
            not below the second is a recovery.
        rest: microseconds of event time between two alerts on a customer's trend.
        silent_after: microseconds after which an answer is recorded only.
    """

    spans: Spans
    poor: int
    recent_min: int
    baseline_min: int
    kept_falling: int
    kept_recovered: int
    rest: int
    silent_after: int

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
        )


def instant(microseconds: int) -> datetime:
    """A track's time as an aware datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(at: datetime) -> int:
    """An aware datetime as a track's time."""
    return round(at.timestamp() * 1e6)  # exact for the times of our era


def turn(track: Track, rules: Rules) -> Status | None:
    """What the newest answer does to the alert on the customer's trend: it fires, it is resolved, or nothing.

    The plain rule: both spans need their minimum of ratings, and the recent mean must lie below the baseline's by more
    than the policy's share. It measures no chance: on few ratings it also fires without a cause. An alert stays open
    until the mean is all but back; the next one comes no sooner than the policy's rest after it.
    """
    last = track.trend
    if last is not None and last.open:
        return Status.RESOLVED if _below(rules.kept_recovered, track, rules) is False else None
    if _below(rules.kept_falling, track, rules) and (last is None or track.newest - last.at >= rules.rest):
        return Status.FIRING
    return None


def measure(track: Track, rules: Rules) -> Trend:
    """The recent span held against the baseline before it, as of the newest answer."""
    sums = track.counted(rules.spans)
    recent_n = len(track.answers) - sums.first_recent
    baseline_n = sums.first_recent - sums.first_baseline
    recent_avg = sums.recent / recent_n if recent_n else None
    baseline_avg = sums.baseline / baseline_n if baseline_n else None
    below = _below(rules.kept_falling, track, rules)
    return Trend(
        recent_n=recent_n,
        baseline_n=baseline_n,
        since=instant(track.newest - rules.spans.recent),
        evidence=Evidence.INSUFFICIENT if below is None else Evidence.STRONG if below else Evidence.WEAK,
        recent_avg=recent_avg,
        baseline_avg=baseline_avg,
        drop=None if recent_avg is None or baseline_avg is None else 1 - recent_avg / baseline_avg,
    )


def _below(kept: int, track: Track, rules: Rules) -> bool | None:
    """Whether the recent mean is below `kept` millionths of the baseline's; None where there are too few ratings."""
    sums = track.counted(rules.spans)
    recent_n = len(track.answers) - sums.first_recent
    baseline_n = sums.first_recent - sums.first_baseline
    if recent_n < rules.recent_min or baseline_n < rules.baseline_min:
        return None
    # In whole numbers: a drop of exactly the policy's share is not more than it.
    return sums.recent * baseline_n * _PARTS < kept * sums.baseline * recent_n
