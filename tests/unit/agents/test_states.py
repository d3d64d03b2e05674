"""A partition's states over a store: what is kept, what is read back, and what is on its way between the two."""

import asyncio
import gc
import weakref
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.changes import Changes
from agents.states import PartitionStates, room
from agents.transport.table import PartitionStore
from schemas.policy import load_policy
from schemas.wire import Alert
from streams.pipeline import Pipeline
from streams.track import Track
from tests.memory import ACME, NOW, MemoryStore, answer, records

PIPELINE = Pipeline(load_policy(None), 1)
HOUR = timedelta(hours=1)


def opened(store: MemoryStore) -> PartitionStates:
    return PartitionStates(cast("PartitionStore", store), 0, PIPELINE.partitions)


def process(states: PartitionStates, offset: int, event: Mapping[str, Any]) -> list[Alert]:
    return [r.alert for r in PIPELINE.process(records([event], first=offset), 0, states, {}, NOW).raised]


def checkpoint(states: PartitionStates, store: MemoryStore) -> dict[bytes, bytes | None]:
    """Keep what changed. Returns the records for `csat-trends`, by key."""
    changes = begun(states)
    kept: dict[bytes, bytes | None] = {}
    trends: dict[bytes, bytes | None] = {}
    more = True
    while more:
        more = changes.encode_next(1)
        for found, taken in zip((kept, trends), changes.take(), strict=True):
            found.update({key: value for key, value, _ in taken})
    assert kept == changes.states
    store.write(changes.states)
    states.written()
    return trends


def begun(states: PartitionStates, most_at_hand: int = 20_000) -> Changes:
    return states.begin_checkpoint(lambda track, customer: PIPELINE.trend(track, customer, {}), most_at_hand)


def escalation(at: datetime) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_escalated",
        "event_id": "x",
        "customer_id": ACME,
        "ticket_id": "T",
        "escalated_at": at.isoformat(),
    }


POOR = answer(1, NOW, ticket_id="T", feedback="slow")


def test_an_alert_is_made_again_from_what_was_kept() -> None:
    store = MemoryStore()
    states = opened(store)
    process(states, 0, POOR)
    checkpoint(states, store)
    assert store.values[f"{ACME}/sT".encode()] == records([POOR])[0].value
    for each in (states, opened(store)):  # the same worker, and another after it
        (updated,) = process(each, 1, escalation(NOW + HOUR))
        assert (updated.revision, updated.feedback) == (2, "slow")


class AskedStore(MemoryStore):
    """One that notes what it is asked for."""

    def __init__(self, values: dict[bytes, bytes]) -> None:
        super().__init__()
        self.values = values
        self.at_once: list[set[bytes]] = []
        self.one_by_one: list[bytes] = []

    def lookup(self, partition: int, keys: list[bytes]) -> list[bytes | None]:
        self.at_once.append(set(keys))
        return [self.values.get(key) for key in keys]

    def value(self, _: int, key: bytes) -> bytes | None:
        self.one_by_one.append(key)
        return self.values.get(key)


def test_the_customers_of_a_batch_are_looked_for_at_once_and_only_those_not_at_hand() -> None:
    first, second, new = (str(UUID(int=n)) for n in range(1, 4))
    store = MemoryStore()
    process_all = partial(PIPELINE.process, partition=0, accounts={}, now=NOW)
    before = opened(store)
    process_all(records([answer(4, NOW, customer_id=c, ticket_id="T-1") for c in (first, second)]), states=before)
    checkpoint(before, store)
    asked = AskedStore(store.values)
    states = opened(asked)
    events = [answer(3, NOW + HOUR, customer_id=c, ticket_id="T-2") for c in (first, new)]
    asked.one_by_one.clear()
    process_all(records(events, first=2), states=states)
    assert asked.at_once == [{first.encode(), new.encode()}]
    assert asked.one_by_one == []
    assert [len(states.take(c).answers) for c in (first, new, second)] == [2, 1, 1]
    process_all(records([answer(3, NOW + 2 * HOUR, customer_id=first, ticket_id="T-3")], first=4), states=states)
    assert len(asked.at_once) == 1, "who is at hand is not looked for"
    begun(states).encode_next(len(events) + 1)  # on its way to the store, which has the former value still
    states._tracks.clear()
    asked.one_by_one.clear()
    states.expect([first, new])
    assert [len(states.take(c).answers) for c in (first, new)] == [3, 1]
    assert asked.at_once[1:] == [set()]
    assert asked.one_by_one == []


