"""The pipeline against the oracle, over whole histories of several customers."""

import json
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Alert
from schemas.policy import load_policy
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from tests.memory import NOW, KeptStates, answer, records
from tests.oracle import Oracle

POLICY = load_policy(None)
CUSTOMERS = [f"00000000-0000-4000-8000-00000000000{i}" for i in range(3)]


def history(seed: int, size: int) -> list[dict[str, Any]]:
    """Answers over 300 days, some late, revised or repeated; some customers get worse."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    events: list[dict[str, Any]] = []
    for _ in range(size):
        day = random.uniform(0, 300)
        customer = random.randrange(3)
        worse = customer == 0 and day > 150
        rating = random.choice((1, 2, 3) if worse else (3, 4, 5, 5, 5, 1))
        at = NOW + timedelta(days=day)
        events.append(answer(rating, at, customer_id=CUSTOMERS[customer]))
    events.sort(key=lambda e: e["responded_at"])
    for _ in range(size // 10):
        original = random.choice(events)
        again = original | {"event_id": f"r{random.random()}", "rating": random.randint(1, 5)}
        again["responded_at"] = (NOW + timedelta(days=random.uniform(0, 300))).isoformat()
        events.insert(random.randrange(len(events)), random.choice((original, again)))
    return events


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(1, 50))
def test_the_alerts_are_the_oracles(seed: int, size: int, batch: int) -> None:
    events = history(seed, size)
    expected = Oracle(POLICY).take_all(json.dumps(e).encode() for e in events)
    made = records(events, at=NOW + timedelta(days=301))
    states, pipeline = MemoryStates(), Pipeline(POLICY, 1)
    found: dict[str, str] = {}
    for i in range(0, len(made), batch):
        for raised in pipeline.process(made[i : i + batch], 0, states, {}, NOW).raised:
            found[raised.alert.alert_id] = raised.alert.status
    assert found == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 120))
def test_a_replayed_batch_raises_nothing_and_changes_nothing(seed: int, size: int) -> None:
    made = records(history(seed, size), at=NOW + timedelta(days=301))
    states, pipeline = KeptStates(), Pipeline(POLICY, 1)
    pipeline.process(made, 0, states, {}, NOW)
    states.keep()
    before = {c: t.encode() for c, t in states.tracks.items()}
    out = pipeline.process(made, 0, states, {}, NOW)
    assert not out.raised
    assert out.counts == {("support_csat_received", "replayed"): len(made)}
    assert {c: t.encode() for c, t in states.tracks.items()} == before


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_feed_published_twice_gives_the_same_alert_ids(seed: int) -> None:
    events = history(seed, 100)
    once, twice = (_ids(records(feed, at=NOW + timedelta(days=301))) for feed in (events, events + events))
    assert once == twice


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_every_alert_reads_as_the_contract_says(seed: int) -> None:
    out = Pipeline(POLICY, 1).process(records(history(seed, 60)), 0, MemoryStates(), {}, NOW)
    for raised in out.raised:
        alert = Alert.from_json(raised.value)
        assert json.loads(alert.to_json()) == json.loads(raised.value)


def _ids(made: list[Any]) -> set[str]:
    return {r.alert.alert_id for r in Pipeline(POLICY, 1).process(made, 0, MemoryStates(), {}, NOW).raised}
