"""One run: workers, events and faults together, then the verdict."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

from aiokafka import AIOKafkaProducer

from tests.chaos import verdict
from tests.chaos.faults import FAULTS, PATIENT, Scene
from tests.chaos.feed import Feed
from tests.chaos.site import SESSION, Site
from tests.chaos.watch import Watch
from tests.servers.kafka import KafkaServer
from tests.servers.topics import Record
from tests.servers.wait import until

_SLICES, _EVERY = 200, 0.25  # of what a fault's share of the records still has, such a part each so many seconds
_HEALED = 60.0  # seconds from the last fault to no lag


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of; `faults` by name, in order."""

    seed: int
    faults: Sequence[str]
    events: int = 200_000
    customers: int = 2_500
    workers: int = 3
    partitions: int = 8
    oversize: int = 8
    outage: float = SESSION + 5
    program: Sequence[str] | None = None
    """Stands in for `csatwatch`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of every process, beyond where things are."""


@dataclass
class Row:
    """One fault and what came of it."""

    fault: str
    seconds: float
    result: str = "done"


@dataclass
class Report:
    """How it went. Nothing in `violations`: all held."""

    plan: Plan
    rows: list[Row] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    ends: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    figures: dict[str, float] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """A table of faults and results, and what it ended with."""
        for row in self.rows:
            yield f"{row.seconds:7.1f} s  {row.fault:32} {row.result}"
        yield ""
        for name, value in self.figures.items():
            yield f"{name:44} {value:g}"
        yield f"{'workers ended':44} {_counted(self.ends)}"
        yield f"{'of themselves, because of':44} {_counted(self.errors)}"
        yield ""
        yield f"seed {self.plan.seed}: " + ("all invariants hold" if not self.violations else "VIOLATED")
        yield from self.violations


def any_faults(seed: int, rounds: int) -> list[str]:
    """Each fault once, then any, up to `rounds`, in an order that `seed` decides."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    names = list(FAULTS)
    chosen = random.sample(names, min(rounds, len(names)))
    return chosen + random.choices(names, k=rounds - len(chosen))


async def run(plan: Plan, directory: Path, server: KafkaServer, say: Callable[[str], None] = lambda _: None) -> Report:
    """Run `plan` on a broker of its own that is up."""
    report = Report(plan)
    directory.mkdir(parents=True, exist_ok=True)
    site = Site(server, directory, plan.partitions, more=plan.settings)
    await site.create()
    random = Random(plan.seed)  # noqa: S311 (reproducible, not secret)
    feed = Feed(plan.seed, plan.events, customers=plan.customers, partitions=plan.partitions, oversize=plan.oversize)
    watch = Watch(site)
    scene = Scene(site, watch, random, plan.outage)
    for i in range(plan.workers):
        site.worker(f"worker-{i}", program=plan.program).start()
    started = time.monotonic()
    try:
        async with site.producer() as producer, watch.running():
            await asyncio.gather(*(w.process.ready(PATIENT) for w in site.workers))
            await _faults(plan, scene, report, producer, iter(feed), say)
            report.figures["events published"] = plan.events
            await _healed(site, report)
            await _judge(site, watch, report, producer, say)
    finally:
        await asyncio.gather(*(w.leave(kill=True) for w in site.workers))
    report.figures["seconds"] = round(time.monotonic() - started, 1)
    for worker in site.workers:
        report.ends += worker.ends
        report.errors += worker.errors
        report.violations += [f"{worker.name} ended with {code} ({n} times)" for code, n in worker.wrong.items()]
        report.violations += [f"{worker.name} ended of {name} ({n} times)" for name, n in worker.bugs.items()]
    return report


async def _faults(
    plan: Plan,
    scene: Scene,
    report: Report,
    producer: AIOKafkaProducer,
    records: Iterator[Record],
    say: Callable[[str], None],
) -> None:
    share = plan.events // (len(plan.faults) + 1)
    await scene.site.publish(producer, islice(records, share))
    for name in plan.faults:
        await until(lambda: bool(scene.running), what="a worker that is up")  # the last fault may have ended all
        began, done = time.monotonic(), asyncio.Event()
        publishing = asyncio.create_task(_publish(scene, producer, list(islice(records, share)), done))
        row = Row(name, 0)
        try:
            await FAULTS[name](scene)
        except AssertionError as error:
            row.result = str(error).splitlines()[0]
            report.violations.append(f"{name}: {row.result}")
        done.set()
        await publishing
        row.seconds = time.monotonic() - began
        report.rows.append(row)
        say(f"{row.seconds:7.1f} s  {name:32} {row.result}")
        await scene.pause(0, 4)
    await scene.site.publish(producer, records)


async def _publish(scene: Scene, producer: AIOKafkaProducer, records: list[Record], done: asyncio.Event) -> None:
    # Less and less while the fault lasts, so that it never runs dry: what waits for a batch or a checkpoint gets one.
    # The rest at once when it is over.
    while records:
        size = len(records) if done.is_set() else max(1, len(records) // _SLICES)
        await scene.site.publish(producer, records[:size])
        del records[:size]
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _EVERY)


async def _healed(site: Site, report: Report) -> None:
    began = time.monotonic()
    try:
        await site.caught_up(_HEALED)
    except AssertionError:
        report.violations.append(f"lag: {await site.lag()} records by partition are left after {_HEALED:g} s")
        for worker in site.workers:
            report.violations.append(f"{worker.name} runs: {worker.running}")
    report.figures["seconds from the last fault to no lag"] = round(time.monotonic() - began, 1)


async def _judge(
    site: Site, watch: Watch, report: Report, producer: AIOKafkaProducer, say: Callable[[str], None]
) -> None:
    say("asking the oracle")
    should = await verdict.expected(site)
    report.figures["records on the topic"] = should.records
    report.figures["alerts expected"] = len(should.statuses)
    report.figures["alert records published"] = len(await site.read("alerts"))
    report.figures["poison"] = len(should.poison)
    report.violations += await verdict.alerts(site, should)
    report.violations += await verdict.state(site, should)
    report.violations += await verdict.dead_letters(site, should)
    report.violations += verdict.reroutes(should)
    await asyncio.gather(*(w.leave() for w in site.workers))
    damage = "state corrupt" in report.plan.faults
    report.violations += await verdict.local_state(site, (w.state for w in site.workers), damage=damage)
    say("a new worker with nothing on its disk")
    await _fresh(site, report)
    report.figures["looks at the commits"] = watch.looks
    report.violations += [f"commits: {each}" for each in watch.found[:10]]


async def _fresh(site: Site, report: Report) -> None:
    worker = site.worker("fresh", program=report.plan.program)
    worker.start()
    try:
        await worker.process.ready(PATIENT)
    finally:
        await worker.leave()
    report.violations += [f"restored: {each}" for each in await verdict.local_state(site, [worker.state])]


def _counted(found: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{name} {n} times" for name, n in found.most_common()) or "none"
