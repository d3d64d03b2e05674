"""Records onto Kafka, from a process that starts and runs without it."""

import asyncio
from collections.abc import Sequence
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer

from agents import kafka
from agents.settings import Settings
from schemas.action import Action
from streams.topology import ACTIONS

_log = structlog.get_logger(__name__)


class Publisher:
    """Connects at the first record, and again after Kafka was away. `patience`: seconds for each; None: aiokafka's."""

    def __init__(self, settings: Settings, *, patience: float | None = None) -> None:
        self._settings = settings
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, action: Action) -> None:
        """Return once all replicas have it; tried again it is one action.

        Raises `KafkaError`, OSError and `BadSettings`.
        """
        await self.send(ACTIONS, action.customer_id, action.to_json())

    async def send(self, name: str, key: str | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Return once all replicas have the record on the topic `name` (without prefix). Raises as `publish` does."""
        async with asyncio.timeout(self._patience):
            producer = await self._connected()
            await producer.send_and_wait(
                self._settings.topic(name), value, key=None if key is None else key.encode(), headers=list(headers)
            )

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
