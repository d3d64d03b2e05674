"""More partitions: events stay in their order, customers keep their state, and whatever cuts it off, it goes on."""

from collections import Counter, defaultdict

import pytest

from streams.partition import partition_of
from streams.topology import ALERTS, EVENTS, TRENDS, changelog
from tests.chaos.site import customers_of
from tests.integration.detector.conftest import PARTITIONS, Installation, expected, feed
from tests.servers.processes import Finished, csatwatch
from tests.servers.topics import Stored, create_topics, delete_topics, end_offsets, grow_topic

MORE = 7
KAFKA = pytest.mark.parametrize("broker", ["kafka"], indirect=True)


async def grow(installation: Installation, *options: str, failpoint: str | None = None) -> Finished:
    armed = {} if failpoint is None else {"FAILPOINT": failpoint, "FAILPOINTS_ALLOWED": "yes"}
    return await csatwatch(
        *("topics", "grow", "--partitions", str(MORE), *options),
        settings=installation.settings | armed,
        directory=installation.directory,
    )


def at_home(records: list[Stored]) -> None:
    """Every customer's last value is on one partition, the one for so many partitions."""
    last = {(r.partition, r.key or b""): r.value for r in records}
    places = defaultdict(list)
    for (partition, key), value in last.items():
        for customer in customers_of([key]):
            if value is not None:
                places[customer].append(partition)
    assert places
    assert {c: [partition_of(c, MORE)] for c in places} == places


@pytest.mark.slow  # a minute
@KAFKA
async def test_partitions_grow_though_killed_twice_and_no_alert_is_missing_or_doubled(
    installation: Installation,
) -> None:
    events = feed(11, 3_000, customers=120)
    log = changelog(installation.settings["CSATWATCH_APP_ID"])
    await installation.publish(events[:1_500])
    async with installation.detector(), installation.detector():
        await installation.processed()
        refused = await grow(installation)
        assert (refused.code, refused.stdout) == (1, "")
        assert "has members: stop all detectors first" in refused.stderr

    await installation.publish(events[1_500:1_510])
    refused = await grow(installation)
    assert refused.code == 1
    assert "10 events are not read: start the detectors until they are" in refused.stderr
    assert set(await end_offsets(installation.broker.bootstrap, installation.prefix + log)) == set(range(PARTITIONS))
    async with installation.detector():
        await installation.processed()

    detector = installation.detector()
    # The second time: the first partition's customers have moved, others' are on their way.
    for failpoint in ("moving-states:2", "states-moved"):
        assert (await grow(installation, failpoint=failpoint)).code == -9
        assert await detector.start().ended() == 2
        assert "csatwatch topics grow" in detector.log
    grown = await grow(installation)
    assert grown.code == 0, grown.stderr
    assert grown.stdout.endswith(f"done: set CSATWATCH_PARTITIONS={MORE} and start the detectors\n")
    again = await grow(installation)
    assert (again.code, again.stdout) == (
        0,
        f"{installation.prefix}csat-events: {MORE} partitions already, and the state with them\n",
    )
    at_home(await installation.read(log))
    at_home(await installation.read(TRENDS))

    await installation.publish(events[1_510:], partitions=MORE)
    async with installation.detector(), installation.detector():
        await installation.processed()
    assert await installation.statuses() == expected(events)
    alerts = await installation.read(ALERTS)
    assert set(Counter(r.header("ce_id") for r in alerts).values()) == {1}
    at_home(await installation.read(log))


@KAFKA
@pytest.mark.slow
async def test_events_that_an_old_producer_sends_meanwhile_are_sent_on(installation: Installation) -> None:
    # Each customer answers once, so that it does not matter who comes first.
    events = [e | {"customer_id": f"{i:08}-0000-4000-8000-000000000000"} for i, e in enumerate(feed(12, 400))]
    await installation.publish(events[:100])
    async with installation.detector():
        await installation.processed()
    await installation.publish(events[100:200])
    grown = await grow(installation, "--while-events-come")
    assert grown.code == 0, grown.stderr
    await installation.publish(events[200:300])  # it has not heard of it
    await installation.publish(events[300:], partitions=MORE)
    async with installation.detector():
        await installation.processed()
        await installation.processed()  # what was sent on is behind the first end
    assert await installation.statuses() == expected(events)


