"""Waiting for topics that were made or changed."""

import asyncio
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

_LED_WITHIN, _PAUSE = 30.0, 0.1  # seconds


async def usable(admin: AIOKafkaAdminClient, names: Sequence[str], *, partitions: int = 1) -> None:
    """Return once each topic has so many partitions at least, and each of them a leader. Raises `TimeoutError`.

    Created is not yet led: a producer that comes right after would wait, or fail.
    """
    async with asyncio.timeout(_LED_WITHIN):
        while True:
            seen = await admin.describe_topics(list(names))
            if all(
                not topic["error_code"]
                and len(topic["partitions"]) >= partitions
                and all(not p["error_code"] and p["leader"] >= 0 for p in topic["partitions"])
                for topic in seen
            ):
                return
            await asyncio.sleep(_PAUSE)
