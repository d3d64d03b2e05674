"""Several detectors share the partitions, and one that goes is replaced."""

import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.detector.conftest import PARTITIONS, Installation, expected, feed
from tests.servers.processes import csatwatch

ONE = "without transactions there is one worker"


async def test_two_detectors_share_a_published_file(installation: Installation, tmp_path: Path) -> None:
    if not installation.broker.transactions:
        pytest.skip(ONE)
    events = feed(7, 10_000, customers=500)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    async with installation.detector() as first, installation.detector() as second:
        done = await csatwatch("publish", str(file), settings=installation.settings, directory=tmp_path)
        assert done.code == 0, done.stderr
        await installation.processed()
        logs = first.log + second.log
    assert "slot-0" in logs
    assert "slot-1" in logs
    assert await installation.statuses() == expected(events)


async def test_a_killed_detector_is_replaced(installation: Installation) -> None:
    if not installation.broker.transactions:
        pytest.skip(ONE)
    events = feed(8, 2_000, customers=100)
    async with installation.detector() as stays:
        goes = installation.detector().start()
        await goes.ready()
        await installation.publish(events[:1000])
        goes.kill()
        await installation.publish(events[1000:])
        await installation.processed()
        assert stays.returncode is None
    assert await installation.statuses() == expected(events)


async def test_a_detector_without_a_partition_stands_by(installation: Installation) -> None:
    if not installation.broker.transactions:
        pytest.skip(ONE)
    events = feed(9, 500, customers=50)
    async with AsyncExitStack() as stack:
        detectors = [await stack.enter_async_context(installation.detector()) for _ in range(PARTITIONS + 1)]
        await installation.publish(events)
        await installation.processed()
        assert [each.log for each in detectors if each.returncode is not None] == []
    assert await installation.statuses() == expected(events)
