"""Tasks that a task system holds, and our own list beside it."""

from dataclasses import replace

import asyncpg

from schemas import template
from sinks.base import Delivery, Permanent, Receipt, Retriable, SendError
from sinks.postgres import ASYNCPG_ERRORS, is_passing, queries
from sinks.tasks.builtin import DESTINATION, Tasks
from sinks.tasks.card import State, card
from sinks.tasks.system import TaskSystem


class Listed:
    """Each task in `pool`'s list and in `system`, brought to the same revision."""

    def __init__(self, pool: asyncpg.Pool, system: TaskSystem) -> None:
        self._pool = pool
        self._list = Tasks(pool)
        self._system = system

    async def send(self, delivery: Delivery) -> Receipt | None:
        """First the list, then the system. See `sinks.base.Sink`."""
        (listed,) = await self._list.send_all([delivery])
        if isinstance(listed, SendError):
            raise listed
        if listed is None:
            return None
        try:
            return await self._told(delivery, listed.external_id)
        except (*ASYNCPG_ERRORS, OSError) as error:
            if not is_passing(error):
                raise
            raise Retriable(f"postgres: {type(error).__name__}", uncertain=True) from None

    async def _told(self, delivery: Delivery, task_id: str) -> Receipt | None:
        sql = queries("tasks")
        (row,) = await self._pool.fetch(sql["standing"], task_id)
        try:
            made = card(delivery)
        except template.BadTemplate as bad:
            raise Permanent(f"the title's template: {bad}") from None
        status = State(row["status"])
        if status is State.DONE and made.state is State.OPEN:
            made = replace(made, state=State.DONE, why="Closed in csatwatch.")
        known = row["external_id"] if row["system"] == self._system.name else None
        reopened = row["told"] == State.CANCELLED and made.state is State.OPEN
        # Where the destination is the list alone, nothing was sent to the system yet.
        uncertain = delivery.uncertain and known is None
        filed = await self._system.put(replace(made, reopened=reopened), known, uncertain=uncertain)
        if filed is None:
            return Receipt(DESTINATION, task_id)
        await self._pool.execute(
            sql["filed"], task_id, self._system.name, filed.external_id, filed.url, str(made.state)
        )
        return Receipt(self._system.name, filed.external_id)
