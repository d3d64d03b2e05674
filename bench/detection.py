"""How well are falling averages found, and how often is there nothing to find? On seeded histories, without Kafka."""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import click

from bench import rivals
from bench.curve import Curve, Point
from bench.histories import FALLS, KINDS, OTHERS, Fall, History, histories
from bench.one_customer import Record
from schemas.alert import Kind, Status
from schemas.policy import DecliningTrend, load_policy
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.simulate import HORIZON

SOON, LATER = 10, 20
"""Ratings since the fall, within which it is found."""
WAYS: Mapping[str, rivals.Way] = {
    "csatwatch": rivals.csatwatch,
    "permutation test": rivals.permutation,
    "plain rule": rivals.plain,
    "the limit": rivals.limit,
}

_CUSTOMER = "00000000-0000-4000-8000-000000000001"
_START = datetime(2020, 1, 1, tzinfo=UTC)


class Found(NamedTuple):
    """Shares of histories: unchanged with an alert; fallen with one soon and with one later, by the fall's name."""

    false: float
    soon: Mapping[str, float]
    later: Mapping[str, float]


class Curves(NamedTuple):
    """Of one way at all of its settings."""

    soon: Curve
    later: Curve


class Points(NamedTuple):
    """Of one way at one setting."""

    soon: Point
    later: Point


class Figures(NamedTuple):
    """What was found: by the shipped policy for each kind of customers and for others, and by each way."""

    shipped: Mapping[str, Found]
    others: Mapping[str, Found]
    curves: Mapping[str, Curves]
    points: Mapping[str, Points]


class _Peaks(NamedTuple):
    """The most that a way shows in each history: over all of its ratings, over the first ones, over some more."""

    ever: list[float]
    soon: list[float]
    later: list[float]


def measure(*, count: int, seed: int) -> Figures:
    """On so many histories of each kind of customers, unchanged and for each fall."""
    policy = load_policy(None)
    rule, pipeline = policy.declining_trend, Pipeline(policy, 1)
    shipped = {
        name: _found(lambda each: first_alert(each, pipeline), shares, count, f"{seed} {name}")
        for name, shares in KINDS.items()
    }
    click.echo("the shipped policy: done")
    others = {
        name: _found(lambda each: _first_strong(each, rule), shares, count, f"{seed} {name}")
        for name, shares in OTHERS.items()
    }
    click.echo("other shares: done")
    curves, points = {}, {}
    for name, way in WAYS.items():
        unchanged = [_peaks(way, shares, None, rule, count, f"{seed} {kind}") for kind, shares in KINDS.items()]
        fall = next(iter(FALLS.values()))
        fallen = [_peaks(way, shares, fall, rule, count, f"{seed} {kind}") for kind, shares in KINDS.items()]
        curves[name] = _curves(unchanged, fallen)
        if name == "plain rule":
            points[name] = _at(rule.drop, unchanged, fallen)
        click.echo(f"{name}: done")
    everywhere, fell = mean(list(shipped.values())), next(iter(FALLS))
    points["csatwatch"] = Points((everywhere.false, everywhere.soon[fell]), (everywhere.false, everywhere.later[fell]))
    return Figures(shipped, others, curves, points)


def mean(found: Sequence[Found]) -> Found:
    """Over kinds of customers, each as good as the other."""
    soon = {fall: sum(each.soon[fall] for each in found) / len(found) for fall in FALLS}
    later = {fall: sum(each.later[fall] for each in found) / len(found) for fall in FALLS}
    return Found(sum(each.false for each in found) / len(found), soon, later)


def at_false(curve: Curve, false: float) -> float:
    """What a curve finds at this share of false alarms, between its points."""
    for (left, low), (right, high) in pairwise([(0.0, 0.0), *curve]):
        if left <= false <= right:
            return high if right == left else low + (high - low) * (false - left) / (right - left)
    return curve[-1][1]


def first_alert(history: History, pipeline: Pipeline) -> int | None:
    """The rating since the baseline, from 0, on which the detector's pipeline raises a falling trend."""
    outcome = pipeline.process(list(_records(history)), 0, MemoryStates(), {}, None)
    for raised in outcome.raised:
        alert = raised.alert
        place = int(alert.event_id) - history.baseline
        if alert.kind == Kind.DECLINING_TREND and alert.status == Status.FIRING and place >= 0:
            return place
    return None


def _records(history: History) -> Iterator[Record]:
    for offset, rating in enumerate(history.ratings):
        at = _START + timedelta(days=offset * history.days)
        event = {
            "event_type": "support_csat_received",
            "event_id": str(offset),
            "customer_id": _CUSTOMER,
            "ticket_id": f"T{offset}",
            "rating": rating,
            "responded_at": at.isoformat(),
        }
        yield Record(offset, round(at.timestamp() * 1000), json.dumps(event).encode())


def _first_strong(history: History, rule: DecliningTrend) -> int | None:
    return next((place for place, shown in rivals.csatwatch(history, rule) if shown >= rule.threshold), None)


def _found(first: Callable[[History], int | None], shares: Sequence[float], count: int, seed: str) -> Found:
    def within(fall: Fall | None, ratings: int) -> float:
        return sum(place is not None and place < ratings for place in firsts[fall]) / count

    firsts = {fall: [first(each) for each in histories(shares, fall, count, seed)] for fall in (None, *FALLS.values())}
    soon, later = ({name: within(fall, end) for name, fall in FALLS.items()} for end in (SOON, LATER))
    return Found(within(None, HORIZON), soon, later)


def _peaks(
    way: rivals.Way, shares: Sequence[float], fall: Fall | None, rule: DecliningTrend, count: int, seed: str
) -> _Peaks:
    peaks = _Peaks([], [], [])
    for history in histories(shares, fall, count, seed):
        shown = list(way(history, rule))
        for most, end in zip(peaks, (HORIZON, SOON, LATER), strict=True):
            most.append(max((value for place, value in shown if place < end), default=float("-inf")))
    return peaks


def _curves(unchanged: Sequence[_Peaks], fallen: Sequence[_Peaks]) -> Curves:
    settings = sorted({value for peaks in unchanged for value in peaks.ever if value > float("-inf")}, reverse=True)
    ordered = [_Peaks(sorted(u.ever), sorted(f.soon), sorted(f.later)) for u, f in zip(unchanged, fallen, strict=True)]

    def above(part: int, setting: float) -> float:
        return sum(1 - bisect_right(each[part], setting) / len(each[part]) for each in ordered) / len(ordered)

    shown = [tuple(above(part, each) for part in range(3)) for each in settings[:: max(1, len(settings) // 400)]]
    return Curves([(false, soon) for false, soon, _ in shown], [(false, later) for false, _, later in shown])


def _at(setting: float, unchanged: Sequence[_Peaks], fallen: Sequence[_Peaks]) -> Points:
    def above(values: Sequence[Sequence[float]]) -> float:
        return sum(sum(value > setting for value in each) / len(each) for each in values) / len(values)

    false = above([peaks.ever for peaks in unchanged])
    return Points((false, above([each.soon for each in fallen])), (false, above([each.later for each in fallen])))
