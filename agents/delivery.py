"""From `alerts` to people: the alert and its steps into the ledger, and a sink agent a destination."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import faust
import structlog
from faust.types.streams import StreamT
from pydantic import ValidationError

from agents import database, metrics, texts
from agents.actions import ActionDesk
from agents.alert_log import say
from agents.app import build
from agents.bell import Bell
from agents.destinations import Destinations, destinations
from agents.digest import DigestDesk
from agents.guide import Guide, channels_of
from agents.health import Health
from agents.mail import smtp
from agents.needs import NeedsDesk
from agents.outcomes import OutcomesDesk
from agents.own_actions import OwnAction, own_actions
from agents.run import run
from agents.settings import PREFIX, BadSettings, Settings
from agents.traces import traceparent, traces
from agents.transport.batch import Batch
from agents.transport.fetcher import Record
from agents.workflows import workflows
from schemas.alert import Alert
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest, read
from schemas.policy import Policy, load_policy
from schemas.workflow import Workflow
from sinks.actions import SINKS
from sinks.ledger import Revision
from sinks.postgres import ASYNCPG_ERRORS, BadDatabase, attempts, connect, is_passing, migrate
from sinks.slack.permalink import permalink
from streams.route import changes
from streams.topology import ACTIONS, ALERTS, TRENDS

_CONNECTIONS = 8
_ROWS = 1_000  # alerts a transaction
_LOOK_EVERY = 1.0  # seconds: retries that have become due, leases that ended
_COUNT_EVERY = 5.0  # seconds
_DRAIN = 4.0  # seconds for the sends under way at a stop
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1000)

_log = structlog.get_logger(__name__)


class Desk:
    """Takes alerts in and has their steps carried out, as long as it is `running`."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        workflows: Sequence[Workflow],
        own: Mapping[str, OwnAction],
        app: faust.App,
    ) -> None:
        self._settings = settings
        self._workflows = workflows
        self._own = own
        self._guide = Guide(policy, channels_of(settings))
        self._bells: Mapping[str, Bell] = {sink: Bell(app) for sink in (*Sink, *own)}
        self._traces = traces(settings, "csatwatch-deliver")
        self._smtp = smtp(settings)
        self._asked = Bell(app)
        self.actions = ActionDesk(settings, lambda sink: self._bells[sink].ring())
        self._pool: asyncpg.Pool | None = None
        self._open: Destinations | None = None
        self._add_request_agent(app)
        for sink, bell in self._bells.items():
            self._add_sink_agent(app, sink, bell)
        app.timer(_COUNT_EVERY)(self._count)
        app.timer(_LOOK_EVERY)(self._read_closed_tasks)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected to a migrated database; waits for it, with backoff. Raises `BadDatabase`."""
        dsn = self._settings.postgres_dsn.get_secret_value()
        applied = await migrate(dsn)
        async with AsyncExitStack() as stack:
            pool = await connect(dsn, size=_CONNECTIONS, application="csatwatch deliver")
            stack.push_async_callback(database.close, pool)
            stack.push_async_callback(self._traces.close)
            _log.info("connected to postgres", migrations=applied)
            opened = await destinations(
                self._settings,
                pool,
                stack,
                guide=self._guide,
                own=self._own,
                smtp=self._smtp,
                wake=self._wake,
                traces=self._traces,
            )
            self._pool, self._open = pool, opened
            link = partial(permalink, opened.api) if opened.api else None
            await stack.enter_async_context(self.actions.running(pool, opened.ledger, link))
            try:
                yield
            finally:
                await asyncio.gather(*(courier.stop(_DRAIN) for courier in opened.couriers.values()))
                self._pool = self._open = None

    def _wake(self, sink: str) -> None:
        self._bells[sink].ring()
        if sink in SINKS.values():
            self._asked.ring()

    async def check(self) -> str | None:
        """Why nothing can be taken in right now; None: it can."""
        return await database.unreachable(self._pool)

    async def alerts(self, batch: Batch) -> None:
        """Record a batch of `alerts` with the steps due. Returns when that is committed, however long Postgres is away.

        A record that is no alert is skipped, logged by its coordinates and counted.
        """
        revisions = [found for record in batch.records if (found := _read(batch, record)) is not None]
        with self._traces.recording(revisions) as traced:
            for start in range(0, len(traced), _ROWS):
                await self._record(traced[start : start + _ROWS])
        for bell in self._bells.values():
            bell.ring()

    async def _record(self, revisions: Sequence[Revision]) -> None:
        if self._open is None:
            raise RuntimeError("the desk is not running")
        try:
            async for attempt in attempts():
                with attempt:
                    new = await self._open.ledger.record(revisions, self._decide)
        except ASYNCPG_ERRORS as error:
            if not isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError):
                raise
            if len(revisions) > 1:
                for revision in revisions:
                    await self._record([revision])
                return
            alert = revisions[0].alert
            _log.error("alert refused", alert_id=str(alert.alert_id), error=type(error).__name__)
            metrics.ALERTS_TAKEN.labels("unreadable").inc()
            return
        metrics.ALERTS_TAKEN.labels("recorded").inc(new)
        metrics.ALERTS_TAKEN.labels("known").inc(len(revisions) - new)
        say(_log, "alert read", [revision.alert for revision in revisions])

    def _decide(self, alert: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
        return changes(alert, self._workflows, rows)

    def _add_sink_agent(self, app: faust.App, sink: str, bell: Bell) -> None:
        async def deliver(stream: StreamT[bool]) -> None:
            async for _ in stream:
                bell.heard()
                await self._fill(sink)

        async def look() -> None:
            await self._fill(sink)

        app.agent(bell.channel, name=f"deliver-{sink}")(deliver)
        app.timer(_LOOK_EVERY)(look)

    def _add_request_agent(self, app: faust.App) -> None:
        async def answer(stream: StreamT[bool]) -> None:
            async for _ in stream:
                self._asked.heard()
                await self.actions.work()

        app.agent(self._asked.channel, name="requests")(answer)
        app.timer(_LOOK_EVERY)(self.actions.work)

    async def _fill(self, sink: str) -> None:
        if self._open is not None:
            await self._open.couriers[sink].fill()

    async def _read_closed_tasks(self) -> None:
        if self._open is not None and self._open.polled is not None:
            await self._open.polled.look()

    async def _count(self) -> None:
        if self._open is None:
            return
        try:
            counts = await self._open.ledger.waiting()
        except (*ASYNCPG_ERRORS, OSError) as error:
            if not is_passing(error):
                raise
            return
        for sink, count in counts.items():
            metrics.DELIVERIES_WAITING.labels(sink).set(count)


def _read(batch: Batch, record: Record) -> Revision | None:
    try:
        alert = read(record.value or b"")
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_url=False)})
        _log.error("alert skipped", partition=batch.partition, offset=record.offset, fields=fields[:10])
        metrics.ALERTS_TAKEN.labels("unreadable").inc()
        return None
    # A producer may have written any number there.
    published_at = _EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LATEST))
    return Revision(alert, published_at, traceparent(record.headers))


@asynccontextmanager
async def _all(desk: Desk, digests: DigestDesk, needs: NeedsDesk, outcomes: OutcomesDesk) -> AsyncIterator[None]:
    async with desk.running(), digests.running(), needs.running(), outcomes.running():
        yield


async def main(settings: Settings) -> int:
    """Run delivery until it is told to stop. Returns the exit code. Raises `BadSettings` and `BadFile`."""
    app = build(settings, "deliver")
    texts.use(settings)
    own = own_actions(settings.plugins)
    followed = workflows(settings.workflows, {name: action.config for name, action in own.items()})
    policy = load_policy(settings.policy)
    desk, digests = Desk(settings, policy, followed, own, app), DigestDesk(settings, policy, app)
    app.batch_agent(settings.topic(ALERTS), desk.alerts, name="intake")
    app.batch_agent(settings.topic(ACTIONS), desk.actions.take, name="actions")
    app.batch_agent(settings.topic(TRENDS), digests.trends, name="trends")
    health = Health(settings)
    health.check("postgres", desk.check)
    try:
        needs, outcomes = NeedsDesk(settings, policy, app), OutcomesDesk(settings, policy, app)
        return await run(app, health, around=_all(desk, digests, needs, outcomes))
    except BadDatabase as error:
        raise BadSettings(f"{PREFIX}POSTGRES_DSN: {error}") from None
