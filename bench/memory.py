"""Does the memory stay flat?"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from bench import machine, report
from bench.broker import Broker
from bench.engines import CSATWATCH
from bench.feed import PARTITIONS, draw, producer
from bench.live import Live
from bench.process import Running, prepared
from schemas.policy import load_policy
from streams.topology import EVENTS

ABOUT = """The detector's resident memory under a live feed. The events' own time runs fast, so that each customer has
about as many ratings in the window all the time: what grows then is a leak."""

_RATINGS = 20  # of a customer, in the window
_ROWS = 12


def measure(broker: Broker, *, minutes: float, rate: int, customers: int) -> str:
    """The section for docs/benchmarks.md."""
    seconds = minutes * 60
    step = load_policy(None).window / (customers * _RATINGS)
    start = datetime.now(UTC) - step * int(rate * seconds * 1.1)
    prefix = f"live{time.time_ns():x}-"
    feed = prefix + EVENTS
    broker.create(feed, PARTITIONS)
    rows = []
    try:
        with prepared(CSATWATCH, broker, feed) as job, Running(CSATWATCH, job) as running:
            sent = draw(customers, lambda i: start + i * step)
            began = time.monotonic()
            with Live(producer(broker.bootstrap, linger_ms=5), feed, sent, rate, lambda _: None) as live:
                for n in range(1, _ROWS + 1):
                    time.sleep(max(began + n * seconds / _ROWS - time.monotonic(), 0))
                    if running.ended():
                        message = f"csatwatch ended: {running.log[-2000:]}"
                        raise RuntimeError(message)
                    ends = broker.ends(feed)
                    done = sum(max(each, 0) for each in broker.committed(CSATWATCH.group(job), feed, ends).values())
                    rows.append((n * minutes / _ROWS, running.usage().resident / (1 << 20), done))
                    click.echo(f"{rows[-1][0]:.1f} min: {rows[-1][1]:.0f} MB, {live.count:,} sent, {done:,} committed")
    finally:
        broker.delete(prefix)
    about = (
        f"{ABOUT} {rate:,} events/s of {customers:,} customers on {PARTITIONS} partitions, {_RATINGS} ratings of each "
        f"in the window.\n\n{_growth(rows)}"
    )
    shown = [
        {"minutes": f"{at:.1f}", "RSS MB": f"{megabytes:.0f}", "events handled": f"{done:,}"}
        for at, megabytes, done in rows
    ]
    return report.section("Memory", about, [report.table(shown)], machine.versions())


def _growth(rows: Sequence[tuple[float, float, int]]) -> str:
    (at, before, _), (end, after, _) = rows[len(rows) // 2 - 1], rows[-1]
    return f"Over the second half: {(after - before) / (end - at):+.2f} MB a minute."
