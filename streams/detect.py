"""The rules: is a rating poor, is a customer's average falling."""

from datetime import UTC, datetime, timedelta

from schemas.alert import Evidence
from schemas.policy import DecliningTrend, Policy
from schemas.wire import Trend
from streams.track import DAY, Spans, Track

_PARTS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """A track's time as an aware datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(at: datetime) -> int:
    """An aware datetime as a track's time."""
    return round(at.timestamp() * 1e6)  # exact for the times of our era


def is_poor(rating: int, policy: Policy) -> bool:
    """Whether one rating alerts by itself."""
    return rating <= policy.poor_rating.at_most


def measure(track: Track, spans: Spans, rule: DecliningTrend) -> Trend:
    """The recent span held against the baseline before it, as of the newest answer.

    The plain rule: both spans need their minimum of ratings, and the drop is the share of the baseline's mean that
    the recent mean lies below it. It measures no chance: on few ratings it also fires without a cause.
    """
    sums = track.counted(spans)
    recent_n = len(track.answers) - sums.first_recent
    baseline_n = sums.first_recent - sums.first_baseline
    recent_avg = sums.recent / recent_n if recent_n else None
    baseline_avg = sums.baseline / baseline_n if baseline_n else None
    drop = 1 - recent_avg / baseline_avg if recent_avg is not None and baseline_avg is not None else None
    if recent_n < rule.recent_min or baseline_n < rule.baseline_min or drop is None:
        evidence = Evidence.INSUFFICIENT
    else:
        evidence = Evidence.STRONG if _dropped_by_more_than(rule.drop, track, spans, rule) else Evidence.WEAK
    return Trend(
        recent_avg=recent_avg,
        recent_n=recent_n,
        since=instant(track.newest - spans.recent),
        baseline_avg=baseline_avg,
        baseline_n=baseline_n,
        drop=drop,
        evidence=evidence,
    )


def falling(track: Track, spans: Spans, rule: DecliningTrend) -> bool:
    """Whether a falling trend fires now: strong evidence, and no alert on it within `at_most_every_days`."""
    last = track.trend
    if last is not None and (last.open or track.newest - last.at < rule.at_most_every_days * DAY):
        return False
    return _dropped_by_more_than(rule.drop, track, spans, rule)


def recovered(track: Track, spans: Spans, rule: DecliningTrend) -> bool:
    """Whether an open alert on a falling trend is over: enough recent ratings, and the drop all but gone."""
    if track.trend is None or not track.trend.open:
        return False
    sums = track.counted(spans)
    enough = len(track.answers) - sums.first_recent >= rule.recent_min
    enough = enough and sums.first_recent - sums.first_baseline >= rule.baseline_min
    return enough and not _dropped_by_more_than(rule.resolved_below, track, spans, rule)


def _dropped_by_more_than(share: float, track: Track, spans: Spans, rule: DecliningTrend) -> bool:
    # In whole numbers: a drop of exactly the policy's share is not more than it.
    sums = track.counted(spans)
    recent_n = len(track.answers) - sums.first_recent
    baseline_n = sums.first_recent - sums.first_baseline
    if recent_n < rule.recent_min or baseline_n < rule.baseline_min:
        return False
    return sums.recent * baseline_n * _PARTS < (_PARTS - round(share * _PARTS)) * sums.baseline * recent_n
