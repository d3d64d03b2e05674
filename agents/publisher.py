"""Actions onto `csm-actions`, from a process that starts and runs without Kafka."""

import asyncio
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer

from agents import kafka
from agents.settings import Settings
from schemas.action import Action, Done
from streams.topology import ACTIONS

_log = structlog.get_logger(__name__)


class Publisher:
    """Connects at the first action, and again after Kafka was away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic(ACTIONS)
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, action: Done) -> None:
        """Return once all replicas have it; tried again it is one action.

        Raises `KafkaError`, OSError and `BadSettings`.
        """
        producer = await self._connected()
        key = action.customer_id if isinstance(action, Action) else action.by
        await producer.send_and_wait(self._topic, action.to_json(), key=key.encode())

    async def __aenter__(self) -> Self:
        """Let go of Kafka at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of Kafka."""
        async with self._connecting:
            producer, self._producer = self._producer, None
            if producer is not None:
                await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = kafka.producer(self._settings)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
                _log.info("connected to kafka", url=self._settings.kafka_url)
            return self._producer
