"""Each protection is needed: with it taken out, what otherwise holds does not."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.chaos import verdict
from tests.chaos.feed import Feed
from tests.chaos.site import SESSION, Site
from tests.chaos.watch import Watch
from tests.chaos.workers import Worker
from tests.servers.kafka import KafkaServer
from tests.servers.metrics import counted
from tests.servers.topics import Record
from tests.servers.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Halves = tuple[Sequence[Record], Sequence[Record]]


class Stage:
    """Two partitions, and two halves of a feed.

    Attributes:
        found: what does not hold, beyond what the verdict sees.
    """

    def __init__(self, site: Site, watch: Watch, producer: AIOKafkaProducer, program: Sequence[str]) -> None:
        self.site = site
        self.watch = watch
        self.program = program
        self.found: list[str] = []
        self._producer = producer
        records = [r for r in Feed(1, 1600, customers=12, partitions=2, oversize=0) if r.value]
        self._halves = [records[:800], records[800:]]

    def worker(self, name: str) -> Worker:
        return self.site.worker(name, program=self.program)

    async def publish(self) -> None:
        """The next half."""
        await self.site.publish(self._producer, self._halves.pop(0))

    async def trickle(self) -> None:
        """The next half, so that it is fetched in many batches."""
        half = self._halves.pop(0)
        for first in range(0, len(half), 10):
            await self.site.publish(self._producer, half[first : first + 10])
            await asyncio.sleep(0.03)

    async def killed(self, worker: Worker) -> None:
        process = worker.process
        await until(lambda: process.returncode is not None, what="an end", within=60)


async def killed_at_local_put(stage: Stage) -> None:
    worker = stage.worker("w")
    await stage.publish()
    worker.start(failpoint="before-local-put:1:kill")
    await stage.killed(worker)
    await stage.publish()


async def killed_in_checkpoint(stage: Stage) -> None:
    worker = stage.worker("w")
    await stage.publish()
    worker.start(failpoint="in-checkpoint:1:kill")
    await stage.killed(worker)
    await stage.site.caught_up(60)
    if (await counted(worker.process))["replayed"]:
        stage.found.append("states were read of a checkpoint that never was")
    await stage.publish()


async def frozen_before_checkpoint(stage: Stage) -> None:
    worker, other = stage.worker("w"), stage.worker("other")
    await stage.publish()
    worker.start(failpoint="before-checkpoint:1:stop")
    await worker.stopped(60)
    other.start()
    await stage.publish()
    await stage.site.caught_up(SESSION + 60)
    worker.resume()
    # It writes, or is fenced and ends; a restoring later, it has its place in the group again.
    before = worker.log.count("state restored")
    await until(lambda: worker.log.count("state restored") > before, what="its return", within=60)


async def refused(stage: Stage) -> None:
    worker = stage.worker("w")
    await stage.publish()
    worker.start()
    await worker.process.ready()
    await stage.trickle()
    assert (worker.directory / "refused").exists(), "the trouble was never made"


async def joined(stage: Stage) -> None:
    worker = stage.worker("w")
    await stage.publish()
    worker.start()
    await stage.site.caught_up(60)
    before = worker.log.count("state restored")
    stage.worker("other").start()
    await until(lambda: worker.log.count("state restored") > before, what="another assignment", within=60)
    await stage.trickle()


async def started_and_trickled(stage: Stage) -> None:
    await stage.publish()
    worker = stage.worker("w")
    worker.start()
    await worker.process.ready()
    await stage.trickle()


async def offsets_set_back(stage: Stage) -> None:
    worker = stage.worker("w")
    await stage.publish()
    worker.start()
    await stage.site.caught_up(60)
    await worker.leave()
    async with stage.watch.offsets_reset():
        await stage.site.reset_offsets({0: 0, 1: 0})
    worker.start()
    await stage.site.caught_up(60)
    if not (await counted(worker.process))["replayed"]:
        stage.found.append("records that are in the state were taken again")


async def started_late(stage: Stage) -> None:
    await stage.publish()
    stage.worker("w").start()
    await stage.publish()


Act = Callable[[Stage], Awaitable[None]]
CASES: Sequence[tuple[Act, str, str]] = [
    # (what happens, trouble, the protection that is taken out)
    (killed_at_local_put, "", "alerts_later"),
    (killed_at_local_put, "", "offset_first"),
    (killed_in_checkpoint, "", "restore_uncommitted"),
    (frozen_before_checkpoint, "", "own_transactions"),
    (refused, "send_fails", "goes_on"),
    (refused, "send_fails", "keeps_spoiled"),
    (started_late, "drops_a_fetch", "seeks_as_stock"),
    (joined, "seeks_late", "flows_before_the_seek"),
    (started_and_trickled, "seeks_beside_a_fetch", "takes_it_beside_a_seek"),
    (joined, "comes_late", "takes_what_went"),
    (offsets_set_back, "", "takes_it_again"),
]


async def violations(kafka: KafkaServer, directory: Path, prefix: str, act: Act, mutations: str) -> list[str]:
    """What does not hold when `act` happens to a detector with `mutations`."""
    site = Site(kafka, directory, partitions=2, prefix=prefix)
    await site.create()
    watch, late = Watch(site), list[str]()
    program = (sys.executable, "-m", "tests.chaos.mutant", mutations)
    try:
        async with site.producer() as producer, watch.running():
            stage = Stage(site, watch, producer, program)
            await act(stage)
            try:
                await site.caught_up(60)
            except AssertionError as error:
                late.append(str(error))
            looks = watch.looks
            await until(lambda: watch.looks > looks + 1, what="a look at the commits")
    finally:
        await asyncio.gather(*(w.leave(kill=True) for w in site.workers))
    should = await verdict.expected(site)
    assert len(should.statuses) > 50
    return [
        *late,
        *stage.found,
        *await verdict.alerts(site, should),
        *await verdict.state(site, should),
        *await verdict.dead_letters(site, should),
        *watch.found,
        *(f"{w.name} ended of {name}" for w in site.workers for name in w.bugs),
    ]


@pytest.mark.parametrize(("act", "trouble"), sorted({(a, t) for a, t, _ in CASES}, key=str))
async def test_with_all_protections_it_holds(
    kafka: KafkaServer, tmp_path: Path, topic_prefix: str, act: Act, trouble: str
) -> None:
    assert await violations(kafka, tmp_path, topic_prefix, act, trouble) == []


@pytest.mark.parametrize(("act", "trouble", "mutation"), CASES)
async def test_without_it_does_not(
    kafka: KafkaServer, tmp_path: Path, topic_prefix: str, act: Act, trouble: str, mutation: str
) -> None:
    assert await violations(kafka, tmp_path, topic_prefix, act, f"{trouble},{mutation}")
