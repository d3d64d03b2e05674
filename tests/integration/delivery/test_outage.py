"""Slack is away for an hour: nothing is lost, and the backlog goes out by severity, within the rate limit.

The hour passes for the couriers and for the ledger; what Slack allows, one message a second into a channel, is held
against the clock on the wall. tests/chaos/test_outage.py is the same with whole processes.
"""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import aiohttp
import asyncpg
import pytest

from schemas.alert import Alert, Severity
from schemas.customer import Person
from schemas.delivery import Sink, State
from tests.alerts import CUSTOMER, alert
from tests.integration.delivery.stand import PEOPLE, TIMEOUT, Bench
from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_faults import Fault, Kind
from tests.servers.wait import until

EACH = 5  # alerts a person, on as many customers
MINUTES = 60
METHODS = ("chat.postMessage", "conversations.history", "conversations.open", "users.lookupByEmail")
RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    """One that insists on its pace."""
    with FakeSlack(PEOPLE, seconds_a_message=1.0) as slack:
        yield slack


@pytest.fixture
async def bench(pool: asyncpg.Pool, workspace: FakeSlack) -> AsyncIterator[Bench]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        made = Bench(pool, workspace, session)
        yield made
        await made.stop()


def _alerts() -> list[Alert]:
    drawn = random.Random(3)  # noqa: S311 (repeatable, not secret)
    found = []
    for number, email in enumerate(list(PEOPLE) * EACH):
        customer = f"{number:08}-0000-4000-8000-000000000000"
        account = CUSTOMER.model_copy(update={"csm": Person(name=email, email=email), "customer_id": customer})
        made = alert(response=f"r{number}", customer=account, severity=drawn.choice(list(Severity)))
        found.append(made.model_copy(update={"customer_id": customer}))
    return found


async def test_an_hour_without_slack_loses_nothing_and_ends_by_severity(bench: Bench, workspace: FakeSlack) -> None:
    alerts = _alerts()
    for method in METHODS:
        workspace.faults.always(method, Fault(Kind.SERVER_ERROR))
    await bench.record(*alerts[: len(alerts) // 2])
    for _ in range(2):
        bench.start(lease=2.0 * 61 * MINUTES)
    bench.start(name=Sink.TASKS)
    await _is_away(bench)
    before = len(workspace.calls())
    for minute in range(MINUTES):
        tried = len(workspace.calls())
        await bench.let_pass(61.0)
        await _asked_again(bench, workspace, tried)
        if minute == MINUTES // 2:
            await bench.record(*alerts[len(alerts) // 2 :])
    # Two steps at a time, of each worker, once a minute: Slack is not beaten while it is down.
    assert len(workspace.calls()) - before <= 2 * 2 * 2 * MINUTES
    # Meanwhile nothing else waited, and nothing was given up.
    await bench.settled(State.DONE, Sink.TASKS)
    assert await _states(bench) == {"due": len(alerts)}
    assert workspace.messages() == []

    back = len(workspace.calls())
    workspace.faults.clear()
    await bench.let_pass(61.0)
    await bench.settled(State.DONE)
    ranks = {str(each.alert_id): RANKS[each.severity] for each in alerts}
    shown = [each.metadata["event_payload"]["alert_id"] for each in workspace.messages() if each.metadata]
    assert sorted(shown) == sorted(ranks)
    by_channel: dict[str, list[int]] = defaultdict(list)
    for message, alert_id in zip(workspace.messages(), shown, strict=True):
        by_channel[message.channel].append(ranks[alert_id])
    # The two that find out that it is back may be of any severity that was due then: the first of two channels.
    late = [ranked for ranked in by_channel.values() if ranked[1:] != sorted(ranked[1:])]
    assert late == []
    assert sum(ranked != sorted(ranked) for ranked in by_channel.values()) <= 2 * 2
    # Nobody was asked to slow down.
    assert [call.outcome for call in workspace.calls()[back:] if call.outcome != "ok"] == []


async def _asked_again(bench: Bench, workspace: FakeSlack, calls: int) -> None:
    """Somebody looks whether Slack is back. What was on its way when the minute passed waits for one of its own."""
    for _ in range(9):
        with suppress(AssertionError):
            await until(lambda: len(workspace.calls()) > calls, what="somebody looks whether Slack is back", within=3.0)
            return
        await bench.let_pass(61.0)
    pytest.fail("nobody looks whether Slack is back")


async def _is_away(bench: Bench) -> None:
    async def seen() -> bool:
        return bool(await bench.pool.fetchval("select count(*) from deliveries where held like 'away%'"))

    await until(seen, what="Slack counts as away")


async def _states(bench: Bench) -> dict[str, int]:
    async def unclaimed() -> dict[str, int]:
        rows = await bench.pool.fetch(
            "select state, count(*) as steps from deliveries where sink = 'slack' group by state"
        )
        found = {row["state"]: row["steps"] for row in rows}
        return found if "claimed" not in found else {}

    return await until(unclaimed, what="nothing is under way")
