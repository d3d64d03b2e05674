"""Faust as one writes it: a Record, an agent that handles event after event, a RocksDB table, `topic.send`."""

import os
import signal
from datetime import datetime

import faust
from faust.models.fields import IntegerField, StringField
from faust.types import StreamT

from bench.peers import job

app = faust.App(
    job.GROUP,
    broker=f"kafka://{job.BROKER}",
    store="rocksdb://",
    topic_partitions=4,
    topic_replication_factor=1,
    consumer_max_fetch_size=job.FETCH_BYTES,
    producer_max_batch_size=256 << 10,
    producer_linger=job.LINGER_MS / 1000,
    stream_wait_empty=False,
)


class Event(faust.Record, serializer="json", validation=True, coerce=True):
    """A rating, with the fields that the job looks at."""

    event_id: str
    customer_id: str = StringField(min_length=1)
    ticket_id: str = StringField(min_length=1)
    rating: int = IntegerField(min_value=1, max_value=5)
    responded_at: datetime
    ticket_subject: str | None = None
    feedback: str | None = None


class Alert(faust.Record, serializer="json"):
    """What is raised."""

    alert_id: str
    kind: str
    customer_id: str
    rating: int
    ticket_id: str
    subject: str | None
    feedback: str | None


feed = app.topic(job.FEED, key_type=str, value_type=Event)
alerts = app.topic(job.ALERTS, key_type=str, value_type=Alert)
windows = app.Table("windows", default=lambda: [None, []], key_type=str, partitions=4)
progress = job.Progress()


@app.agent(feed)
async def process(stream: StreamT[Event]) -> None:
    """Take events in, one after the other."""
    async for event in stream:
        window = job.Window(*windows[event.customer_id])
        kinds = job.fold(window, event.responded_at.timestamp(), event.rating, event.ticket_id)
        windows[event.customer_id] = [window.alerted, window.ratings]
        for kind in kinds:
            await alerts.send(
                key=event.customer_id,
                value=Alert(
                    alert_id=job.alert_id(event.event_id),
                    kind=kind,
                    customer_id=event.customer_id,
                    rating=event.rating,
                    ticket_id=event.ticket_id,
                    subject=event.ticket_subject,
                    feedback=event.feedback,
                ),
            )
        if progress.ended():
            os.kill(os.getpid(), signal.SIGTERM)
