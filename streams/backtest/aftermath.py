"""What came after each alert, held against it: an escalation, a further fall. And which escalations had no alert."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from schemas.wire import Alert
from streams.backtest.tally import After, Tally, Warned
from streams.backtest.told import RATED, Told
from streams.detect import microseconds

FELL_MIN = 3
"""Ratings after an alert, at least, for their mean to say anything."""


class Whole(NamedTuple):
    """What does not depend on the policy.

    Attributes:
        begin, end: times of the first and the last event, in microseconds since 1970.
        customers: those that were heard of.
        rated, escalated: ratings whose days have passed at the end, and those of them that an escalation followed:
            what an alert is to be held against.
    """

    begin: int
    end: int
    customers: int
    rated: int
    escalated: int


@dataclass(slots=True)
class _Raised:
    """An alert that one policy raised; `average` is what it reported of the recent ratings."""

    kind: str
    at: int
    average: float | None
    judged: bool = False


@dataclass(slots=True)
class _Past:
    """What is known of one customer; times in microseconds since 1970.

    Attributes:
        oldest, newest: times of the first and the last event.
        settle_at: once it is newer than this, what is old enough is judged and dropped.
        ratings: by survey, each with its time.
        escalations: by ticket, the first time that it is known to be escalated.
        escalated: the first of all, once there is one.
        alerts: by policy, then by id.
        alerted: by policy, the first alert of all.
    """

    oldest: int
    newest: int
    settle_at: int
    alerts: tuple[dict[str, _Raised], ...]
    alerted: list[int | None]
    ratings: dict[str, tuple[int, int]] = field(default_factory=dict)
    escalations: dict[str, int] = field(default_factory=dict)
    escalated: int | None = None
    warned: bool = False


class Aftermath:
    """Takes in events and alerts in any order; an event that comes later than `within` after others is left out.

    An alert is followed by an escalation where one of the customer's tickets is first known to be escalated within the
    days after it: by a `support_ticket_escalated`, or by a rating or closed ticket that says `was_escalated`. It is
    followed by a further fall where the customer's ratings of these days, `FELL_MIN` at least, have a lower mean than
    the recent ratings in the alert: a customer that merely returns to the old level does not count.
    """

    def __init__(self, tallies: Sequence[Tally], within: int) -> None:
        """`within` is in microseconds."""
        self._tallies = tallies
        self._within = within
        self._pasts: dict[str, _Past] = {}
        self._end: int | None = None
        self._rated = 0
        self._rated_escalated = 0

    def told(self, event: Told) -> None:
        """Take in an event that the pipeline took."""
        at = event.at
        if at is None:
            return
        past = self._pasts.get(event.customer_id)
        if past is None:
            past = self._pasts[event.customer_id] = self._new(at)
        if event.event_type == RATED:
            survey = event.response_id or event.ticket_id
            before = past.ratings.get(survey)
            if before is None or at >= before[0]:
                past.ratings[survey] = (at, event.rating)
        if event.escalation:
            self._escalated(past, event.ticket_id, at)
        if at > past.newest:
            past.newest = at
            if at > past.settle_at:
                self._settle(past, at - 2 * self._within)
                past.settle_at = at + 2 * self._within
        elif at < past.oldest:
            past.oldest = at

    def raised(self, policy: int, alert: Alert) -> bool:
        """Take in the first revision of an alert, once its event was told. False where it was taken in before."""
        past = self._pasts[alert.customer_id]
        if alert.alert_id in past.alerts[policy]:
            return False
        at = microseconds(alert.occurred_at)
        average = None if alert.trend is None else alert.trend.recent_avg
        past.alerts[policy][alert.alert_id] = _Raised(alert.kind, at, average)
        first = past.alerted[policy]
        past.alerted[policy] = at if first is None else min(first, at)
        return True

    @property
    def newest(self) -> int | None:
        """Time of the last event so far, in microseconds since 1970; None: nothing has a time."""
        return max((past.newest for past in self._pasts.values()), default=None)

    def close(self, end: int | None) -> Whole | None:
        """The history is over, its last event was at `end`: judge what is left. None: nothing in it has a time."""
        if end is None or not self._pasts:
            return None
        self._end = end
        for past in self._pasts.values():
            self._settle(past, None)
        begin = min(past.oldest for past in self._pasts.values())
        return Whole(begin, end, len(self._pasts), self._rated, self._rated_escalated)

    def _new(self, at: int) -> _Past:
        alerts: tuple[dict[str, _Raised], ...] = tuple({} for _ in self._tallies)
        return _Past(at, at, at + 4 * self._within, alerts, [None] * len(alerts))

    def _escalated(self, past: _Past, ticket: str, at: int) -> None:
        known = past.escalations.get(ticket, at)
        past.escalations[ticket] = min(known, at)
        if not past.warned:
            past.escalated = at if past.escalated is None else min(past.escalated, at)

    def _settle(self, past: _Past, until: int | None) -> None:
        """Judge the alerts up to `until`, and drop what no later alert needs; None: judge them all."""
        escalations = sorted(past.escalations.values())
        self._judge_warning(past, until)
        self._judge_ratings(past, escalations, until)
        waiting = [
            (policy, name, each)
            for policy, alerts in enumerate(past.alerts)
            for name, each in alerts.items()
            if not each.judged and (until is None or each.at <= until)
        ]
        if waiting:
            rated = _Rated(past.ratings.values())
            others = [_times(alerts) for alerts in past.alerts]
            for policy, name, each in waiting:
                each.judged = True
                self._tallies[policy].after[each.kind, self._after(each, rated, escalations)] += 1
                self._compare(past, policy, name, each, others)
        if until is not None:
            past.ratings = {survey: rating for survey, rating in past.ratings.items() if rating[0] > until}
            past.escalations = {ticket: at for ticket, at in past.escalations.items() if at > until}
            for alerts in past.alerts:
                for name in [name for name, each in alerts.items() if each.judged and each.at <= until - self._within]:
                    del alerts[name]

    def _after(self, alert: _Raised, rated: "_Rated", escalations: Sequence[int]) -> After:
        end = alert.at + self._within
        if self._end is not None and end > self._end:
            return After.TOO_RECENT
        escalated = _any(escalations, alert.at, end)
        mean = rated.mean(alert.at, end)
        fell = mean is not None and alert.average is not None and mean < alert.average
        if escalated:
            return After.BOTH if fell else After.ESCALATED
        return After.FELL if fell else After.NEITHER

    def _compare(
        self, past: _Past, policy: int, name: str, alert: _Raised, others: Sequence[dict[str, list[int]]]
    ) -> None:
        for other in range(len(self._tallies)):
            if other == policy:
                continue
            tally = self._tallies[policy]
            if name in past.alerts[other]:
                tally.both[alert.kind] += 1
                continue
            times = others[other].get(alert.kind, [])
            near = bisect_left(times, alert.at - self._within) < bisect_right(times, alert.at + self._within)
            (tally.near if near else tally.alone)[alert.kind] += 1

    def _judge_warning(self, past: _Past, until: int | None) -> None:
        first = past.escalated
        if first is None or past.warned or (until is not None and first > until):
            return
        past.warned = True
        for tally, alerts, alerted in zip(self._tallies, past.alerts, past.alerted, strict=True):
            if any(first - self._within <= each.at < first for each in alerts.values()):
                tally.warned[Warned.WITHIN] += 1
            else:
                earlier = alerted is not None and alerted < first
                tally.warned[Warned.EARLIER if earlier else Warned.NEVER] += 1

    def _judge_ratings(self, past: _Past, escalations: Sequence[int], until: int | None) -> None:
        if until is None:
            until = (self._end or 0) - self._within
        rated = [at for at, _ in past.ratings.values() if at <= until]
        self._rated += len(rated)
        if escalations:
            self._rated_escalated += sum(_any(escalations, at, at + self._within) for at in rated)


class _Rated:
    """Ratings in the order of their times, with their sums up to each."""

    def __init__(self, ratings: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(ratings)
        self._times = [at for at, _ in ordered]
        self._sums = [0, *accumulate(rating for _, rating in ordered)]

    def mean(self, after: int, until: int) -> float | None:
        """Of those after the one time and up to the other; None where they are too few."""
        first, last = bisect_right(self._times, after), bisect_right(self._times, until)
        return (self._sums[last] - self._sums[first]) / (last - first) if last - first >= FELL_MIN else None


def _any(times: Sequence[int], after: int, until: int) -> bool:
    """Whether one of them is after the one time and up to the other."""
    return bisect_right(times, after) < bisect_right(times, until)


def _times(alerts: dict[str, _Raised]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in alerts.values():
        found.setdefault(each.kind, []).append(each.at)
    for times in found.values():
        times.sort()
    return found
