"""How fast does an engine work through a feed that is there already?"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from bench.broker import Broker
from bench.engines import Engine, Job
from bench.feed import Filled
from bench.process import Running, Usage, prepared

_PAUSE = 0.05  # seconds between two looks
_WITHIN = 1800.0  # seconds


class Alert(msgspec.Struct):
    """What every engine's alerts have."""

    alert_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one engine did with a feed.

    Attributes:
        seconds: from the first alert on the broker to the committed end of the feed, so without the start.
        alerts: different ones.
        digest: of their ids and kinds; the peers' must be equal.
    """

    seconds: float
    usage: Usage
    alerts: int
    digest: str


def catch_up(engine: Engine, broker: Broker, feed: Filled, *, linger_ms: int | None = 20) -> Run:
    """Let an engine work through a feed. Raises RuntimeError when it fails, or when alerts are missing."""
    with caught_up(engine, broker, feed, linger_ms=linger_ms) as (_, _, run):
        return run


@contextmanager
def caught_up(
    engine: Engine, broker: Broker, feed: Filled, *, linger_ms: int | None = 20
) -> Iterator[tuple[Job, Running, Run]]:
    """The same, with the engine still running and its state in place."""
    end = broker.ends(feed.topic)
    with prepared(engine, broker, feed.topic, events=feed.events, linger_ms=linger_ms) as job:
        before = broker.ends(engine.alerts(job))
        with Running(engine, job) as running:
            done, usage = _wait(engine, job, running, broker, end)
            alerts, first = _read(broker, engine.alerts(job), before)
            poor = sum(alert.kind in {"poor_rating", "low_rating"} for alert in alerts.values())
            if poor != feed.poor:
                message = f"{engine.name} raised {poor} alerts on {feed.poor} poor ratings"
                raise RuntimeError(message)
            digest = hashlib.sha256("\n".join(sorted(alerts)).encode()).hexdigest()[:16]
            yield job, running, Run(done - first, usage, len(alerts), digest)


def _wait(engine: Engine, job: Job, running: Running, broker: Broker, end: dict[int, int]) -> tuple[float, Usage]:
    """When all was committed, and what it had taken by then."""
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        usage, ended = running.usage(), running.ended()
        if broker.committed(engine.group(job), job.feed, end) == end if engine.commits else ended:
            return time.time(), usage
        if ended:
            message = f"{engine.name} ended before the feed did: {running.log[-2000:]}"
            raise RuntimeError(message)
        time.sleep(_PAUSE)
    message = f"{engine.name} was not done within {_WITHIN:g} s: {running.log[-2000:]}"
    raise RuntimeError(message)


def _read(broker: Broker, topic: str, before: dict[int, int]) -> tuple[dict[str, Alert], float]:
    """The alerts by id and kind, and when the first one came, in seconds since 1970."""
    decode = msgspec.json.Decoder(Alert).decode
    alerts, first = {}, float("inf")
    for message in broker.read(topic, before):
        alert = decode(message.value() or b"")
        alerts[f"{alert.alert_id} {alert.kind}"] = alert
        first = min(first, message.timestamp()[1] / 1000)
    return alerts, first
