"""Bytewax: Kafka source, a stateful step a customer, Kafka sink; recovery on, in SQLite, a snapshot every 5 s.

It ends with the feed, and notes in its snapshots how far it came instead of committing to Kafka.
"""

from collections.abc import Sequence

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow

from bench.peers import job

Snapshot = tuple[float | None, tuple[tuple[float, int, str], ...]]


class Customer(op.StatefulBatchLogic):
    """One customer's window."""

    __slots__ = ("_window",)

    def __init__(self, window: job.Window) -> None:
        self._window = window

    def on_batch(self, values: Sequence[job.Event]) -> tuple[list[bytes], bool]:
        """The alerts, and that the state is still needed."""
        return [alert for event in values for alert in job.take(self._window, event)], False

    def snapshot(self) -> Snapshot:
        """What is kept of it."""
        return self._window.alerted, tuple(self._window.ratings)


def decode(messages: Sequence[KafkaSourceMessage]) -> list[tuple[str, job.Event]]:
    """Events by customer."""
    events = [job.decode(each.value) for each in messages]
    return [(each.customer_id, each) for each in events]


def restore(snapshot: Snapshot | None) -> Customer:
    """A customer, new or out of a snapshot."""
    return Customer(job.Window() if snapshot is None else job.Window(snapshot[0], list(snapshot[1])))


def encode(alert: tuple[str, bytes]) -> KafkaSinkMessage:
    """An alert as its record."""
    customer, value = alert
    return KafkaSinkMessage(customer.encode(), value)


flow = Dataflow("csat")
source = KafkaSource(
    [job.BROKER],
    [job.FEED],
    tail=False,
    batch_size=10_000,
    add_config={"queued.min.messages": "100000", "fetch.message.max.bytes": str(job.FETCH_BYTES)},
)
sink = KafkaSink([job.BROKER], job.ALERTS, add_config={"linger.ms": "5", "batch.num.messages": "10000"})
events = op.flat_map_batch("decode", op.input("feed", flow, source), decode)
op.output("alerts", op.map("encode", op.stateful_batch("windows", events, restore), encode), sink)
