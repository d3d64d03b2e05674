"""The way in for what a task system says by signed webhooks, by the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from agents.publisher import Publisher
from agents.settings import Settings
from schemas import signature
from web.database import Database
from web.task_hook import TaskHook


class ClosedTasks:
    """What receives them, once it is `open`. The settings have a secret for tasks."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.tasks_secret.get_secret_value() if settings.tasks_secret else ""
        self._publisher = Publisher(settings)
        self._database = Database(settings.postgres_dsn.get_secret_value(), size=2)
        hook = TaskHook(self._database, signature.key(secret), self._publisher.publish, lambda: datetime.now(UTC))
        self.receive = hook.receive
        """The endpoint."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connected as far as is needed."""
        await self._database.open()
        try:
            yield
        finally:
            await self._publisher.close()
            await self._database.close()


def wanted(settings: Settings) -> bool:
    """Whether such messages can come in at all."""
    return settings.tasks_system == "webhook" and settings.tasks_secret is not None
