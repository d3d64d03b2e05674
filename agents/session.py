"""Short visits to Kafka by a command: connected, used, closed, and refused in plain words."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.kafka import unreachable
from agents.refused import Failed
from agents.settings import PREFIX, Settings

Client = TypeVar("Client", AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient)
Result = TypeVar("Result")


def visit(settings: Settings, work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end. Raises `Failed` where Kafka cannot be reached or refuses."""
    return asyncio.run(_checked(settings, work))


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[Client]:
    """The client, started on entry and stopped on exit."""
    try:
        await client.start()
        yield client
    finally:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


async def _checked(settings: Settings, work: Coroutine[Any, Any, Result]) -> Result:
    try:
        if (reason := await unreachable(settings)) is not None:
            message = f"Kafka at {settings.kafka_url} cannot be used: {reason}: check {PREFIX}KAFKA_URL"
            raise Failed(message)
        return await work
    except TimeoutError:
        message = f"Kafka at {settings.kafka_url} took too long: see whether all of its brokers are there"
        raise Failed(message) from None
    except KafkaError as error:
        message = f"Kafka at {settings.kafka_url} refused: {type(error).__name__}: {error}"
        raise Failed(message) from None
    finally:
        work.close()
