"""A short run with a few faults, and what is counted when there are none. `make chaos` is the long one."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos import verdict
from tests.chaos.feed import Feed
from tests.chaos.run import Plan, run
from tests.chaos.site import Site
from tests.servers.kafka import KafkaServer
from tests.servers.metrics import counted

_FAULTS = ("kill -9 at in-checkpoint", "broker killed", "frozen at in-checkpoint", "state corrupt")


@pytest.mark.timeout(420)
async def test_a_few_faults_lose_nothing(own_kafka: KafkaServer, tmp_path: Path) -> None:
    report = await run(Plan(7, _FAULTS, events=15_000, customers=300, oversize=2), tmp_path / "run", own_kafka)
    assert not report.violations, "\n".join(report.lines())


@pytest.mark.timeout(300)
async def test_every_record_is_accounted_for(kafka: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    site = Site(kafka, tmp_path, partitions=8, prefix=topic_prefix)
    await site.create()
    workers = [site.worker(f"w{i}") for i in range(3)]
    try:
        for worker in workers:
            worker.start()
        await asyncio.gather(*(w.process.ready() for w in workers))
        async with site.producer() as producer:
            await site.publish(producer, Feed(8, 8_000, customers=200, partitions=8, oversize=1))
        await site.caught_up(60)
        await site.caught_up(60)  # what was rerouted is behind the first end
        counts = sum([await counted(w.process) for w in workers], Counter[str]())
    finally:
        await asyncio.gather(*(w.leave() for w in workers))
    should = await verdict.expected(site)
    assert sum(counts.values()) == should.records
    assert counts["dead_letter"] == len(should.poison) > 0
    assert counts["rerouted"] == len(should.astray) > 0
    assert counts["replayed"] == 0
    assert counts["duplicate"] > 0
    assert counts["late"] > 0
