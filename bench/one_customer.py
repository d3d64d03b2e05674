"""What does an update of one customer cost, however long the history is? In this process, without Kafka."""

import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice

import click

from bench import report
from bench.feed import Sent, draw
from schemas.policy import load_policy
from streams.memory import MemoryStates
from streams.pipeline import Pipeline

ABOUT = """One rating of a customer who has so many in the window all the time, in one process without Kafka: decode,
fold, trend, and the alerts of one in ten. CPU time."""

_BATCH = 1_000
_SIZES = (10, 10_000, 100_000)
_NOW = datetime(9000, 1, 1, tzinfo=UTC)
_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Record:
    """A record of the event topic, which came when its event was given."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    timestamp_type: int = 1
    headers: Sequence[tuple[str, bytes]] = ()


def measure(updates: int) -> str:
    """The section for docs/benchmarks.md."""
    versions = {"csatwatch": version("csatwatch"), "Python": platform.python_version()}
    return report.section("One customer", ABOUT, [table(updates)], versions)


def table(updates: int) -> str:
    """What an update costs by the length of the history."""
    rows = []
    first = 0.0
    for ratings in _SIZES:
        cost = microseconds_per_update(ratings, updates)
        first = first or cost
        rows.append(
            {
                "ratings in the window": f"{ratings:,}",
                "µs an update": f"{cost:.1f}",
                f"against {_SIZES[0]}": f"{cost / first:.2f}",
            }
        )
        click.echo(f"{ratings:,} ratings: {cost:.1f} µs an update")
    return report.table(rows)


def microseconds_per_update(ratings: int, updates: int) -> float:
    """CPU time, the mean over `updates` ratings of a customer who has so many in the window all the time."""
    policy = load_policy(None)
    pipeline, states = Pipeline(policy, 1), MemoryStates()
    records = _records(policy.window / ratings)
    for _ in range(0, ratings, _BATCH):
        pipeline.process(list(islice(records, _BATCH)), 0, states, {}, _NOW)
    batches = [list(islice(records, _BATCH)) for _ in range(updates // _BATCH)]
    started = time.process_time()
    for batch in batches:
        pipeline.process(batch, 0, states, {}, _NOW)
    return (time.process_time() - started) / len(batches) / _BATCH * 1e6


def _records(step: timedelta) -> Iterator[Record]:
    sent: Iterator[Sent] = draw(1, lambda i: _START + i * step)
    for offset, each in enumerate(sent):
        at = _START + offset * step
        yield Record(offset, round(at.timestamp() * 1000), each.value)
