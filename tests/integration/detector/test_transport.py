"""A batched topic through Faust's own app, in this process."""

from functools import partial
from pathlib import Path

from agents.app import build
from agents.settings import Settings
from agents.transport.batch import Batch
from tests.conftest import Broker
from tests.servers.topics import Record, committed, create_topics, produce
from tests.servers.wait import until


async def test_nothing_is_kept_of_a_batch_that_is_done(broker: Broker, topic_prefix: str, tmp_path: Path) -> None:
    # In Faust's lists a worker would keep a number of every batch until it ends: a gigabyte in a day or two.
    settings = Settings(
        kafka_url=broker.url,
        kafka_transactions=broker.transactions,
        topic_prefix=topic_prefix,
        app_id=f"{topic_prefix}csatwatch",
        state_dir=tmp_path,
    )
    topic, offsets = settings.topic("csat-events"), list[int]()

    async def handle(batch: Batch) -> None:
        offsets.extend(record.offset for record in batch.records)

    await create_topics(broker.bootstrap, {topic: 1})
    app = build(settings, "store")
    app.batch_agent(topic, handle, name="test")
    await app.start()
    try:
        for _ in range(20):
            published = len(offsets) + 1
            await produce(broker.bootstrap, topic, [Record(value=b"value")])
            await until(partial(_has, offsets, published), what="a batch")

        async def done() -> bool:
            return await committed(broker.bootstrap, settings.group("store"), topic) == {0: 20}

        await until(done, what="the commit")
        consumer = app.batches
        kept = [*consumer._acked.values(), *consumer._acked_index.values(), *consumer._in_hand.values()]
        assert not any(kept)
        assert not consumer._unacked_messages
        assert not consumer._gap
    finally:
        await app.stop()
    assert offsets == list(range(20))


def _has(offsets: list[int], count: int) -> bool:
    return len(offsets) == count
