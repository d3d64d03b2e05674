"""Deliveries that are rows of our own database, written many at a time."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid5

from sinks.base import Delivery, Outcome, Permanent, Receipt, Retriable, SendError
from sinks.postgres import ASYNCPG_ERRORS, is_passing

_NAMESPACE = UUID("5a0f3a52-6f0c-5d0b-9b64-2f6a53a1d0e4")

Write = Callable[[Sequence[Delivery]], Awaitable[Sequence[Receipt | SendError | None]]]


def row_id(delivery: Delivery) -> UUID:
    """The id of what the step makes: it follows from alert and step, so a repeat meets the same row."""
    return uuid5(_NAMESPACE, f"{delivery.alert.alert_id}|{delivery.step}")


async def write_all(write: Write, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
    """The outcomes of one transaction for all of them; where Postgres refuses one of them, each has its own."""
    try:
        return await write(deliveries)
    except (*ASYNCPG_ERRORS, OSError) as error:
        name = type(error).__name__
        if is_passing(error):
            return [Retriable(f"postgres: {name}")] * len(deliveries)
        if len(deliveries) == 1:
            return [Permanent(f"postgres: {name}")]
    return [outcome for each in deliveries for outcome in await write_all(write, [each])]