def test_what_was_looked_for_and_not_taken_is_not_taken_for_the_state_after_a_checkpoint() -> None:
    store = MemoryStore()
    states = opened(store)
    states.expect([ACME])
    process(states, 0, POOR)
    states.expect([str(UUID(int=1))])
    states.expect([ACME])
    checkpoint(states, store)
    states._tracks.clear()
    assert len(states.take(ACME).answers) == 1


async def test_batches_wait_for_a_checkpoint_while_many_customers_are_changed() -> None:
    store = MemoryStore()
    states = {0: opened(store), 1: opened(store)}
    for n, each in states.items():
        process(each, 0, answer(4, NOW, customer_id=str(UUID(int=n))))
    await room(states, 2_000)  # nothing is written: who waited here would wait for ever
    async with states[1].writing:
        await room(states, 4_000)
        waiting = asyncio.create_task(room(states, 2_000))
        await asyncio.sleep(0)
        assert not waiting.done()
        checkpoint(states[1], store)
    await asyncio.wait_for(waiting, 10)


def large(store: MemoryStore, states: PartitionStates) -> int:
    """ACME has fifty ratings, and is kept. Returns the bytes of the state."""
    for n in range(50):
        process(states, n, answer(4, NOW + n * HOUR))
    checkpoint(states, store)
    return len(store.values[ACME.encode()])


def test_fewer_customers_with_many_ratings_are_changed_or_at_hand_at_a_time() -> None:
    store = MemoryStore()
    states = opened(store)
    assert (states.fit(300_000_000), states.most_at_hand(300_000_000)) == (300_000, 20_000)
    size = large(store, states)
    assert states.fit(300_000_000) == 300_000_000 // (7 * size) < 20_000
    assert states.most_at_hand(300_000_000) == states.fit(300_000_000)


def test_customers_that_are_read_show_how_large_they_are_before_the_first_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.states._TELLING", 3)
    store = MemoryStore()
    size = large(store, opened(store))
    states = opened(store)
    for _ in range(2):
        states.expect([ACME])
        assert states.fit(300_000_000) == 300_000, "it may be the only large one"
    states.expect([ACME])
    assert states.fit(300_000_000) == 300_000_000 // (7 * size)


def test_more_than_may_be_at_hand_are_let_go() -> None:
    store = MemoryStore()
    states = opened(store)
    for n in range(6):
        process(states, n, answer(4, NOW, customer_id=str(UUID(int=n))))
    begun(states, 6)
    assert len(states.at_hand) == 6
    begun(states, 4)
    assert set(states.at_hand) == {str(UUID(int=n)) for n in (4, 5)}


async def test_batches_wait_for_those_whom_a_checkpoint_has_not_encoded_yet() -> None:
    states = {0: opened(MemoryStore())}
    for n in range(4):
        process(states[0], n, answer(4, NOW, customer_id=str(UUID(int=n))))
    changes = begun(states[0])
    assert (states[0].changed, states[0].waiting) == (0, 4)
    async with states[0].writing:
        waiting = asyncio.create_task(room(states, 4_000))
        await asyncio.sleep(0)
        assert not waiting.done()
        changes.encode_next(1)
        await room(states, 4_000)
    await asyncio.wait_for(waiting, 10)


def test_an_alert_is_made_again_while_its_event_is_on_its_way_to_the_store() -> None:
    store = MemoryStore()
    states = opened(store)
    process(states, 0, POOR)
    begun(states)
    assert store.values == {}
    (updated,) = process(states, 1, escalation(NOW + HOUR))
    assert updated.revision == 2


