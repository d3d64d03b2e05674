"""The detector as a process: what it is given, what comes out, and what it keeps over its ends."""

import shutil
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from agents.detector import headers_of
from agents.transport.table import PartitionStore
from schemas.wire import decode_alert
from streams.topology import ALERTS, CUSTOMERS, TRENDS
from tests.integration.detector.conftest import TODAY, Installation, expected, feed
from tests.memory import ACME, answer
from tests.servers.metrics import counted
from tests.servers.topics import Record, produce
from tests.servers.wait import until

POISON = [b"{", b'{"event_type": "nothing"}', b'{"event_type": "support_csat_received", "rating": 9}']


@pytest.mark.both_brokers
async def test_alerts_are_the_oracles_and_every_record_is_accounted_for(installation: Installation) -> None:
    events = feed(1, 1000)
    await installation.publish([*events[:500], *POISON, *events[500:]])
    async with installation.detector() as detector:
        await installation.processed()
        assert await installation.statuses() == expected(events)
        counts = await counted(detector)
    assert sum(counts.values()) == len(events) + len(POISON)
    assert counts["dead_letter"] == len(POISON)
    assert counts["duplicate"] > 0
    letters = await installation.dead_letters()
    assert [x.value for x in letters] == POISON
    assert {x.header("csatwatch-error") for x in letters} == {b"not_json", b"unknown_type", b"invalid_field"}
    assert all(x.header("csatwatch-topic") == (installation.prefix + "csat-events").encode() for x in letters)


async def test_state_survives_a_clean_stop(installation: Installation) -> None:
    events = feed(2, 600)
    for part in (events[:300], events[300:]):
        await installation.publish(part)
        async with installation.detector():
            await installation.processed()
    assert await installation.statuses() == expected(events)


@pytest.mark.both_brokers
async def test_state_survives_a_kill_and_the_loss_of_its_directory(installation: Installation) -> None:
    events = feed(3, 600)
    await installation.publish(events[:300])
    async with installation.detector() as detector:
        await installation.processed()
        detector.kill()
        shutil.rmtree(installation.settings["CSATWATCH_STATE_DIR"])
        await installation.publish(events[300:])
        detector.start()
        await detector.ready()
        await installation.processed()
        assert "state restored" in detector.log
    assert await installation.statuses() == expected(events)


@pytest.mark.both_brokers
async def test_state_ahead_of_its_changelog_is_rebuilt(installation: Installation) -> None:
    events = feed(3, 600)
    await installation.publish(events[:300])
    async with installation.detector() as detector:
        await installation.processed()
    for directory in Path(installation.settings["CSATWATCH_STATE_DIR"]).glob("**/*.db"):
        database = Rdict(str(directory), options=Options(raw_mode=True))
        database.put(PartitionStore.offset_key, b"1000000")
        database.close()
    await installation.publish(events[300:])
    async with installation.detector() as detector:
        await installation.processed()
        assert "local state does not fit its changelog: it is rebuilt" in detector.log
    assert await installation.statuses() == expected(events)


async def test_the_same_feed_again_raises_nothing_new(installation: Installation) -> None:
    events = feed(4, 300)
    await installation.publish(events)
    async with installation.detector() as detector:
        await installation.processed()
        before = {(a.alert_id, a.revision) for a in await installation.alerts()}
        await installation.publish(events)
        await installation.processed()
        counts = await counted(detector)
    assert {(a.alert_id, a.revision) for a in await installation.alerts()} == before
    assert counts["duplicate"] + counts["late"] >= len(events)


async def test_an_alert_says_what_is_known_and_carries_cloudevents_headers(installation: Installation) -> None:
    await installation.publish([answer(1, TODAY, feedback="slow", ticket_subject="API errors", assignee="Robin")])
    async with installation.detector():
        await installation.processed()
        (record,) = await installation.read(ALERTS)
        (trend,) = await installation.read(TRENDS)
    (alert,) = await installation.alerts()
    assert record.key == ACME.encode()
    assert [(n, v) for n, v in record.headers] == headers_of(decode_alert(record.value or b""))
    assert (alert.rating, alert.feedback, alert.ticket.ticket_subject) == (1, "slow", "API errors")
    assert alert.ticket.assignee == "Robin"
    assert alert.context.tickets_30d == 1
    assert trend.key == ACME.encode()


async def test_an_account_that_comes_later_updates_the_open_alerts(installation: Installation) -> None:
    await installation.publish([answer(1, TODAY)])
    account = b'{"customer_id": "%s", "name": "Acme", "arr": 200000, "currency": "USD"}' % ACME.encode()
    customers = installation.prefix + CUSTOMERS
    async with installation.detector() as detector:
        await installation.processed()
        detector.kill()  # what waits for the account must be in the state, not in memory
        detector.start()
        await detector.ready()
        await produce(installation.broker.bootstrap, customers, [Record(value=account, key=ACME.encode())])

        async def updated() -> bool:
            return len(await installation.alerts()) == 2

        await until(updated, what="a second revision")
    first, second = await installation.alerts()
    assert (first.customer, first.severity, first.status) == (None, "high", "firing")
    assert second.customer is not None
    assert (second.customer.name, second.severity, second.status) == ("Acme", "critical", "updated")
    assert (second.alert_id, second.revision) == (first.alert_id, 2)


async def test_an_account_that_came_while_no_detector_ran_updates_them_too(installation: Installation) -> None:
    await installation.publish([answer(1, TODAY)])
    async with installation.detector():
        await installation.processed()
    account = b'{"customer_id": "%s", "name": "Acme"}' % ACME.encode()
    customers = installation.prefix + CUSTOMERS
    await produce(installation.broker.bootstrap, customers, [Record(value=account, key=ACME.encode())])
    async with installation.detector():

        async def updated() -> bool:
            return [a.revision for a in await installation.alerts()] == [1, 2]

        await until(updated, what="a second revision")