@KAFKA
@pytest.mark.slow
async def test_topics_that_were_grown_by_hand_stop_the_detector_until_the_state_is_too(
    installation: Installation,
) -> None:
    events = feed(13, 600)
    bootstrap, log = installation.broker.bootstrap, changelog(installation.settings["CSATWATCH_APP_ID"])
    await installation.publish(events[:300])
    detector = installation.detector().start()
    await detector.ready()
    await installation.processed()
    for topic in (ALERTS, TRENDS, log, EVENTS):
        await grow_topic(bootstrap, installation.prefix + topic, MORE)
    assert await detector.ended(within=60) == 1  # it looks at the number of partitions every ten seconds
    assert "csatwatch topics grow" in detector.log
    assert await detector.start().ended() == 1
    assert f"was written for {PARTITIONS}: stop all detectors and run `csatwatch topics grow" in detector.log

    grown = await grow(installation)
    assert grown.code == 0, grown.stderr
    await installation.publish(events[300:], partitions=MORE)
    async with installation.detector():
        await installation.processed()
    assert await installation.statuses() == expected(events)


@KAFKA
@pytest.mark.slow
async def test_growing_after_a_new_epoch_keeps_what_was_read_since(installation: Installation) -> None:
    events = feed(14, 600)
    topic = installation.prefix + EVENTS
    await installation.publish(events[:300])
    async with installation.detector():
        await installation.processed()
    await delete_topics(installation.broker.bootstrap, [topic])
    await create_topics(installation.broker.bootstrap, {topic: PARTITIONS}, {"message.timestamp.type": "LogAppendTime"})
    begun = await csatwatch("state", "new-epoch", settings=installation.settings, directory=installation.directory)
    assert begun.code == 0, begun.stderr
    await installation.publish(events[300:400])
    async with installation.detector():
        await installation.processed()
    grown = await grow(installation)
    assert grown.code == 0, grown.stderr
    await installation.publish(events[400:], partitions=MORE)
    async with installation.detector():
        await installation.processed()
    assert await installation.statuses() == expected(events)


async def test_what_cannot_grow_is_told(installation: Installation) -> None:
    if not installation.broker.transactions:
        refused = await grow(installation)
        assert refused.code == 1
        assert "state can be moved by transactions only" in refused.stderr
        return
    fewer = await csatwatch(
        *("topics", "grow", "--partitions", "3"), settings=installation.settings, directory=installation.directory
    )
    assert fewer.code == 2
    assert "--partitions is 3 and" in fewer.stderr
    assert "Kafka takes none away; give 4 or more" in fewer.stderr
    other = installation.settings | {"CSATWATCH_APP_ID": f"{installation.prefix}other"}
    missing = await csatwatch(
        *("topics", "grow", "--partitions", "5"), settings=other, directory=installation.directory
    )
    assert missing.code == 1
    assert "is not there: run `csatwatch topics create`" in missing.stderr


@KAFKA
async def test_what_differs_is_said_with_what_to_do(installation: Installation) -> None:
    await grow_topic(installation.broker.bootstrap, installation.prefix + ALERTS, PARTITIONS + 1)
    settings = installation.settings | {"CSATWATCH_PARTITIONS": "6"}
    said = await csatwatch("topics", "create", settings=settings, directory=installation.directory)
    assert said.code == 1
    name = installation.prefix
    assert f"{name}csat-events: differs, 4 partitions\n" in said.stdout
    assert "wanted 6: set CSATWATCH_PARTITIONS=4, or run `csatwatch topics grow --partitions 6`" in said.stdout
    assert "partitions: 4, wanted 6: any number will do, nothing needs to be done" in said.stdout
    assert (
        f"{name}csat-events has 4 partitions, and the detector cannot start unless these have as many: " in said.stderr
    )
    assert f"{name}alerts 5: run `csatwatch topics grow --partitions 5`" in said.stderr
