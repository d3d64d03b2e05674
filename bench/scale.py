"""What do many customers, and many ratings of one customer, cost?"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import click

from bench import machine, one_customer, report
from bench.broker import Broker
from bench.catch_up import Run, caught_up
from bench.engines import CSATWATCH, Job
from bench.feed import PARTITIONS, Filled, filled
from bench.process import Running, Usage, prepared

_CUSTOMERS = """Throughput with few and with many customers, each of whom has at least one rating. Memory is what
the detector holds after the feed beyond what it holds without one, disk its state directory, both divided by the
customers. The two feeds take turns; each row is the run in the middle."""
_RECOVERY = """The detector is killed with SIGKILL after that, its state directory is deleted, and it starts again: the
time to read every customer's state back from the changelog."""
_WITHIN = 300.0  # seconds
_EVENT = '"event": "state restored"'


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run took: events a second, and bytes on disk after it."""

    rate: float
    usage: Usage
    disk: int


def measure(broker: Broker, *, events: int, few: int, many: int, updates: int, runs: int) -> str:
    """The section for docs/benchmarks.md. `events` must be at least as many as the customers."""
    idle = _idle(broker)
    taken: dict[int, list[Taken]] = {few: [], many: []}
    with filled(broker, few, events, each_first=True) as small, filled(broker, many, events, each_first=True) as large:
        for _ in range(runs):
            for feed in (small, large):
                with caught_up(CSATWATCH, broker, feed) as (job, running, run):
                    taken[feed.customers].append(_taken(feed, run, _bytes(job.state / "state")))
                    if feed is large and len(taken[many]) == runs:
                        recovery = _recovery(job, running, many)
    tables = [
        report.table(_rows(taken, idle)),
        _RECOVERY,
        report.table([recovery]),
        one_customer.ABOUT,
        one_customer.table(updates),
    ]
    about = f"{_CUSTOMERS} {events:,} events on {PARTITIONS} partitions, {runs} {'runs' if runs > 1 else 'run'} each."
    return report.section("Scale", about, tables, machine.versions())


def _recovery(job: Job, running: Running, customers: int) -> dict[str, str]:
    running.kill()
    shutil.rmtree(job.state / "state")
    with Running(CSATWATCH, job) as again:
        restored = _restored(again)
        memory = again.usage().resident
    records, seconds = int(restored["records"]), float(restored["seconds"])
    return {
        "customers": f"{customers:,}",
        "records": f"{records:,}",
        "seconds": f"{seconds:.1f}",
        "records/s": f"{records / seconds:,.0f}",
        "RSS MB after it": f"{memory / (1 << 20):,.0f}",
    }


def _idle(broker: Broker) -> int:
    """Resident bytes of a detector that has seen no event."""
    with filled(broker, 1, 0) as feed, prepared(CSATWATCH, broker, feed.topic) as job, Running(CSATWATCH, job) as idle:
        _restored(idle)
        return idle.usage().resident


def _taken(feed: Filled, run: Run, disk: int) -> Taken:
    taken = Taken(feed.events / run.seconds, run.usage, disk)
    click.echo(f"{feed.customers:,} customers: {taken.rate:,.0f} events/s, {run.usage.peak >> 20:,} MB at the most")
    return taken


def _rows(taken: Mapping[int, Sequence[Taken]], idle: int) -> list[dict[str, str]]:
    """A row for each number of customers: the run in the middle by its rate, and that as a share of the first."""
    rows, first = [], 0.0
    for customers, runs in taken.items():
        by_rate = sorted(runs, key=attrgetter("rate"))
        usual = by_rate[len(by_rate) // 2]
        first = first or usual.rate
        rows.append(
            {
                "customers": f"{customers:,}",
                "events/s": f"{usual.rate:,.0f}",
                "least": f"{by_rate[0].rate:,.0f}",
                "most": f"{by_rate[-1].rate:,.0f}",
                "share": f"{usual.rate / first:.0%}",
                "CPU s": f"{usual.usage.cpu:.1f}",
                "peak RSS MB": f"{usual.usage.peak / (1 << 20):,.0f}",
                "memory bytes a customer": f"{(usual.usage.resident - idle) / customers:,.0f}",
                "disk bytes a customer": f"{usual.disk / customers:,.0f}",
            }
        )
    return rows


def _restored(running: Running) -> Mapping[str, str]:
    """What the detector logs when it has its state; after a kill its log goes on, and the last such line counts."""
    restarts = running.log.count(_EVENT)
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline and not running.ended():
        lines = [line for line in running.log.splitlines() if _EVENT in line]
        if len(lines) > restarts:
            return dict(json.loads(lines[-1]))
        time.sleep(0.2)
    message = f"no state within {_WITHIN:g} s: {running.log[-2000:]}"
    raise RuntimeError(message)


def _bytes(directory: Path) -> int:
    """On disk, in all files below."""
    return sum(each.stat().st_blocks * 512 for each in directory.rglob("*") if each.is_file())
