"""The figures of small histories: by examples, and recounted in the plainest way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Alert, Status
from schemas.customer import Customer, Person
from schemas.policy import Policy, load_policy
from streams.backtest.aftermath import FELL_MIN
from streams.backtest.figures import Figures, Followed
from streams.backtest.replay import Passed, Replay
from tests.unit.streams.backtest.histories import CUSTOMERS, closed, escalated, history, lines, rated

POLICY = load_policy(None)
STRICT = POLICY.model_copy(update={"version": "2", "poor_rating": POLICY.poor_rating.model_copy(update={"at_most": 1})})
DAYS = 10
WITHIN = timedelta(days=DAYS)
ANA = Person(name="Ana Diaz", email="ana@example.com")


def account(customer: str, csm: Person | None = ANA) -> Customer:
    return Customer(customer_id=customer, name=f"Company {customer[-1]}", csm=csm)


def replayed(
    events: Sequence[Mapping[str, Any] | bytes],
    *policies: Policy,
    batch: int = 1000,
    accounts: Mapping[str, Customer] | None = None,
) -> tuple[Figures, list[Passed]]:
    replay = Replay(policies or (POLICY,), accounts or {}, WITHIN)
    made = lines(events)
    passed = [replay.process(made[i : i + batch]) for i in range(0, len(made), batch)]
    return replay.close(), passed


def poor(events: Sequence[Mapping[str, Any]]) -> Followed:
    """What followed on poor ratings; the history goes on for long after `events`."""
    found, _ = replayed([*events, rated(5, 400, CUSTOMERS[3])])
    return found.policies[0].followed["poor_rating"]


# What came after


def test_an_escalation_after_an_alert_is_held_against_it() -> None:
    assert poor([rated(1, 0), escalated("T-x", 9.9)]).escalated == 1


@pytest.mark.parametrize(
    "other",
    [
        escalated("T-x", 10.1),
        escalated("T-x", -1),
        escalated("T-x", 5, CUSTOMERS[1]),
        closed("T-x", 5, was_escalated=False),
        rated(5, 5),
    ],
    ids=["too late", "before", "another customer's", "a closed ticket", "a good rating"],
)
def test_other_events_are_not(other: dict[str, Any]) -> None:
    assert poor([rated(1, 0), other]).escalated == 0


def test_a_rating_that_says_so_is_an_escalation_but_not_of_its_own_alert() -> None:
    assert poor([rated(1, 0, was_escalated=True)]).escalated == 0
    assert poor([rated(1, 0), rated(5, 5, was_escalated=True)]).escalated == 1
    assert poor([rated(1, 0), closed("T-x", 5, was_escalated=True)]).escalated == 1


def test_a_ticket_escalates_once_however_often_it_is_said() -> None:
    assert poor([escalated("T-x", -1), rated(1, 0), rated(5, 5, ticket_id="T-x", was_escalated=True)]).escalated == 0


def test_a_customer_that_sinks_below_what_the_alert_said_fell_further() -> None:
    before = [rated(5, day) for day in (-3, -2, -1)]
    assert poor([*before, rated(1, 0), *(rated(3, day) for day in (1, 2, 3))]).fell_further == 1


def test_a_customer_that_comes_back_did_not() -> None:
    before = [rated(5, day) for day in (-3, -2, -1)]
    assert poor([*before, rated(1, 0), *(rated(5, day) for day in (1, 2, 3))]).fell_further == 0


def test_too_few_ratings_say_nothing() -> None:
    before = [rated(5, day) for day in (-3, -2, -1)]
    assert poor([*before, rated(1, 0), *(rated(3, day) for day in range(1, FELL_MIN))]).fell_further == 0


def test_the_last_answer_to_a_survey_counts() -> None:
    after = [rated(3, day, ticket_id=f"T-{day}") for day in (1, 2, 3)]
    better = rated(5, 3.5, ticket_id="T-3")
    assert poor([*(rated(4, day) for day in (-3, -2, -1)), rated(2, 0), *after, better]).fell_further == 0
    assert poor([*(rated(4, day) for day in (-3, -2, -1)), rated(2, 0), *after]).fell_further == 1


def test_an_alert_whose_days_are_not_over_is_not_judged() -> None:
    found, _ = replayed([rated(1, 0), rated(1, 5), escalated("T-x", 6), rated(5, 12, CUSTOMERS[1])])
    assert found.policies[0].followed["poor_rating"] == Followed(1, 1, 0, 1, too_recent=1)


def test_what_follows_any_rating_is_what_an_alert_is_held_against() -> None:
    events = [rated(5, 0), rated(1, 5), escalated("T-x", 12), rated(5, 13), rated(5, 40, CUSTOMERS[1])]
    found, _ = replayed(events)
    assert (found.history.rated, found.history.rated_escalated) == (3, 1)


# Customers that escalated


def test_whether_a_customer_that_escalates_was_alerted_on_before() -> None:
    events = [
        *(escalated("T-x", 20, each) for each in CUSTOMERS[:3]),
        rated(1, 15, CUSTOMERS[0]),
        rated(1, 2, CUSTOMERS[1]),
        rated(1, 21, CUSTOMERS[2]),
        rated(1, 22, CUSTOMERS[3]),
    ]
    ordered: list[Mapping[str, Any] | bytes] = [*sorted(events, key=_at)]
    found, _ = replayed(ordered)
    shown = found.policies[0].escalations
    assert (shown.customers, shown.alerted_within, shown.alerted_earlier, shown.never_alerted) == (3, 1, 1, 1)


# Counts


def test_alerts_by_week_kind_severity_and_csm() -> None:
    events = [rated(1, 0), rated(2, 6.9), rated(1, 7, CUSTOMERS[1]), rated(1, 21, CUSTOMERS[2]), rated(5, 27.9)]
    accounts = {each: account(each) for each in CUSTOMERS[:2]} | {CUSTOMERS[2]: account(CUSTOMERS[2], None)}
    found, _ = replayed(events, accounts=accounts)
    (figures,) = found.policies
    assert [(week.monday.isoformat(), sum(week.alerts.get("poor_rating", {}).values())) for week in figures.weeks] == [
        ("2026-01-05", 2),
        ("2026-01-12", 1),
        ("2026-01-19", 0),
        ("2026-01-26", 1),
    ]
    assert [(csm.name, csm.alerts, csm.most_in_a_week) for csm in figures.csms] == [("Ana Diaz", 3, 2), (None, 1, 1)]
    assert figures.a_week == pytest.approx(4 / (27.9 / 7), abs=0.01)
    assert figures.a_week_a_csm == pytest.approx(3 / (27.9 / 7), abs=0.01)
    assert sum(figures.severities.values()) == figures.alerts == 4
    assert [(each.name, each.alerts) for each in figures.customers] == [
        ("Company 0", 2),
        ("Company 1", 1),
        ("Company 2", 1),
    ]


def test_a_csm_without_alerts_is_there_too() -> None:
    found, _ = replayed([rated(5, 0)], accounts={CUSTOMERS[0]: account(CUSTOMERS[0])})
    assert [(csm.name, csm.alerts) for csm in found.policies[0].csms] == [("Ana Diaz", 0)]


def test_a_revised_alert_counts_once() -> None:
    found, _ = replayed([rated(1, 0, ticket_id="T-1"), rated(2, 1, ticket_id="T-1"), rated(5, 2, ticket_id="T-1")])
    assert found.policies[0].alerts == 1
    assert found.policies[0].changes == {"poor_rating": {"updated": 1, "retracted": 1}}


def test_lines_that_are_no_events_are_reported_and_counted() -> None:
    found, passed = replayed([b"{", rated(1, 0), b'{"event_type": "nothing"}', rated(1, 1)], batch=2)
    assert [(each.number, each.error.reason) for p in passed for each in p.refused] == [
        (1, "not_json"),
        (3, "unknown_type"),
    ]
    assert (found.history.events, found.history.refused, found.history.customers) == (4, 2, 1)
    assert found.policies[0].alerts == 2


def test_a_history_without_events_has_figures() -> None:
    found, _ = replayed([b"{"])
    assert (found.history.begin, found.policies[0].alerts, found.policies[0].weeks) == (None, 0, [])


def test_an_erased_customer_is_forgotten() -> None:
    erased = {"event_type": "support_customer_erased", "event_id": "x", "customer_id": CUSTOMERS[0]}
    found, passed = replayed([rated(1, 0), erased, rated(1, 1)])
    assert found.policies[0].alerts == 2
    assert [each.alert.context.low_ratings_30d for each in passed[0].raised[0]] == [1, 1]


def test_ids_in_capitals_are_the_same_customers() -> None:
    capitals = "ABCDEF00-0000-4000-8000-000000000001"
    found, _ = replayed([rated(1, 0, capitals), rated(1, 1, capitals.lower())])
    assert (found.history.customers, found.policies[0].customers[0].alerts) == (1, 2)


# Two policies


def test_what_only_one_of_two_policies_raises() -> None:
    events = [rated(1, 0), rated(2, 5), rated(2, 50)]
    found, passed = replayed(events, POLICY, STRICT)
    both, strict = found.policies
    assert both.difference is not None
    assert strict.difference is not None
    assert (both.difference.both, both.difference.near, both.difference.alone) == (
        {"poor_rating": 1},
        {"poor_rating": 1},
        {"poor_rating": 1},
    )
    assert (strict.difference.both, strict.difference.near, strict.difference.alone) == ({"poor_rating": 1}, {}, {})
    assert [[each.alert.policy.version for each in raised] for raised in passed[0].raised] == [["1"] * 3, ["2"]]


def test_each_of_two_policies_has_the_figures_it_has_alone() -> None:
    events = history(3, 300, days=200, late=3)
    together, _ = replayed(events, POLICY, STRICT)
    for policy, found in zip((POLICY, STRICT), together.policies, strict=True):
        (alone,) = replayed(events, policy)[0].policies
        assert {**_fields(found), "difference": None} == _fields(alone)


# As the detector has it


def test_nothing_is_silent_and_no_clock_is_read() -> None:
    events = [rated(1, -3000), rated(1, 0), rated(1, 20_000)]
    _, passed = replayed(events)
    alerts = [Alert.from_json(each.value) for each in passed[0].raised[0]]
    assert [alert.detected_at for alert in alerts] == [alert.occurred_at for alert in alerts]
    assert not any(alert.silent for alert in alerts)
    assert len(alerts) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 150), st.integers(1, 60))
def test_it_does_not_matter_how_the_history_is_cut(seed: int, size: int, batch: int) -> None:
    events = history(seed, size, days=150, late=5)
    once, whole = replayed(events, POLICY, STRICT)
    again, parts = replayed(events, POLICY, STRICT, batch=batch)
    assert again == once
    for policy in range(2):
        assert [r.value for p in parts for r in p.raised[policy]] == [r.value for p in whole for r in p.raised[policy]]


# Recounted


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 250), st.floats(5, 400))
def test_the_figures_are_those_of_a_plain_recount(seed: int, size: int, days: float) -> None:
    events = history(seed, size, days=days, late=DAYS / 2)
    found, passed = replayed(events, POLICY, STRICT, batch=7)
    alerts = [_fired(passed, policy) for policy in range(2)]
    end = max(_at(event) for event in events)
    for policy, figures in enumerate(found.policies):
        own, other = alerts[policy], alerts[1 - policy]
        assert figures.alerts == len(own)
        for kind in ("poor_rating", "declining_trend"):
            assert figures.followed[kind] == _followed([a for a in own if a.kind == kind], events, end)
        assert _warned(own, events) == (
            figures.escalations.customers,
            figures.escalations.alerted_within,
            figures.escalations.alerted_earlier,
        )
        assert figures.difference is not None
        assert (figures.difference.both, figures.difference.near) == _beside(own, other)
    assert (found.history.rated, found.history.rated_escalated) == _base(events, end)


def test_what_is_kept_goes_by_time_and_not_by_the_length() -> None:
    replay = Replay([POLICY], {}, WITHIN)
    events = [event for day in range(1000) for event in (rated(1, day), escalated(f"T-{day}", day + 0.5))]
    replay.process(lines(events))
    (past,) = replay._aftermath._pasts.values()
    assert all(len(kept) <= 6 * DAYS for kept in (past.ratings, past.escalations, past.alerts[0]))


def _fields(figures: Any) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in figures.__struct_fields__}


def _at(event: Mapping[str, Any]) -> datetime:
    text = event.get("responded_at") or event.get("closed_at") or event["escalated_at"]
    return datetime.fromisoformat(text).astimezone(UTC)


def _fired(passed: Sequence[Passed], policy: int) -> list[Alert]:
    found: dict[str, Alert] = {}
    for each in passed:
        for raised in each.raised[policy]:
            alert = Alert.from_json(raised.value)
            if alert.status is Status.FIRING:
                found.setdefault(str(alert.alert_id), alert)
    return list(found.values())


def _escalations(customer: str, events: Sequence[Mapping[str, Any]]) -> list[datetime]:
    first: dict[str, datetime] = {}
    for event in events:
        says = event["event_type"] == "support_ticket_escalated" or event.get("was_escalated")
        if event["customer_id"] == customer and says:
            first[event["ticket_id"]] = min(first.get(event["ticket_id"], _at(event)), _at(event))
    return list(first.values())


def _ratings(customer: str, events: Sequence[Mapping[str, Any]]) -> list[tuple[datetime, int]]:
    last: dict[str, tuple[datetime, int]] = {}
    for event in events:
        if event["customer_id"] == customer and "rating" in event:
            before = last.get(event["ticket_id"])
            if before is None or _at(event) >= before[0]:
                last[event["ticket_id"]] = (_at(event), event["rating"])
    return list(last.values())


def _followed(alerts: Sequence[Alert], events: Sequence[Mapping[str, Any]], end: datetime) -> Followed:
    counts: Counter[str] = Counter()
    for alert in alerts:
        begin, over = alert.occurred_at, alert.occurred_at + WITHIN
        if over > end:
            counts["too_recent"] += 1
            continue
        after = [rating for at, rating in _ratings(alert.customer_id, events) if begin < at <= over]
        trend = alert.trend
        fell = (
            len(after) >= FELL_MIN
            and trend is not None
            and trend.recent_avg is not None
            and sum(after) / len(after) < trend.recent_avg
        )
        up = any(begin < at <= over for at in _escalations(alert.customer_id, events))
        counts.update(judged=1, escalated=up, fell_further=fell, either=up or fell)
    return Followed(**{name: counts[name] for name in Followed.__struct_fields__})


def _base(events: Sequence[Mapping[str, Any]], end: datetime) -> tuple[int, int]:
    rated = escalated = 0
    for customer in CUSTOMERS:
        found = _escalations(customer, events)
        over = [at for at, _ in _ratings(customer, events) if at + WITHIN <= end]
        rated += len(over)
        escalated += sum(any(at < each <= at + WITHIN for each in found) for at in over)
    return rated, escalated


def _warned(alerts: Sequence[Alert], events: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    customers = within = earlier = 0
    for customer in CUSTOMERS:
        found = _escalations(customer, events)
        if not found:
            continue
        customers += 1
        before = [a.occurred_at for a in alerts if a.customer_id == customer and a.occurred_at < min(found)]
        near = any(at >= min(found) - WITHIN for at in before)
        within += near
        earlier += bool(before) and not near
    return customers, within, earlier


def _beside(own: Sequence[Alert], other: Sequence[Alert]) -> tuple[dict[str, int], dict[str, int]]:
    ids = {each.alert_id for each in other}
    both = Counter(str(each.kind) for each in own if each.alert_id in ids)
    near = Counter(
        str(each.kind)
        for each in own
        if each.alert_id not in ids
        and any(
            (o.kind, o.customer_id) == (each.kind, each.customer_id) and abs(o.occurred_at - each.occurred_at) <= WITHIN
            for o in other
        )
    )
    return dict(both), dict(near)


def test_histories_hold_what_the_recount_looks_at() -> None:
    events = history(1, 250, days=200, late=5)
    found, _ = replayed(events, POLICY, STRICT)
    (first, _) = found.policies
    assert first.followed["poor_rating"].fell_further
    assert first.followed["poor_rating"].escalated
    assert first.kinds["declining_trend"]
    assert first.difference is not None
    assert first.difference.near
