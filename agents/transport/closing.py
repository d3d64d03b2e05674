"""A consumer that can be closed whatever its fetches are at."""

import asyncio

from aiokafka import AIOKafkaConsumer


class ClosingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's, which ends by the cancellation of a fetch that waits to be tried again, as when the broker is away.

    That would pass for a cancellation of whoever closes it, hide what it was closed for, and leave connections open.
    """

    async def stop(self) -> None:
        """Close it."""
        try:
            await super().stop()
        except asyncio.CancelledError:
            await self._client.close()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
