"""The built-in task list: one task a step, in Postgres."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from schemas import template
from schemas.alert import Alert
from schemas.workflow import CreateTask
from sinks.base import Delivery, Outcome, Permanent, Receipt, SendError
from sinks.postgres import queries
from sinks.rows import row_id, write_all
from sinks.safe_text import cut, one_line

DESTINATION = "tasks"
_TITLE = 500  # characters


def title(alert: Alert, config: CreateTask) -> str:
    """The task's title, on one line. Raises `schemas.template.BadTemplate`."""
    return cut(one_line(template.render(config.title, alert)), _TITLE)


def due_at(alert: Alert, config: CreateTask) -> datetime:
    """When the task is due."""
    start = alert.occurred_at if config.due_date_from == "occurred_at" else alert.detected_at
    return start + timedelta(hours=config.due_date_offset_hours)


class Tasks:
    """Opens, changes and cancels tasks. `pool` is csatwatch's own database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def send_all(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        """See `sinks.base.BatchSink`. The owner of a task is the customer's CSM, null where none is known."""
        return await write_all(self._write, deliveries)

    async def _write(self, deliveries: Sequence[Delivery]) -> Sequence[Receipt | SendError | None]:
        over = [delivery for delivery in deliveries if not delivery.alert.status.open]
        wanted, refused = _rows([delivery for delivery in deliveries if delivery.alert.status.open])
        sql = queries("tasks")
        async with self._pool.acquire() as connection, connection.transaction():
            if wanted:
                await connection.execute(sql["put"], *(list(column) for column in zip(*wanted, strict=True)))
            found = await connection.fetch(sql["cancel"], [str(row_id(each)) for each in over]) if over else ()
        cancelled = {row["task_id"] for row in found}
        outcomes: list[Receipt | SendError | None] = []
        for delivery in deliveries:
            task_id = str(row_id(delivery))
            there = delivery.alert.status.open or task_id in cancelled
            outcomes.append(refused.get(task_id) or (Receipt(DESTINATION, task_id) if there else None))
        return outcomes


def _rows(deliveries: Sequence[Delivery]) -> tuple[list[tuple[object, ...]], dict[str, SendError]]:
    rows: list[tuple[object, ...]] = []
    refused: dict[str, SendError] = {}
    for delivery in deliveries:
        alert, task_id = delivery.alert, str(row_id(delivery))
        config = CreateTask.model_validate(delivery.config)
        csm = alert.customer.csm if alert.customer else None
        try:
            words = title(alert, config)
        except template.BadTemplate as bad:
            refused[task_id] = Permanent(f"the title's template: {bad}")
            continue
        rows.append(
            (
                task_id,
                str(alert.alert_id),
                delivery.step,
                alert.customer_id,
                words,
                config.priority,
                csm.email if csm else None,
                due_at(alert, config),
            )
        )
    return rows, refused
