"""A checkpoint that is encoded while events are folded is the one that is encoded at once."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, cast
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from agents.changes import Changes
from agents.states import PartitionStates
from agents.transport.table import PartitionStore
from schemas.policy import load_policy
from streams.pipeline import Pipeline
from tests.memory import NOW, MemoryStore, answer, records

PIPELINE = Pipeline(load_policy(None), 1)
CUSTOMERS = [str(UUID(int=n)) for n in range(1, 7)]


class Worker:
    """Folds events and keeps the states."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.states = PartitionStates(cast("PartitionStore", self.store), 0, 1)
        self.trends: dict[bytes, bytes | None] = {}
        self.offset = 0

    def fold(self, event: Mapping[str, Any]) -> None:
        PIPELINE.process(records([event], first=self.offset), 0, self.states, {}, NOW)
        self.states.moved(self.offset, 0)
        self.offset += 1

    def begin(self, most_at_hand: int) -> Changes:
        return self.states.begin_checkpoint(lambda track, customer: PIPELINE.trend(track, customer, {}), most_at_hand)

    def end(self, changes: Changes) -> None:
        while changes.encode_next(2):
            pass
        records, trends = changes.take()
        assert {key: value for key, value, _ in records} == changes.states
        self.store.write(changes.states)
        self.states.written()
        # One whose customer was let go meanwhile is published again as it is.
        self.trends.update({key: value for key, value, _ in trends})


def history(seed: int, size: int) -> list[dict[str, Any]]:
    """Answers, some once more or late, escalations and erasures of few customers."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    made = []
    for n in range(size):
        at = NOW - timedelta(days=random.uniform(0, 400))
        customer, ticket = random.choice(CUSTOMERS), f"T{random.randrange(size)}"
        given_answer = partial(answer, random.choice((1, 2, 3, 4, 5, 5)), at, customer_id=customer, ticket_id=ticket)
        escalated = {"event_type": "support_ticket_escalated", "ticket_id": ticket, "escalated_at": at.isoformat()}
        gone = {"event_type": "support_customer_erased"}
        kind = random.random()
        other = (escalated if kind < 0.9 else gone) | {"event_id": f"o{n}", "customer_id": customer}
        made.append(given_answer(event_id=f"e{n}") if kind < 0.8 else other)
    return made


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 3), min_size=2, max_size=60),
    st.integers(1, 15),
    st.sampled_from((1, 2, 4, 20_000)),
)
def test_the_same_is_written(seed: int, encoded_between: list[int], batch: int, at_hand: int) -> None:
    events = history(seed, len(encoded_between))
    slow, fast = Worker(), Worker()
    for begin in range(0, len(events), batch):
        fast.end(fast.begin(at_hand))
        under_way = slow.begin(at_hand)
        for event, count in zip(events[begin : begin + batch], encoded_between[begin : begin + batch], strict=True):
            under_way.encode_next(count)
            slow.fold(event)
            fast.fold(event)
        slow.end(under_way)
        assert slow.trends == fast.trends
        assert slow.store.values == fast.store.values
