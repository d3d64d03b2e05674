"""Notices a topic that was deleted and made again.

Its offsets begin at 0 once more, so every new record would look like one that is in the state already.
"""

from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.transport.ends import ends


class Mark(NamedTuple):
    """A record that was there: its offset, and its timestamp in milliseconds since 1970."""

    offset: int
    timestamp: int


async def recreated(consumer: AIOKafkaConsumer, marks: Mapping[TopicPartition, Mark]) -> list[TopicPartition]:
    """The partitions that do not hold the marked record any more, though their retention did not take it.

    The consumer's assignment and positions are used.
    """
    consumer.assign(list(marks))
    last, first = await ends(consumer, list(marks)), await consumer.beginning_offsets(list(marks))
    gone = [tp for tp, mark in marks.items() if mark.offset >= last[tp]]
    asked = {tp for tp, mark in marks.items() if first[tp] <= mark.offset < last[tp]}
    for tp in asked:
        consumer.seek(tp, marks[tp].offset)
    while asked:
        fetched = await consumer.getmany(*asked, timeout_ms=1000, max_records=len(asked))
        for tp, records in fetched.items():
            asked.discard(tp)
            if (records[0].offset, records[0].timestamp) != marks[tp]:
                gone.append(tp)
    return gone
