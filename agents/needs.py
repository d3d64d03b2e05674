"""Keeps the order of the accounts as time passes: a snooze ends, what waits comes lower, the policy changes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from agents import database
from agents.settings import Settings
from agents.transport.app import BatchApp
from schemas.policy import Policy
from sinks import needs
from sinks.needs import FallRule
from sinks.postgres import ASYNCPG_ERRORS, attempts, connect, is_passing

_LOOK_EVERY = 5.0  # seconds

_log = structlog.get_logger(__name__)


class NeedsDesk:
    """Looks every few seconds, as long as it is `running`; any number of workers may."""

    def __init__(self, settings: Settings, policy: Policy, app: BatchApp) -> None:
        self._settings = settings
        self._rules = tuple(fall_rules(policy))
        self._pool: asyncpg.Pool | None = None
        self._away = False
        app.timer(_LOOK_EVERY)(self.look)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected to a database that is migrated already, with this policy's rules in force; waits for it."""
        dsn = self._settings.postgres_dsn.get_secret_value()
        pool = await connect(dsn, size=1, application="csatwatch deliver needs")
        try:
            async for attempt in attempts():
                with attempt:
                    async with pool.acquire() as connection, connection.transaction():
                        if await needs.put_in_force(connection, self._rules):
                            _log.info("another measure of a fall", rules=len(self._rules))
            self._pool = pool
            yield
        finally:
            self._pool = None
            await database.close(pool)

    async def look(self) -> None:
        """See to what time alone has changed. Where Postgres is away, the next look does."""
        if self._pool is None:
            return
        try:
            async with self._pool.acquire() as connection:
                more = True
                while more:
                    async with connection.transaction():
                        more = await needs.is_mine(connection) and await needs.refresh(connection)
        except (*ASYNCPG_ERRORS, OSError) as error:
            if not is_passing(error):
                raise
            if not self._away:
                _log.warning("the order of the accounts waits", error=type(error).__name__)
            self._away = True
            return
        self._away = False


def fall_rules(policy: Policy) -> Iterator[FallRule]:
    """What the policy says of falls, for everybody and for those who have a rule of their own."""
    for (customer_id, tier), judged in policy.all_for.items():
        yield FallRule(customer_id, tier, judged.declining_trend.drop, judged.digest.quiet_days)
