"""A batched topic through Faust's own app, in this process."""

import asyncio
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
    topic, offsets, batches = settings.topic("csat-events"), list[int](), asyncio.Queue[Batch]()

    await create_topics(broker.bootstrap, {topic: 1})
    app = build(settings, "store")
    app.batch_agent(topic, batches.put, name="test")
    await app.start()
    try:
        for _ in range(20):
            await produce(broker.bootstrap, topic, [Record(value=b"value")])
            offsets += [record.offset for record in (await batches.get()).records]

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
