"""The windows: whatever the order of arrival, and always what a recount gives."""

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import load_policy
from schemas.wire import Alert
from streams import track as tracks
from streams.answers import Answer
from streams.detect import Rules, instant, measure, microseconds
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.spans import DAY, Spans
from streams.tickets import Closing
from streams.track import Track
from tests.memory import ACME, NOW, answer, records

POLICY = load_policy(None)
SPANS = Spans.of(POLICY)
HOURS = st.integers(0, 119 * 24)
RATINGS = st.integers(1, 5)


@st.composite
def answers(draw: st.DrawFn, *, most_hours: int = 119 * 24) -> list[Answer]:
    """Answers to a few surveys; several may be to the same one, some at the same time."""
    drawn = draw(st.lists(st.tuples(st.integers(0, most_hours), RATINGS, st.integers(0, 12)), max_size=30))
    start = microseconds(NOW)
    return [Answer(start + h * 3_600_000_000, r, f"s{s}", f"e{i:03}", f"s{s}") for i, (h, r, s) in enumerate(drawn)]


def folded(given_answers: list[Answer]) -> Track:
    track = Track()
    for a in given_answers:
        track.fold(a, SPANS)
    return track


@given(answers(), st.randoms(use_true_random=False))
def test_any_order_within_the_window_gives_the_same_state(drawn: list[Answer], random: object) -> None:
    shuffled = drawn.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folded(shuffled).answers == folded(drawn).answers


@pytest.mark.parametrize("year", [1900, 1969, 2026])
def test_what_is_older_than_the_window_goes_in_any_year(year: int) -> None:
    start = microseconds(NOW.replace(year=year))
    track = folded([Answer(start + day * DAY, 5, f"s{day}", f"e{day}", f"s{day}") for day in range(400)])
    assert len(track.answers) == SPANS.window // DAY + 1


