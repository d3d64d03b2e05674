"""The built-in task list: one task a step, in Postgres."""

from collections.abc import Sequence

import asyncpg

from schemas import template
from sinks.base import Delivery, Outcome, Permanent, Receipt, SendError
from sinks.postgres import queries
from sinks.rows import row_id, write_all
from sinks.tasks.card import Card, State, card

DESTINATION = "tasks"


class Tasks:
    """Opens, changes and cancels tasks. `pool` is csatwatch's own database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def send_all(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        """See `sinks.base.BatchSink`. The owner of a task is the customer's CSM, null where none is known."""
        return await write_all(self._write, deliveries)

    async def _write(self, deliveries: Sequence[Delivery]) -> Sequence[Receipt | SendError | None]:
        open_: list[Card] = []
        over: list[Card] = []
        refused: dict[str, SendError] = {}
        for delivery in deliveries:
            try:
                made = card(delivery)
            except template.BadTemplate as bad:
                refused[str(row_id(delivery))] = Permanent(f"the title's template: {bad}")
            except Permanent as wrong:
                refused[str(row_id(delivery))] = wrong
            else:
                (open_ if delivery.alert.status.open else over).append(made)
        steps = {str(row_id(delivery)): delivery.step for delivery in deliveries}
        sql = queries("tasks")
        async with self._pool.acquire() as connection, connection.transaction():
            if open_:
                rows = [_row(each, steps[each.task_id]) for each in open_]
                await connection.execute(sql["put"], *(list(column) for column in zip(*rows, strict=True)))
            ended = {each.task_id: each.state for each in over} | {
                each.task_id: each.state for each in open_ if each.state is State.DONE
            }
            found = await connection.fetch(sql["end"], list(ended), list(ended.values())) if ended else ()
        there = {row["task_id"] for row in found} | {each.task_id for each in open_}
        return [
            refused.get(task_id) or (Receipt(DESTINATION, task_id) if task_id in there else None) for task_id in steps
        ]


def _row(made: Card, step: str) -> tuple[object, ...]:
    return (
        made.task_id,
        str(made.alert.alert_id),
        step,
        made.alert.customer_id,
        made.title,
        made.priority,
        made.owner_email,
        made.due_at,
    )
