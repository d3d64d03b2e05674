"""The Kafka that all engines are measured on, and what stands on it."""

import logging
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # its documented place

from tests.servers.kafka import KafkaServer

_JVM = ("-Xms1g", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
# As Kafka ships: workers that start together get their shares together.
_SETTINGS = {"group.initial.rebalance.delay.ms": "3000"}
_PATIENCE = 30.0  # seconds for one answer


@contextmanager
def running(address: str | None) -> Iterator["Broker"]:
    """The broker at HOST:PORT; without an address a fresh one, which is gone afterwards."""
    if address is not None:
        yield Broker(address)
        return
    with (
        tempfile.TemporaryDirectory(prefix="csatwatch-bench-") as directory,
        KafkaServer(Path(directory), _SETTINGS, jvm=_JVM) as server,
    ):
        yield Broker(server.bootstrap)


class Broker:
    """One Kafka, seen from outside the engines."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap}, logger=_quiet)
        self._looking = self._consumer()

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic whose records carry the broker's own time of arrival, which is what is measured by."""
        new = NewTopic(topic, partitions, 1, config={"message.timestamp.type": "LogAppendTime"})
        self._admin.create_topics([new])[topic].result(_PATIENCE)

    def delete(self, word: str) -> None:
        """Delete the topics with `word` in their names."""
        topics = [name for name in self._admin.list_topics(timeout=_PATIENCE).topics if word in name]
        for deleted in self._admin.delete_topics(topics).values() if topics else ():
            deleted.result(_PATIENCE)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last record, by partition. Raises `confluent_kafka.KafkaException`."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            partitions = self._looking.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions
            tps = [TopicPartition(topic, p) for p in partitions]
            try:
                ends = {tp.partition: self._looking.get_watermark_offsets(tp, timeout=_PATIENCE)[1] for tp in tps}
            except KafkaException:  # a new topic's partitions have no leaders at once
                if time.monotonic() > deadline:
                    raise
            else:
                if ends:
                    return ends
            time.sleep(0.05)

    def committed(self, group: str, topic: str, partitions: Mapping[int, object]) -> dict[int, int]:
        """The offsets that a group committed, by partition; negative where it did not."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p) for p in partitions])
        try:
            answer = self._admin.list_consumer_group_offsets([asked])[group].result(_PATIENCE)
        except KafkaException:
            return {}  # the first group of a broker waits for the topic of the offsets to be made
        return {each.partition: each.offset for each in answer.topic_partitions}

    def read(self, topic: str, starts: Mapping[int, int]) -> Iterator[Message]:
        """The records from these offsets up to the end as it is now."""
        consumer = self._consumer()
        left = set(starts)
        consumer.assign([TopicPartition(topic, p, offset) for p, offset in starts.items()])
        try:
            while left:
                for message in consumer.consume(10_000, 1.0):
                    error = message.error()
                    if error is None:
                        yield message
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 (librdkafka's name)
                        left.discard(message.partition())
                    else:
                        raise KafkaException(error)
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"bench-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            },
            logger=_quiet,
        )


# They report each refused connection while the broker goes, which is before them.
_quiet = logging.getLogger(f"{__name__}.librdkafka")
_quiet.disabled = True
