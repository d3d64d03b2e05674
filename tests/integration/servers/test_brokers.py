from tests.conftest import Broker
from tests.servers.topics import Record, create_topics, produce, read_all


async def test_records_go_through_each_kind_of_broker(broker: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}records"
    await create_topics(broker.bootstrap, {topic: 2})
    sent = [Record(key=b"k", value=b"%d" % number, headers=[("h", b"1")], partition=number % 2) for number in range(6)]

    await produce(broker.bootstrap, topic, sent)
    stored = await read_all(broker.bootstrap, topic)

    assert [(record.partition, record.value) for record in stored] == [
        (0, b"0"),
        (0, b"2"),
        (0, b"4"),
        (1, b"1"),
        (1, b"3"),
        (1, b"5"),
    ]
    assert all(record.header("h") == b"1" for record in stored)
