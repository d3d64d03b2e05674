"""Detectors of two releases beside each other: one is replaced by the other, a worker at a time, and back again."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from streams.topology import ALERTS
from tests.chaos import verdict
from tests.chaos.feed import Feed
from tests.chaos.site import Site, customers_of
from tests.chaos.workers import Worker
from tests.servers.kafka import KafkaServer
from tests.servers.topics import committed, end_offsets
from tests.servers.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_EVENTS, _EVERY = 24_000, 0.25


def release(name: str, old: str | None) -> tuple[str, ...]:
    """The program: where `old` is a checkout, that one for `before` and this one for `after`."""
    if old is None:
        return (sys.executable, "-m", "tests.chaos.release", name)
    path = old if name == "before" else str(Path(__file__).parents[2])
    return ("/usr/bin/env", f"PYTHONPATH={path}", sys.executable, "-m", "agents.cli")


async def test_an_upgrade_and_its_rollback_lose_and_double_nothing(
    kafka: KafkaServer,
    tmp_path: Path,
    topic_prefix: str,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    old = pytestconfig.getoption("--old-release")
    site = Site(kafka, tmp_path, 4, topic_prefix)
    await site.create()
    records = iter(Feed(31, _EVENTS, customers=600, partitions=4, oversize=2))
    done = asyncio.Event()

    async def run(name: str, place: str) -> Worker:
        # In the place of the one that went: its state directory is what it left there.
        worker = site.worker(place, program=release(name, old))
        worker.start()
        await worker.process.ready(120)
        return worker

    async def feed() -> None:
        while not done.is_set() and (part := list(islice(records, 150))):
            await site.publish(producer, part)
            await asyncio.sleep(_EVERY)  # a feed goes on by the clock, not by what became of it

    async with site.producer() as producer:
        running = {place: await run("before", place) for place in ("left", "right")}
        feeding = asyncio.create_task(feed())
        written = [await formats(site)]
        for name in ("after", "before"):
            for place, worker in list(running.items()):
                await worker.leave()
                running[place] = await run(name, place)
                await read_on(site)
                written.append(await formats(site))
        done.set()
        await feeding
        await site.publish(producer, records)
        await site.caught_up(60)
        await asyncio.gather(*(w.leave() for w in running.values()))

    should = await verdict.expected(site)
    assert await verdict.alerts(site, should) == []
    assert verdict.reroutes(should) == []
    assert [w.wrong or w.errors for w in site.workers] == [{}] * len(site.workers)
    times = Counter(record.header("ce_id") for record in await site.read(ALERTS))
    record_property("alert records that came twice", sum(n - 1 for n in times.values()))
    # Each was asked to go, and wrote what it had in hand before it went.
    assert set(times.values()) == {1}
    if old is None:
        # Both formats were there at once, whoever ran.
        assert any({1, 2} <= each for each in written), written


async def read_on(site: Site) -> None:
    """Wait until all that is on the topic now is committed, though more comes meanwhile."""
    ends = await end_offsets(site.bootstrap, site.events)

    async def there() -> bool:
        read = await committed(site.bootstrap, site.group, site.events)
        return all(read.get(p, 0) >= end for p, end in ends.items())

    await until(there, what="what was there is read", within=90)


async def formats(site: Site) -> set[int]:
    """Of the heads on the changelog."""
    log = await site.read(site.changelog.removeprefix(site.prefix))
    return {
        msgspec.msgpack.decode(record.value)[0]
        for record in log
        if record.value is not None and list(customers_of([record.key or b""]))
    }
