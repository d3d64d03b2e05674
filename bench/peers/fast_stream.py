"""FastStream on confluent-kafka: a batch subscriber with its own decoder, and a dict. A crash loses the state."""

import asyncio
import os
import signal
from collections import defaultdict

from faststream import AckPolicy, FastStream, StreamMessage
from faststream.confluent import KafkaBroker, KafkaPublishMessage

from bench.peers import job

broker = KafkaBroker(
    job.BROKER,
    config={
        "queued.min.messages": 100_000,
        "linger.ms": job.LINGER_MS,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 500_000,
    },
    logger=None,
    apply_types=False,
)
app = FastStream(broker, logger=None)
windows: defaultdict[str, job.Window] = defaultdict(job.Window)
progress = job.Progress()


async def decode(message: StreamMessage) -> list[job.Event]:
    """The job's own decoder instead of a pass of pydantic over each event."""
    return [job.decode(each.value()) for each in message.raw_message]


@broker.subscriber(
    job.FEED,
    group_id=job.GROUP,
    auto_offset_reset="earliest",
    batch=True,
    max_records=10_000,
    max_partition_fetch_bytes=job.FETCH_BYTES,
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=decode,
)
async def process(events: list[job.Event]) -> None:
    """Take a batch in and publish its alerts."""
    alerts = [
        KafkaPublishMessage(alert, key=event.customer_id.encode())
        for event in events
        for alert in job.take(windows[event.customer_id], event)
    ]
    if alerts:
        await broker.publish_batch(*alerts, topic=job.ALERTS)
    if progress.ended(len(events)):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    asyncio.run(app.run())
