"""A topic that was deleted and made again is noticed, and its windows can be kept."""

import pytest

from streams.topology import EVENTS
from tests.integration.detector.conftest import PARTITIONS, Installation, expected, feed
from tests.servers.processes import csatwatch
from tests.servers.topics import create_topics, delete_topics


@pytest.mark.both_brokers
async def test_a_recreated_topic_stops_the_detector_until_a_new_epoch(installation: Installation) -> None:
    if not installation.broker.transactions:
        pytest.skip("the embedded broker's topics end with it")
    events = feed(9, 600)
    settings, directory = installation.settings, installation.directory
    await installation.publish(events[:300])
    detector = installation.detector()
    async with detector:
        await installation.processed()
        busy = await csatwatch("state", "new-epoch", settings=settings, directory=directory)
        assert busy.code == 1
        assert "has members" in busy.stderr

    topic = installation.prefix + EVENTS
    await delete_topics(installation.broker.bootstrap, [topic])
    await create_topics(installation.broker.bootstrap, {topic: PARTITIONS}, {"message.timestamp.type": "LogAppendTime"})
    await installation.publish(events[300:])
    detector.start()
    assert await detector.ended() == 1
    assert "was deleted and made again" in detector.log
    assert "csatwatch state new-epoch" in detector.log

    begun = await csatwatch("state", "new-epoch", settings=settings, directory=directory)
    assert (begun.code, begun.stdout) == (0, "4 partitions begin epoch 1: start the detectors again\n")
    async with detector:
        await installation.processed()
    assert await installation.statuses() == expected(events)
