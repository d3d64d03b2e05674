"""Whether it helped, worked out of Postgres: for a command at once, for the pages once a day."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import faust
import structlog

from agents import database
from agents.settings import Settings
from schemas.outcome import Outcomes
from schemas.policy import Policy
from sinks import outcomes
from sinks.postgres import ASYNCPG_ERRORS, Connection, connect, is_passing
from streams.outcome import PERIOD, SPAN, Known
from streams.outcome import outcomes as figures
from streams.outcome_cases import cases

EVERY = timedelta(days=1)
_LOOK_EVERY = 20.0  # seconds
_REST = timedelta(minutes=5)  # after a failure: the queries are large
_SETTLED = timedelta(minutes=10)  # what is newer may not be in Postgres yet

_log = structlog.get_logger(__name__)


async def worked_out(connection: Connection, policy: Policy, now: datetime) -> Outcomes:
    """All figures as of `now`."""
    since, until = now - PERIOD, now - _SETTLED
    # Where overrides ask for different things, what is poor for everybody.
    at_most = min(judged.poor_rating.at_most for judged in policy.all_for.values())
    fired = await outcomes.fired(connection, since, until)
    found = await asyncio.to_thread(cases, fired, policy, now)
    known = Known(
        fired,
        found,
        await outcomes.around(connection, found.windows),
        await outcomes.missed(connection, since, until, at_most),
        await outcomes.spells(connection, now - 2 * SPAN, now - SPAN, now),
    )
    return await asyncio.to_thread(figures, known, policy, now)


def _now() -> datetime:
    return datetime.now(UTC)


class OutcomesDesk:
    """Works the figures out once a day, whichever worker comes first, as long as it is `running`."""

    def __init__(
        self, settings: Settings, policy: Policy, app: faust.App, clock: Callable[[], datetime] = _now
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._clock = clock
        self._pool: asyncpg.Pool | None = None
        self._away = False
        self._not_before = datetime.min.replace(tzinfo=UTC)
        app.timer(_LOOK_EVERY)(self.look)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected to a database that is migrated already; waits for it, with backoff."""
        dsn = self._settings.postgres_dsn.get_secret_value()
        pool = await connect(dsn, size=1, application="csatwatch deliver outcomes")
        try:
            self._pool = pool
            yield
        finally:
            self._pool = None
            await database.close(pool)

    async def look(self) -> None:
        """Work them out where that was last done a day ago. Where Postgres is away, the next look does."""
        now = self._clock()
        if self._pool is None or now < self._not_before:
            return
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                last = await outcomes.last(connection)
                if (last is not None and now - last < EVERY) or not await outcomes.is_mine(connection):
                    return
                await outcomes.keep(connection, await worked_out(connection, self._policy, now))
        except (*ASYNCPG_ERRORS, OSError) as error:
            if not is_passing(error):
                raise
            if not self._away:
                _log.warning("outcomes wait", error=type(error).__name__)
            self._away = True
            self._not_before = now + _REST
            return
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:  # pydantic's are ValueErrors
            # A bug in the figures fails visibly, and holds up no delivery.
            _log.error("outcomes cannot be worked out", error=type(error).__name__, exc_info=error)
            self._not_before = now + EVERY
            return
        self._away = False
        _log.info("outcomes worked out")
