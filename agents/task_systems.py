"""The task system of the settings, and what people close there."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import aiohttp
import asyncpg
import structlog
from aiokafka.errors import KafkaError

from agents import metrics
from agents.settings import PREFIX, BadSettings, Settings
from schemas import signature
from schemas.action import Action
from schemas.task import closed_there
from sinks import base
from sinks.base import SendError
from sinks.postgres import is_passing, queries
from sinks.tasks import Jira, Linear, Listed, Tasks, TaskSystem, Webhook
from sinks.tasks.webhook import BadBody, read_body

_OVERLAP = timedelta(minutes=5)  # a search lags behind what was just written

_log = structlog.get_logger(__name__)

Publish = Callable[[Action], Awaitable[None]]
"""Says on `csm-actions` what somebody did; returns when the broker has it."""


async def task_system(settings: Settings, stack: AsyncExitStack) -> TaskSystem | None:
    """The one of the settings; None: the list alone. Its connections end with `stack`. Raises `BadSettings`."""
    if settings.tasks_system == "builtin":
        return None
    session = await stack.enter_async_context(aiohttp.ClientSession())
    url, timeout = settings.tasks_url or "", settings.tasks_timeout_seconds
    token = settings.tasks_token.get_secret_value() if settings.tasks_token else ""
    project = settings.tasks_project or ""
    match settings.tasks_system:
        case "jira":
            return Jira(
                session,
                url=url,
                user=settings.tasks_user or "",
                token=token,
                project=project,
                issue_type=settings.tasks_issue_type,
                timeout=timeout,
            )
        case "linear":
            own = {"url": url} if url else {}
            return Linear(session, token=token, team=project, timeout=timeout, **own)
        case "webhook":
            secret = settings.tasks_secret.get_secret_value() if settings.tasks_secret else ""
            return Webhook(session, url=url, secret=signature.key(secret), body=body(settings), timeout=timeout)


def body(settings: Settings) -> object:
    """The template of the webhook's body; None: there is none. Raises `BadSettings`."""
    if settings.tasks_body is None:
        return None
    try:
        return read_body(settings.tasks_body)
    except BadBody as error:
        raise BadSettings(f"{PREFIX}TASKS_BODY: {error}") from None


def task_sink(pool: asyncpg.Pool, system: TaskSystem | None) -> base.Sink | base.BatchSink:
    """Where tasks go: the list, and `system` beside it where there is one."""
    return Tasks(pool) if system is None else Listed(pool, system)


class TaskPoll:
    """Asks a task system what was closed there; of several workers one at a time.

    Args:
        pool: csatwatch's own database.
        system: whom to ask.
        publish: takes the follow-ups.
        every: from one turn to the next.
    """

    def __init__(self, pool: asyncpg.Pool, system: TaskSystem, publish: Publish, *, every: timedelta) -> None:
        self._pool = pool
        self._system = system
        self._publish = publish
        self._every = every

    async def look(self) -> int:
        """If it is this worker's turn, publish a follow-up for each task closed since the last one; returns how many.

        Where Postgres, Kafka or the system is away it returns: the next turn goes back as far.
        """
        try:
            return await self._look()
        except SendError as error:
            _log.warning("closed tasks cannot be read", system=self._system.name, error=str(error))
            metrics.TASK_POLLS.labels("failed").inc()
        except KafkaError as error:
            _log.warning("a follow-up is not published yet", error=type(error).__name__)
            metrics.TASK_POLLS.labels("failed").inc()
        except asyncpg.InterfaceError:
            pass  # the pool is closing
        except (asyncpg.PostgresError, OSError) as error:
            if not is_passing(error):
                raise
        return 0

    async def _look(self) -> int:
        sql = queries("tasks")
        turn = await self._pool.fetchrow(sql["due_polls"], self._system.name, self._every)
        if turn is None:
            return 0
        closed = {each.external_id: each for each in await self._system.closed(turn["read_to"] - _OVERLAP)}
        rows = await self._pool.fetch(sql["open_there"], self._system.name, list(closed)) if closed else ()
        for row in rows:
            await self._publish(
                closed_there(
                    self._system.name,
                    row["external_id"],
                    alert_id=row["alert_id"],
                    customer_id=row["customer_id"],
                    at=closed[row["external_id"]].at,
                )
            )
            _log.info("task closed elsewhere", system=self._system.name, alert_id=row["alert_id"])
        await self._pool.execute(sql["polled"], self._system.name, turn["at"])
        metrics.TASK_POLLS.labels("done").inc()
        return len(rows)
