"""What do many customers, and many ratings of one customer, cost?"""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import click

from bench import machine, one_customer, report
from bench.broker import Broker
from bench.catch_up import Run, caught_up
from bench.engines import CSATWATCH
from bench.feed import PARTITIONS, Filled, filled
from bench.process import Running, prepared

_CUSTOMERS = """Throughput with few and with many customers, each of whom has at least one rating. Memory is what
the detector holds after the feed beyond what it holds without one, disk its state directory, both divided by the
customers."""
_RECOVERY = """The detector is killed with SIGKILL after that, its state directory is deleted, and it starts again: the
time to read every customer's state back from the changelog."""
_WITHIN = 300.0  # seconds
_EVENT = '"event": "state restored"'


def measure(broker: Broker, *, events: int, few: int, many: int, updates: int) -> str:
    """The section for docs/benchmarks.md. `events` must be at least as many as the customers."""
    idle = _idle(broker)
    with filled(broker, few, events, each_first=True) as feed, caught_up(CSATWATCH, broker, feed) as (job, _, run):
        rows = [_row(feed, run, idle, _bytes(job.state / "state"))]
    with (
        filled(broker, many, events, each_first=True) as feed,
        caught_up(CSATWATCH, broker, feed) as (
            job,
            running,
            run,
        ),
    ):
        rows.append(_row(feed, run, idle, _bytes(job.state / "state")))
        running.kill()
        shutil.rmtree(job.state / "state")
        with Running(CSATWATCH, job) as again:
            restored = _restored(again)
            memory = again.usage().resident
    records, seconds = int(restored["records"]), float(restored["seconds"])
    recovery = {
        "customers": f"{many:,}",
        "records": f"{records:,}",
        "seconds": f"{seconds:.1f}",
        "records/s": f"{records / seconds:,.0f}",
        "RSS MB after it": f"{memory / (1 << 20):,.0f}",
    }
    tables = [report.table(rows), _RECOVERY, report.table([recovery]), one_customer.ABOUT, one_customer.table(updates)]
    about = f"{_CUSTOMERS} {events:,} events on {PARTITIONS} partitions."
    return report.section("Scale", about, tables, machine.versions())


def _idle(broker: Broker) -> int:
    """Resident bytes of a detector that has seen no event."""
    with filled(broker, 1, 0) as feed, prepared(CSATWATCH, broker, feed.topic) as job, Running(CSATWATCH, job) as idle:
        _restored(idle)
        return idle.usage().resident


def _row(feed: Filled, run: Run, idle: int, disk: int) -> dict[str, str]:
    row = {
        "customers": f"{feed.customers:,}",
        "events/s": f"{feed.events / run.seconds:,.0f}",
        "CPU s": f"{run.usage.cpu:.1f}",
        "peak RSS MB": f"{run.usage.peak / (1 << 20):,.0f}",
        "memory bytes a customer": f"{(run.usage.resident - idle) / feed.customers:,.0f}",
        "disk bytes a customer": f"{disk / feed.customers:,.0f}",
    }
    click.echo(", ".join(f"{name}: {value}" for name, value in row.items()))
    return row


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
