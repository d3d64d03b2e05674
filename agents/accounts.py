"""All accounts of `customers`, in memory: read to the end before the first event, then followed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from agents import kafka
from agents.metrics import CUSTOMERS_KNOWN
from agents.session import connected
from agents.settings import Settings
from agents.transport.ends import ends
from schemas.customer import Customer
from streams.topology import CUSTOMERS

Arrived = Callable[[Customer], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Accounts:
    """Every worker reads all partitions, without a group: how this topic is partitioned does not matter."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self._settings = settings
        self._partitions = [TopicPartition(settings.topic(CUSTOMERS), p) for p in range(partitions)]
        self._known: dict[str, Customer] = {}
        self.known: Mapping[str, Customer] = MappingProxyType(self._known)

    @asynccontextmanager
    async def followed(
        self, arrived: Arrived, failed: Callable[[BaseException], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Read the topic to its end; then, inside, keep reading, and tell `arrived` of each account's first record.

        What ends the reading is told to `failed`.
        """
        stock = kafka.consumer(self._settings, enable_auto_commit=False, auto_offset_reset="earliest")
        async with connected(stock) as consumer:
            await self._read_all(consumer)
            follower = asyncio.create_task(self._follow(consumer, arrived, failed), name="accounts")
            try:
                yield
            finally:
                follower.cancel()
                with suppress(asyncio.CancelledError):
                    await follower

    async def _read_all(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign(self._partitions)
        last = await ends(consumer, self._partitions)
        await consumer.seek_to_beginning(*self._partitions)
        waiting = set(self._partitions)
        while waiting := {tp for tp in waiting if await consumer.position(tp) < last[tp]}:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    self._take(record.key, record.value)
        CUSTOMERS_KNOWN.set(len(self._known))
        _log.info("accounts read", accounts=len(self._known))

    async def _follow(
        self, consumer: AIOKafkaConsumer, arrived: Arrived, failed: Callable[[BaseException], Awaitable[None]]
    ) -> None:
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=60_000)).values():
                    for record in records:
                        customer = self._take(record.key, record.value)
                        if customer is not None:
                            await arrived(customer)
                    CUSTOMERS_KNOWN.set(len(self._known))
        except Exception as error:  # noqa: BLE001 (without the accounts' changes a worker must not go on)
            await failed(error)

    def _take(self, key: bytes | None, value: bytes | None) -> Customer | None:
        """Take a record in. Returns the account where it is new here."""
        if value is None:
            self._known.pop((key or b"").decode(errors="replace").lower(), None)
            return None
        try:
            customer = Customer.from_json(value)
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_url=False))
            _log.warning("account record refused", fields=fields)
            return None
        new = customer.customer_id not in self._known
        self._known[customer.customer_id] = customer
        return customer if new else None
