"""What an alert says beside the rating, over whole histories: each figure is what the oracle counts."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Kind, Status, alert_id_text
from schemas.customer import Customer
from schemas.policy import UsualLevels, load_policy
from schemas.wire import Alert
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from tests.memory import ACME, NOW, KeptStates, answer, records
from tests.oracle import Figures, Oracle

LEVELS = {"Billing": 4.1, "API": 3.2}
POLICY = load_policy(None).model_copy(update={"usual_levels": UsualLevels(overall=4.2, categories=LEVELS)})
ACCOUNT = Customer(customer_id=ACME, name="Acme", arr=30_000, currency="USD", renewal_at=NOW + timedelta(days=150))


def closing(ticket: str, at: Any, **facts: Any) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_closed",
        "event_id": f"c-{ticket}-{at.timestamp()}",
        "customer_id": ACME,
        "ticket_id": ticket,
        "closed_at": at.isoformat(),
        **{name: value for name, value in facts.items() if value is not None},
    }


def escalation(ticket: str, at: Any) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_escalated",
        "event_id": f"x-{ticket}-{at.timestamp()}",
        "customer_id": ACME,
        "ticket_id": ticket,
        "escalated_at": at.isoformat(),
    }


def history(seed: int, size: int, days: int, late: float) -> list[dict[str, Any]]:
    """What is said of a few dozen tickets: answers, closings and escalations, in no strict order; few good answers."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    timed: list[tuple[float, dict[str, Any]]] = []
    for n in range(size):
        day = random.uniform(0, days)
        at = NOW + timedelta(days=day)
        ticket = f"T{random.randrange(size)}"
        hours, sla = random.choice((None, 2.0, 30.0, 90.0)), random.choice((None, 24.0, 48.0))
        first, escalated = random.choice((None, True, False)), random.choice((None, None, True, False))
        kind = random.random()
        if kind < 0.55:
            facts: dict[str, Any] = {
                "resolution_time_hours": hours,
                "sla_hours": sla,
                "first_contact_resolution": first,
            }
            facts["ticket_category"] = random.choice((None, "Billing", "API", "Other"))
            facts |= {"was_escalated": escalated, "response_id": random.choice((None, f"R{random.randrange(size)}"))}
            rating = random.choice((1, 1, 2, 2, 3, 5))
            event = answer(rating, at, event_id=f"a{n}", ticket_id=ticket)
            event |= {name: value for name, value in facts.items() if value is not None}
        elif kind < 0.85:
            event = closing(ticket, at, resolution_time_hours=hours, sla_hours=sla, first_contact_resolution=first)
        else:
            event = escalation(ticket, at)
        delay = random.uniform(0, 200) if random.random() < late else 0
        timed.append((day + delay, event))
        if random.random() < 0.05:
            timed.append((day + random.uniform(0, 50), event))
    return [event for _, event in sorted(timed, key=lambda pair: pair[0])]


def figures(alert: Alert) -> Figures:
    context, ticket = alert.context, alert.ticket
    return Figures(
        tickets_30d=context.tickets_30d,
        low_ratings_30d=context.low_ratings_30d,
        previous_avg=None if context.previous_avg is None else Fraction(context.previous_avg).limit_denominator(1000),
        previous_n=context.previous_n,
        was_escalated=ticket.was_escalated,
        escalated_at=context.escalated_at,
        facts=(ticket.resolution_time_hours, ticket.sla_hours, ticket.first_contact_resolution),
        severity=alert.severity,
    )


def last_revisions(
    events: list[dict[str, Any]], accounts: Mapping[str, Customer], *, batch: int = 1000, reopen: bool = False
) -> dict[str, Alert]:
    """The newest revision of each alert; `reopen` keeps and reads back the state between batches."""
    states, pipeline = KeptStates(), Pipeline(POLICY, 1)
    made = records(events)
    found: dict[str, Alert] = {}
    for i in range(0, len(made), batch):
        for raised in pipeline.process(made[i : i + batch], 0, states, accounts, NOW).raised:
            before = found.get(raised.alert.alert_id)
            assert before is None or raised.alert.revision == before.revision + 1 or raised.alert.status == "firing"
            found[raised.alert.alert_id] = raised.alert
        if reopen:
            states.keep()
    return found


@pytest.mark.parametrize("accounts", [{}, {ACME: ACCOUNT}])
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 120),
    days=st.sampled_from((20, 100, 400)),
    late=st.sampled_from((0.0, 0.3)),
    batch=st.integers(1, 40),
    reopen=st.booleans(),
)
def test_each_figure_and_the_severity_are_the_oracles(
    accounts: Mapping[str, Customer], seed: int, size: int, days: int, late: float, batch: int, reopen: bool
) -> None:
    events = history(seed, size, days, late)
    oracle = Oracle(POLICY, accounts)
    statuses = oracle.take_all(json.dumps(e).encode() for e in events)
    found = last_revisions(events, accounts, batch=batch, reopen=reopen)
    assert {name: alert.status for name, alert in found.items()} == statuses
    of_ratings = {n: a for n, a in found.items() if a.kind == Kind.POOR_RATING and a.status != Status.RETRACTED}
    assert {name: figures(alert) for name, alert in of_ratings.items()} == oracle.figures
    for alert in of_ratings.values():
        left = (ACCOUNT.renewal_at - alert.occurred_at).total_seconds() / 86_400 if accounts else -1  # type: ignore[operator]
        assert alert.context.renewal_in_days == (math.floor(left) if 0 <= left <= 90 else None)
        assert alert.context.category_usual == LEVELS.get(alert.ticket.ticket_category or "")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(5)))
def test_the_last_word_on_a_ticket_is_the_same_in_any_order(seed: int, order: list[int]) -> None:
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    at = [NOW + timedelta(hours=random.randrange(1000)) for _ in range(5)]
    events = [
        answer(random.choice((1, 2)), at[0], ticket_id="T"),
        closing("T", at[1], resolution_time_hours=random.choice((2.0, 90.0)), sla_hours=24.0),
        closing("T", at[2], resolution_time_hours=random.choice((None, 80.0)), first_contact_resolution=False),
        escalation("T", at[3]),
        escalation("T", at[4]),
    ]
    shuffled = [events[i] for i in order]
    (once,), (again,) = (last_revisions(feed, {ACME: ACCOUNT}).values() for feed in (events, shuffled))
    assert once.alert_id == again.alert_id
    assert (once.severity, once.ticket.was_escalated) == (again.severity, again.ticket.was_escalated)
    assert once.ticket.sla_broken == again.ticket.sla_broken


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), days=st.integers(0, 300))
def test_ids_depend_neither_on_the_order_nor_on_the_age(seed: int, days: int) -> None:
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    events = [answer(random.randint(1, 5), NOW + timedelta(hours=random.randrange(2000), seconds=n)) for n in range(30)]
    shuffled = random.sample(events, len(events))
    later = NOW + timedelta(days=days + 90)

    def ids(feed: list[dict[str, Any]], at: Any) -> set[str]:
        out = Pipeline(POLICY, 1).process(records(feed, at=at), 0, MemoryStates(), {}, NOW)
        return {r.alert.alert_id for r in out.raised if r.alert.kind == Kind.POOR_RATING}

    poor = {alert_id_text(Kind.POOR_RATING, ACME, e["ticket_id"]) for e in events if e["rating"] <= 2}
    assert ids(events, None) == ids(shuffled, None) == ids(events, later) == ids(shuffled, later) == poor
