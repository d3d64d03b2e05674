"""Sends many records to one topic, each acknowledged by all replicas, with as many on their way as memory likes."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka.errors import MessageSizeTooLargeError

from agents import kafka
from agents.refused import Failed
from agents.session import connected
from agents.settings import Settings
from streams.topology import MEGABYTE

_ON_THEIR_WAY = 5_000
_LINGER_MS = 5
LARGEST = MEGABYTE - 1024
"""Bytes of a record's value that a broker takes at its defaults, with room for key and headers."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be sent; its key decides its partition. A value of None deletes on a compacted topic."""

    key: str | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


async def send_all(settings: Settings, name: str, messages: Iterable[Message]) -> int:
    """Send to the topic `name` (without prefix), in order for each key; how many were acknowledged.

    Raises `Failed` where the topic does not exist or takes no record of that size, and `KafkaError`.
    """
    topic, sent = settings.topic(name), 0
    async with connected(kafka.admin(settings)) as admin:
        if topic not in await admin.list_topics():
            text = f"the topic {topic} does not exist on {settings.kafka_url}: run csatwatch topics create"
            raise Failed(text)
    waiting: deque[asyncio.Future[object]] = deque()
    async with connected(kafka.producer(settings, linger_ms=_LINGER_MS)) as producer:
        try:
            for message in messages:
                key = None if message.key is None else message.key.encode()
                waiting.append(await producer.send(topic, message.value, key=key, headers=list(message.headers)))
                sent += 1
                while len(waiting) > _ON_THEIR_WAY:
                    await waiting.popleft()
            while waiting:
                await waiting.popleft()
        except MessageSizeTooLargeError:
            text = f"a record is larger than {topic} takes: shorten it, or raise max.message.bytes of the topic"
            raise Failed(text) from None
        finally:
            for future in waiting:
                future.cancel()
    return sent
