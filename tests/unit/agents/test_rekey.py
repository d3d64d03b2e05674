"""What a customer takes along to another partition is the customer's whole state."""

from dataclasses import replace
from datetime import timedelta

from aiokafka import TopicPartition

from agents.rekey import Home, _chunks, _state
from agents.states import customer_of
from schemas.policy import load_policy
from streams.partition import partition_of
from streams.pipeline import Pipeline
from streams.track import Track
from tests.memory import ACME, NOW, MemoryStore, answer, records
from tests.unit.agents.test_states import checkpoint, opened, process

_PARTITIONS = 16
_HOMES = [Home(epoch=3, applied=100 + partition) for partition in range(_PARTITIONS)]
_LOG = TopicPartition("log", 0)


def values_of(store: MemoryStore) -> dict[str, bytes]:
    return {k.decode().removeprefix(ACME): v for k, v in store.values.items() if k.startswith(ACME.encode())}


def test_a_state_in_pieces_arrives_whole_with_the_offsets_of_its_new_home() -> None:
    store = MemoryStore()
    states = opened(store)
    for i in range(4_500):  # enough for pieces beside the head
        at = NOW - timedelta(days=100) + timedelta(minutes=30 * i)
        process(states, i, answer(1 if i % 500 == 499 else 5, at, event_id=f"e{i}", ticket_id=f"T{i}"))
    checkpoint(states, store)
    before = Track.decode(store.values[ACME.encode()], values_of(store).get)
    assert len(values_of(store)) > 3  # head, pieces, and the events behind alerts

    waits = (b"waits:" + ACME.encode(), b"")
    moving = _state(ACME, values_of(store), waits, _LOG, _HOMES)

    home = partition_of(ACME, _PARTITIONS)
    assert {record.partition for record in moving.arrivals} == {home}
    arrived = {(r.key or b"").decode().removeprefix(ACME): r.value or b"" for r in moving.arrivals if r.key != waits[0]}
    assert arrived.keys() == values_of(store).keys()
    after = Track.decode(arrived[""], arrived.get)
    assert (after.epoch, after.applied) == (3, 100 + home)
    assert list(after.answers) == list(before.answers)
    assert {name: value for name, value in arrived.items() if name} == {
        name: value for name, value in values_of(store).items() if name
    }
    assert {record.key for record in moving.deletions} == {record.key for record in moving.arrivals}
    assert {(record.partition, record.value) for record in moving.deletions} == {(0, None)}


def test_a_customer_is_never_divided_between_transactions() -> None:
    large = [
        _state(ACME, {"/a0": b"x" * 3_000_000, "/a1": b"y" * 3_000_000}, None, _LOG, _HOMES),
        _state(ACME, {"/a0": b"x"}, None, _LOG, _HOMES),
    ]
    assert [len(chunk) for chunk in _chunks(large)] == [1, 1]
    assert list(_chunks([])) == []


def test_whose_a_key_is() -> None:
    assert customer_of(b"position") is None
    for key in (ACME, f"{ACME}/a12", f"{ACME}/sT-1/2", f"waits:{ACME}"):
        assert customer_of(key.encode()) == ACME


def test_an_event_that_was_sent_on_among_fewer_partitions_is_sent_on_again() -> None:
    pipeline = Pipeline(load_policy(None), _PARTITIONS)
    home = partition_of(ACME, _PARTITIONS)
    elsewhere = (home + 1) % _PARTITIONS
    (record,) = records([answer(1, NOW)])
    for value, strays in ((b"4", 1), (b"1", 1), (str(_PARTITIONS).encode(), 0)):
        sent_on = replace(record, headers=[("csatwatch-rerouted", value)])
        outcome = pipeline.process([sent_on], elsewhere, opened(MemoryStore()), {}, NOW)
        assert len(outcome.strays) == strays
