"""Ledger, courier and Slack together, without Kafka."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import pytest

from agents.courier import Courier, Load
from schemas.alert import Severity, Status
from schemas.delivery import Sink, State
from sinks.backoff import Backoff
from sinks.base import Delivery, Outcome, Receipt
from sinks.deliveries import Deliveries, Wanted
from sinks.ledger import Ledger
from sinks.slack import Slack
from tests.alerts import alert
from tests.integration.delivery.stand import PEOPLE, Bench, of
from tests.servers.slack_faults import Fault, Kind
from tests.servers.wait import until


class Gate:
    """A sink that waits until it is let through."""

    def __init__(self) -> None:
        self.entered: list[Delivery] = []
        self.open = asyncio.Event()

    async def send(self, delivery: Delivery) -> Receipt | None:
        self.entered.append(delivery)
        await self.open.wait()
        return Receipt("D1", delivery.about_customer.response_id, csm_notified=True)


async def test_everybody_gets_theirs(bench: Bench) -> None:
    await bench.record(*(of(number) for number in range(20)))
    bench.start()
    await bench.settled(State.DONE)
    assert [len(bench.slack.messages(user)) for user in list(PEOPLE.values())[:20]] == [1] * 20
    assert await bench.pool.fetchval("select count(*) from support_satisfaction where csm_notified") == 20


async def test_each_alert_has_one_message_whatever_slack_does(bench: Bench) -> None:
    faults = [Fault(Kind.RATE_LIMITED, retry_after=0), *map(Fault, (Kind.SERVER_ERROR, Kind.LOST, Kind.DROPPED))]
    methods = ("chat.postMessage", "conversations.history", "conversations.open", "users.lookupByEmail")
    bench.slack.faults.at_random(7, 0.3, faults, methods)
    await bench.record(*(of(number) for number in range(40)))
    for _ in range(2):
        bench.start()
    await bench.settled(State.DONE)
    sent = [each.metadata["event_payload"]["alert_id"] for each in bench.slack.messages() if each.metadata]
    assert sorted(sent) == sorted(str(of(number).alert_id) for number in range(40))
    assert any(call.outcome == Kind.LOST for call in bench.slack.calls("chat.postMessage"))


async def test_a_worker_that_dies_between_sending_and_settling_leaves_one_message(bench: Bench) -> None:
    """Its successor finds the message that the dead one sent."""
    await bench.record(of(1))
    ledger = bench.ledger()
    (claimed,) = await ledger.claim(Sink.SLACK, 1)
    await bench.sink(ledger).send(claimed)
    bench.start()
    await bench.age()
    await bench.settled(State.DONE)
    (message,) = bench.slack.messages()
    assert await bench.pool.fetchval("select external_id from deliveries where sink = 'slack'") == message.ts


async def test_a_worker_that_dies_before_sending_leaves_nothing_undone(bench: Bench) -> None:
    await bench.record(of(1))
    await bench.ledger().claim(Sink.SLACK, 1)
    bench.start()
    await bench.age()
    await bench.settled(State.DONE)
    assert len(bench.slack.messages()) == 1


async def test_without_looking_first_there_would_be_two(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows that the tests above can fail."""

    async def nothing_there(*_: object) -> None:
        return None

    monkeypatch.setattr(Slack, "_reconcile", nothing_there)
    bench.slack.faults.next("chat.postMessage", Fault(Kind.LOST))
    await bench.record(of(1))
    bench.start()
    await bench.settled(State.DONE)
    assert len(bench.slack.messages()) == 2


async def test_a_person_who_is_slow_to_reach_holds_up_nobody_else(bench: Bench) -> None:
    gate = Gate()
    bench.start(gate)
    await bench.record(of(1))
    await until(lambda: gate.entered, what="the first is under way")
    await bench.record(of(1, severity=Severity.CRITICAL).model_copy(update={"alert_id": of(9).alert_id}), of(2), of(3))
    await until(lambda: len(gate.entered) == 3, what="the others are under way")
    assert {each.lane for each in gate.entered} == {"csm1@example.com", "csm2@example.com", "csm3@example.com"}
    gate.open.set()
    await bench.settled(State.DONE)
    assert len(gate.entered) == 4


async def test_a_slack_that_is_away_holds_up_no_task(bench: Bench) -> None:
    bench.slack.stop()
    bench.start()
    bench.start(name=Sink.TASKS)
    await bench.record(of(1))
    await bench.settled(State.DONE, Sink.TASKS)

    async def tried() -> bool:
        return bool(await bench.pool.fetchval("select attempts > 1 from deliveries where sink = 'slack'"))

    await until(tried, what="Slack tried again")
    bench.slack.start()
    await bench.settled(State.DONE)
    assert len(bench.slack.messages()) == 1


