"""confluent-kafka in a loop, with a dict: the ceiling for Python. A crash loses the state."""

import signal
from collections import defaultdict

from confluent_kafka import Consumer, Producer

from bench.peers import job


def main() -> None:
    """Run until the feed ends, or until SIGTERM."""
    running = True

    def stop(*_: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {
            "bootstrap.servers": job.BROKER,
            "group.id": job.GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "queued.min.messages": 100_000,
            "fetch.message.max.bytes": job.FETCH_BYTES,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": job.BROKER,
            "linger.ms": job.LINGER_MS,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 500_000,
        }
    )
    windows: defaultdict[str, job.Window] = defaultdict(job.Window)
    progress = job.Progress()
    consumer.subscribe([job.FEED])
    while running:
        messages = [each for each in consumer.consume(num_messages=10_000, timeout=0.2) if not each.error()]
        if not messages:
            continue
        for message in messages:
            event = job.decode(message.value() or b"")
            for alert in job.take(windows[event.customer_id], event):
                producer.produce(job.ALERTS, alert, event.customer_id)
        producer.flush()
        consumer.commit(asynchronous=False)
        if progress.ended(len(messages)):
            break
    consumer.close()


if __name__ == "__main__":
    main()
