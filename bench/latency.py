"""How long from the broker's append of a rating to its append of the alert?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
import msgspec

from bench import machine, report
from bench.broker import Broker
from bench.engines import CSATWATCH, FAUST, KAFKA_STREAMS, Engine
from bench.feed import PARTITIONS, POOR, Sent, draw, producer
from bench.live import Live
from bench.process import Running, prepared
from streams.topology import EVENTS

ABOUT = """A live feed at an even rate; from the broker's append of a poor rating to its append of the alert, by its own
clock, in milliseconds. Each engine is alone on the machine with the broker and the producer, and is warm; so is the
broker. The engines take turns; all alerts of an engine's runs together."""

_WARM = 10.0  # seconds between the first alert and the first event that is measured
_WITHIN = 60.0  # seconds for the first alert, and for the last


@dataclass(frozen=True, slots=True)
class Contender:
    """An engine under one setting of its producer's linger; None is what it has by itself."""

    engine: Engine
    linger_ms: int | None

    @property
    def name(self) -> str:
        """In the tables."""
        if self.engine is CSATWATCH:
            return self.engine.name
        return f"{self.engine.name}, linger {'as it is' if self.linger_ms is None else self.linger_ms}"


class Ticket(msgspec.Struct):
    """Where csatwatch's alerts have the ticket."""

    ticket_id: str


class Alert(msgspec.Struct):
    """What is read of an alert: the peers' have the ticket at the top."""

    kind: str
    ticket_id: str | None = None
    ticket: Ticket | None = None


CONTENDERS = (
    Contender(CSATWATCH, None),
    Contender(KAFKA_STREAMS, 0),
    Contender(KAFKA_STREAMS, None),
    Contender(FAUST, 0),
)


def measure(broker: Broker, *, rates: Sequence[int], seconds: float, customers: int, runs: int) -> str:
    """The section for docs/benchmarks.md."""
    stalls = machine.stalls()
    tables = []
    for rate in rates:
        click.echo("warming the broker up")
        _run(broker, CONTENDERS[0], rate, _WARM, customers)
        found: dict[Contender, list[int]] = {contender: [] for contender in CONTENDERS}
        for turn in range(runs):
            for contender in CONTENDERS:
                each = _run(broker, contender, rate, seconds, customers)
                found[contender] += each
                click.echo(f"run {turn + 1}: {rate:,} events/s: {contender.name}: {report.told(_shown(each))}")
        rows = [{f"{rate:,} events/s": contender.name} | _shown(each) for contender, each in found.items()]
        tables.append(report.table(rows))
    about = f"{ABOUT} {runs} runs of {seconds:g} s each, {customers:,} customers, {PARTITIONS} partitions.\n\n{stalls}"
    return report.section("Latency", about, tables, machine.versions("faust-streaming"))


def _shown(milliseconds: Sequence[int]) -> dict[str, str]:
    return {**report.spread(milliseconds, 50, 90, 99), "alerts": f"{len(milliseconds):,}"}


def _run(broker: Broker, contender: Contender, rate: int, seconds: float, customers: int) -> list[int]:
    """Milliseconds of each poor rating of the measured time. Raises RuntimeError where an alert is missing."""
    engine = contender.engine
    prefix = f"live{time.time_ns():x}-"
    feed = prefix + EVENTS
    broker.create(feed, PARTITIONS)
    poor: list[str] = []

    def note(sent: Sent) -> None:
        if sent.rating <= POOR:
            poor.append(sent.ticket)

    try:
        with prepared(engine, broker, feed, linger_ms=contender.linger_ms) as job:
            alerts = engine.alerts(job)
            sent = draw(customers, lambda _: datetime.now(UTC))
            with Running(engine, job) as running:
                with Live(producer(broker.bootstrap, linger_ms=0), feed, sent, rate, note):
                    _first_alert(broker, alerts, running)
                    time.sleep(_WARM)
                    begin = len(poor)
                    time.sleep(seconds)
                    end = len(poor)
                measured = poor[begin:end]
                came = _came(broker, alerts, set(measured), running)
            went = {
                msgspec.json.decode(each.value() or b"", type=Ticket).ticket_id: each.timestamp()[1]
                for each in broker.read(feed, dict.fromkeys(range(PARTITIONS), 0))
            }
            return [came[ticket] - went[ticket] for ticket in measured]
    finally:
        broker.delete(prefix)


def _first_alert(broker: Broker, topic: str, running: Running) -> None:
    deadline = time.monotonic() + _WITHIN
    while not sum(broker.ends(topic).values()):
        if running.ended() or time.monotonic() > deadline:
            message = f"no alert within {_WITHIN:g} s: {running.log[-2000:]}"
            raise RuntimeError(message)
        time.sleep(0.5)


def _came(broker: Broker, topic: str, wanted: set[str], running: Running) -> dict[str, int]:
    """When each ticket's alert came, in milliseconds since 1970."""
    deadline = time.monotonic() + _WITHIN
    decode = msgspec.json.Decoder(Alert).decode
    while True:
        came: dict[str, int] = {}
        for message in broker.read(topic, dict.fromkeys(range(PARTITIONS), 0)):
            alert = decode(message.value() or b"")
            if alert.kind in {"poor_rating", "low_rating"}:
                ticket = alert.ticket_id or (alert.ticket.ticket_id if alert.ticket else "")
                came.setdefault(ticket, message.timestamp()[1])
        if wanted <= came.keys():
            return came
        if time.monotonic() > deadline:
            lost = f"{len(wanted - came.keys())} of {len(wanted)} alerts did not come: {running.log[-2000:]}"
            raise RuntimeError(lost)
        time.sleep(0.5)