async def test_a_retraction_edits_what_was_shown_and_stops_what_was_not(bench: Bench) -> None:
    bench.start()
    await bench.record(of(1))
    await bench.settled(State.DONE)
    await bench.record(of(1, revision=2, status=Status.RETRACTED, rating=4))
    await until(lambda: "no longer holds" in str(bench.slack.messages()), what="the message says so")
    await bench.settled(State.DONE)
    assert len(bench.slack.messages()) == 1


async def test_what_fails_for_good_is_visible_and_runs_again(bench: Bench) -> None:
    await bench.record(alert(customer=None))
    bench.start()
    await bench.settled(State.FAILED)
    (failed,) = await Deliveries(bench.pool).steps(Wanted(states=[State.FAILED]), most=9)
    assert failed["error"] == "the customer's account is not known, and no fallback channel is set"
    await bench.record(of(1, revision=2).model_copy(update={"alert_id": alert().alert_id}))
    await bench.settled(State.DONE)


async def test_a_bug_in_a_sink_fails_that_step_alone(bench: Bench) -> None:
    class Buggy:
        async def send(self, delivery: Delivery) -> Receipt | None:
            if delivery.about_customer.response_id == "r1":
                raise LookupError("Took too long to get a response")
            return Receipt("D1", "1")

    bench.start(Buggy())
    await bench.record(of(1), of(2))

    async def both() -> dict[str, str]:
        rows = await bench.pool.fetch("select state, coalesce(error, '') as error from deliveries where sink = 'slack'")
        found = {row["state"]: row["error"] for row in rows}
        return found if set(found) == {"failed", "done"} else {}

    found = await until(both, what="one done, one failed")
    assert found["failed"] == "unexpected LookupError"


@pytest.mark.parametrize(("let", "state"), [(True, State.DONE), (False, State.DUE)])
async def test_a_stop_waits_for_what_is_under_way(bench: Bench, let: bool, state: State) -> None:
    gate = Gate()
    courier = bench.start(gate)
    await bench.record(of(1))
    await until(lambda: gate.entered, what="it is under way")
    bench.looks.pop().cancel()
    stopping = asyncio.create_task(courier.stop(5.0 if let else 0.0))
    if let:
        gate.open.set()
    await stopping
    (row,) = await bench.pool.fetch("select state, uncertain from deliveries where sink = 'slack'")
    assert (row["state"], row["uncertain"]) == (state, not let)


@pytest.mark.parametrize("method", ["claim", "remember", "settle"])
async def test_postgres_may_go_away_at_any_moment(bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    away: list[Exception] = [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting")]
    works: Callable[..., Awaitable[object]] = getattr(Ledger, method)

    async def works_in_the_end(*arguments: object) -> object:
        if away:
            raise away.pop()
        return await works(*arguments)

    monkeypatch.setattr(Ledger, method, works_in_the_end)
    bench.start()
    await bench.record(of(1))
    await bench.settled(State.DONE)
    assert away == []
    assert len(bench.slack.messages()) == 1


async def test_a_batch_is_one_send(bench: Bench) -> None:
    class Counting:
        sizes: list[int] = []  # noqa: RUF012 (one instance)

        async def send_all(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            self.sizes.append(len(deliveries))
            return [Receipt("x", each.about_customer.response_id) for each in deliveries]

    counting = Counting()
    await bench.record(*(of(number) for number in range(30)))
    load = Load(slots=1, batch=20, limit=10.0, lease=60.0)
    rung = asyncio.Event()
    courier = Courier(bench.ledger(), Sink.TASKS, counting, load=load, backoff=Backoff(), wake=rung.set)
    bench.couriers.append(courier)
    await courier.fill()
    await rung.wait()
    await courier.fill()
    await bench.settled(State.DONE, Sink.TASKS)
    assert counting.sizes == [20, 10]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_in_whatever_order_revisions_come_the_newest_is_shown_in_the_end(
    bench: Bench, order: tuple[int, ...]
) -> None:
    revisions = (
        of(1),
        of(1, revision=2, status=Status.UPDATED, rating=2),
        of(1, revision=3, status=Status.UPDATED, feedback="It works now."),
    )
    bench.start()
    for number in order:
        await bench.record(revisions[number])
        await bench.record(revisions[number])
    await bench.settled(State.DONE)
    (shown,) = bench.slack.messages()
    assert "It works now." in str(shown.blocks)