@given(answers(), st.lists(HOURS, max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_everything_said_gives_the_same_figures(
    drawn: list[Answer], others: list[int], random: object
) -> None:
    feed: list[dict[str, Any]] = [
        answer(a.rating, instant(a.at), event_id=a.event, ticket_id=a.survey, response_id=a.survey) for a in drawn
    ]
    for n, hours in enumerate(others):
        at, ticket = (NOW + timedelta(hours=hours, seconds=n)).isoformat(), f"s{hours % 13}"
        facts = {"resolution_time_hours": float(hours % 90), "sla_hours": 24.0, "first_contact_resolution": bool(n % 2)}
        about = {"customer_id": ACME, "ticket_id": ticket, "event_id": f"o{n}"}
        kind = "support_ticket_closed" if n % 3 else "support_ticket_escalated"
        feed.append(
            about
            | ({"event_type": kind, "closed_at": at, **facts} if n % 3 else {"event_type": kind, "escalated_at": at})
        )
    shuffled = feed.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standing(shuffled) == standing(feed)


def standing(feed: list[dict[str, Any]]) -> tuple[object, ...]:
    """All that alerts and trends are made of, once the feed was read."""
    states = MemoryStates()
    Pipeline(POLICY, 1).process(records(feed, at=NOW + timedelta(days=120)), 0, states, {}, NOW)
    track, rules = states.take(ACME), Rules.of(POLICY)
    if not len(track.answers):
        return ()
    said = [track.said_of(f"s{n}", SPANS) for n in range(13)]
    return (
        list(track.answers),
        track.level(SPANS),
        measure(track, rules),
        track.counted(SPANS),
        said,
    )


@given(answers(most_hours=400 * 24))
def test_sums_are_always_what_a_recount_gives(drawn: list[Answer]) -> None:
    track = Track()
    for a in drawn:
        track.fold(a, SPANS)
        kept = track.counted(SPANS)
        track.sums = None
        assert track.counted(SPANS) == kept


@given(answers(most_hours=400 * 24))
def test_a_state_survives_being_kept(drawn: list[Answer]) -> None:
    track = folded(drawn)
    track.close_ticket(Closing(microseconds(NOW), "T", 3.5, None, first_contact_resolution=True), SPANS)
    track.escalate_ticket("T", microseconds(NOW) + 5, SPANS)
    kept = track.encode()
    again = Track.decode(kept[""] or b"", kept.get)
    assert again.answers == track.answers
    assert again.tickets.closed == track.tickets.closed
    assert again.tickets.escalated == track.tickets.escalated
    assert again.encode() == kept


@given(answers())
def test_a_replay_changes_nothing(drawn: list[Answer]) -> None:
    track = folded(drawn)
    before = track.encode()
    for a in drawn:
        track.fold(a, SPANS)
    assert track.encode() == before


@given(RATINGS, st.lists(HOURS, min_size=1, max_size=80))
def test_a_constant_stream_never_fires_a_trend(rating: int, hours: list[int]) -> None:
    events = [answer(rating, NOW + timedelta(hours=h, seconds=i)) for i, h in enumerate(hours)]
    out = Pipeline(POLICY, 1).process(records(events), 0, MemoryStates(), {}, NOW)
    assert {r.alert.kind for r in out.raised} <= {"poor_rating"}


@given(
    st.lists(st.sampled_from((4, 5)), min_size=10, max_size=40),
    st.lists(st.sampled_from((1, 2)), min_size=16, max_size=16),
    st.lists(st.integers(1, 7 * 24), min_size=56, max_size=56),
)
def test_a_clear_fall_always_fires(usual: list[int], fallen: list[int], gaps: list[int]) -> None:
    events, at = [], NOW
    for rating, gap in zip([*usual, *fallen], gaps, strict=False):
        at += timedelta(hours=gap)
        events.append(answer(rating, at))
    out = Pipeline(POLICY, 1).process(records(events), 0, MemoryStates(), {}, None)
    (alert,) = [r.alert for r in out.raised if r.alert.kind == "declining_trend"]
    assert alert.status == "firing"
    assert alert.trend is not None
    assert alert.trend.evidence == "strong"
    assert alert.trend.drop is not None
    assert alert.trend.drop > POLICY.declining_trend.drop
    if len(usual) >= POLICY.declining_trend.learned_from:
        assert events.index(next(e for e in events if e["event_id"] == alert.event_id)) < len(usual) + 8


def test_a_customers_trend_alerts_at_most_once_a_week() -> None:
    week, gaps = timedelta(days=POLICY.declining_trend.at_most_every_days), []
    for seed in range(60):
        fired = [alert.occurred_at for alert in trends_of(up_and_down(seed)) if alert.status == "firing"]
        gaps += [after - before for before, after in pairwise(fired)]
    assert len(gaps) > 60
    assert week <= min(gaps) < 2 * week  # no other rule keeps them apart


def up_and_down(seed: int) -> list[dict[str, Any]]:
    """Several ratings a day, now good, now poor."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    events, at, worse = [], NOW, False
    for _ in range(600):
        worse ^= random.random() < 0.06
        at += timedelta(hours=random.uniform(0.1, 9))
        events.append(answer(random.choice((1, 1, 2) if worse else (4, 5, 5)), at))
    return events


def trends_of(events: list[dict[str, Any]]) -> list[Alert]:
    raised = Pipeline(POLICY, 1).process(records(events), 0, MemoryStates(), {}, None).raised
    return [r.alert for r in raised if r.alert.kind == "declining_trend"]


@pytest.mark.parametrize("many", [0, 200])
@given(answers(), st.lists(HOURS, max_size=8))
def test_the_context_is_what_a_brute_force_count_gives(many: int, drawn: list[Answer], closings: list[int]) -> None:
    with patch.object(tracks, "_MANY", many):
        compare_contexts(drawn, closings)


def compare_contexts(drawn: list[Answer], closings: list[int]) -> None:
    start = NOW
    closed = [
        {
            "event_type": "support_ticket_closed",
            "event_id": f"c{i}",
            "customer_id": ACME,
            "ticket_id": f"closed-{h}",
            "closed_at": (start + timedelta(hours=h)).isoformat(),
        }
        for i, h in enumerate(closings)
    ]
    events = [
        answer(a.rating, start + timedelta(microseconds=a.at - microseconds(NOW)), event_id=a.event, ticket_id=a.survey)
        for a in drawn
    ]
    states = MemoryStates()
    pipeline = Pipeline(POLICY, 1)
    far = start + timedelta(days=200)
    pipeline.process(records(closed, at=far), 0, states, {}, NOW)
    out = pipeline.process(records(events, first=len(closed), at=far), 0, states, {}, NOW)
    latest: dict[str, Answer] = {}
    raised = {r.alert.event_id: r.alert for r in out.raised if r.alert.kind == "poor_rating"}
    for a in drawn:
        known = latest.get(a.survey)
        if known is None or (known.at, known.event) < (a.at, a.event):
            latest[a.survey] = a
            alert = raised.get(a.event)
            if alert is None or a.rating > 2:
                continue
            month = [b for b in latest.values() if a.at - 30 * 86_400_000_000 <= b.at <= a.at]
            tickets = {b.survey for b in month} | {
                f"closed-{h}"
                for h in closings
                if a.at - 30 * 86_400_000_000 <= microseconds(start + timedelta(hours=h)) <= a.at
            }
            others = [b.rating for b in latest.values() if b is not a]
            assert alert.context.tickets_30d == len(tickets)
            assert alert.context.low_ratings_30d == sum(b.rating <= 2 for b in month)
            assert alert.context.previous_avg == (sum(others) / len(others) if others else None)