def test_a_checkpoint_has_the_states_of_its_beginning_whatever_is_folded_before_it_ends() -> None:
    store, other = MemoryStore(), str(UUID(int=1))
    states = opened(store)
    process(states, 0, POOR)
    process(states, 1, answer(5, NOW, customer_id=other))
    changes = begun(states)
    process(states, 2, answer(4, NOW + HOUR))
    assert set(changes.states) > {ACME.encode()}
    assert other.encode() not in changes.states
    process(states, 3, {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": other})
    assert not changes.encode_next(1)
    store.write(changes.states)
    kept = [Track.decode(store.values[each.encode()], lambda _: None) for each in (ACME, other)]
    assert [(len(track.answers), track.applied) for track in kept] == [(1, 0), (1, 1)]
    states.written()
    checkpoint(states, store)
    kept = [Track.decode(store.values[each.encode()], lambda _: None) for each in (ACME, other)]
    assert [(len(track.answers), track.applied) for track in kept] == [(2, 2), (0, 3)]


def test_who_is_let_go_by_a_checkpoint_and_is_not_encoded_yet_is_not_looked_for() -> None:
    store, customers = AskedStore({}), [str(UUID(int=n)) for n in range(4)]
    states = opened(store)
    for n, customer in enumerate(customers):
        process(states, n, answer(4, NOW, customer_id=customer))
    changes = begun(states, 2)
    assert set(states.at_hand) == {customers[-1]}
    changes.encode_next(2)  # the newest first
    states.position = replace(states.position, offset=7)
    process(states, 7, answer(3, NOW + HOUR, customer_id=customers[0]))
    process(states, 8, answer(3, NOW + HOUR, customer_id=customers[3]))
    store.one_by_one.clear()
    assert [len(states.take(customer).answers) for customer in customers] == [2, 1, 1, 2]
    assert store.one_by_one == []
    while changes.encode_next(1):
        pass
    kept = [Track.decode(cast("bytes", changes.states[c.encode()]), lambda _: None) for c in customers]
    assert [len(track.answers) for track in kept] == [1, 1, 1, 1]


def test_what_no_alert_stands_on_any_more_is_deleted() -> None:
    store = MemoryStore()
    states = opened(store)
    process(states, 0, POOR)
    checkpoint(states, store)
    process(states, 1, answer(5, NOW + HOUR, ticket_id="T"))
    changes = begun(states)
    changes.encode(ACME)
    assert changes.states[f"{ACME}/sT".encode()] is None


def test_an_erased_customer_leaves_nothing_but_the_head() -> None:
    store = MemoryStore()
    states = opened(store)
    process(states, 0, POOR)
    process(states, 1, escalation(NOW + HOUR))
    checkpoint(states, store)
    process(states, 2, {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": ACME})
    checkpoint(states, store)
    assert [key for key in store.values if key.startswith(ACME.encode())] == [ACME.encode()]
    assert b"slow" not in b"".join(store.values.values())
    head = Track.decode(store.values[ACME.encode()], lambda _: None)
    assert (len(head.answers), head.tickets.escalated, head.applied) == (0, {}, 2)


def test_an_erased_customers_trend_is_deleted_once() -> None:
    store = MemoryStore()
    states, key = opened(store), ACME.encode()
    erased = {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": ACME}
    process(states, 0, POOR)
    assert checkpoint(states, store)[key] is not None
    states = opened(store)  # a worker that did not publish it itself
    process(states, 1, erased)
    assert checkpoint(states, store) == {key: None}
    process(states, 2, escalation(NOW + HOUR))
    assert checkpoint(states, store) == {}
    process(states, 3, POOR)
    assert checkpoint(states, store)[key] is not None


def test_who_rates_again_right_after_the_erasure_has_a_trend() -> None:
    store = MemoryStore()
    states = opened(store)
    for offset in (0, 2):
        process(states, offset, POOR)
        if offset == 0:
            process(states, 1, {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": ACME})
    assert checkpoint(states, store)[ACME.encode()] is not None


def test_states_that_are_let_go_are_gone_without_a_look_for_circles() -> None:
    states = opened(MemoryStore())
    process(states, 0, POOR)
    kept = weakref.ref(states._kept)  # held by the states and by each track
    gc.disable()
    try:
        del states
        assert kept() is None
    finally:
        gc.enable()
