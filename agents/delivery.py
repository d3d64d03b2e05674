"""From `alerts` to people: the alert and its steps into the ledger, and a sink agent a destination."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncpg
import faust
import structlog
from faust.types.streams import StreamT
from pydantic import ValidationError

from agents import database, metrics, texts
from agents.actions import ActionDesk, Link
from agents.app import build
from agents.courier import Courier, Load
from agents.digest import DigestDesk
from agents.guide import Guide, channels_of
from agents.health import Health
from agents.mail import smtp
from agents.own_actions import OwnAction, own_actions
from agents.publisher import Publisher
from agents.run import run
from agents.settings import PREFIX, BadSettings, Settings
from agents.task_systems import TaskPoll, task_sink, task_system
from agents.transport.batch import Batch
from agents.transport.fetcher import Record
from agents.workflows import workflows
from schemas.alert import Alert
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest, read
from schemas.policy import Policy, load_policy
from schemas.workflow import Workflow
from sinks import base
from sinks.backoff import Backoff
from sinks.email import Drafts
from sinks.ledger import Ledger, Revision
from sinks.mail import Mail, NoMail
from sinks.postgres import BadDatabase, attempts, connect, is_passing, migrate
from sinks.preview import Preview
from sinks.slack import Api, Slack, web_client
from sinks.slack.support import NoSupport, Support
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
        self._bells: Mapping[str, _Bell] = {sink: _Bell(app) for sink in (*Sink, *own)}
        self._smtp = smtp(settings)
        self._asked = _Bell(app)
        self.actions = ActionDesk(settings, lambda sink: self._bells[sink].ring())
        self._pool: asyncpg.Pool | None = None
        self._ledger: Ledger | None = None
        self._polled: TaskPoll | None = None
        self._couriers: Mapping[str, Courier] = {}
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
            _log.info("connected to postgres", migrations=applied)
            limit = 3 * max(self._settings.slack_timeout_seconds, self._settings.tasks_timeout_seconds)
            ledger = Ledger(pool, lease=timedelta(seconds=limit + 5))
            api = await self._api(stack)
            slack = self._slack(api, ledger)
            system = await task_system(self._settings, stack)
            # A task system is told of one task at a time, the list of many in one transaction.
            slots, many = (1, 200) if system is None else (4, 1)
            tasks = task_sink(pool, system)
            if system is not None:
                publisher = Publisher(self._settings)
                stack.push_async_callback(publisher.close)
                every = timedelta(seconds=self._settings.tasks_poll_seconds)
                self._polled = TaskPoll(pool, system, publisher.publish, every=every)
            self._pool, self._ledger = pool, ledger
            self._couriers = {
                Sink.SLACK: self._courier(ledger, Sink.SLACK, slack, slots=8, batch=1, limit=limit),
                Sink.TASKS: self._courier(ledger, Sink.TASKS, tasks, slots=slots, batch=many, limit=limit),
                Sink.EMAIL: self._courier(ledger, Sink.EMAIL, Drafts(pool), slots=1, batch=200, limit=limit),
                Sink.SUPPORT: self._courier(
                    ledger,
                    Sink.SUPPORT,
                    Support(api, remember=ledger.remember) if api else NoSupport(),
                    slots=2,
                    batch=1,
                    limit=limit,
                ),
                Sink.MAIL: self._mail(pool),
                **{
                    name: self._courier(ledger, name, action, slots=4, batch=1, limit=limit)
                    for name, action in self._own.items()
                },
            }
            await stack.enter_async_context(self.actions.running(pool, ledger, _linker(api) if api else None))
            try:
                yield
            finally:
                await asyncio.gather(*(courier.stop(_DRAIN) for courier in self._couriers.values()))
                self._pool = self._ledger = self._polled = None

    async def check(self) -> str | None:
        """Why nothing can be taken in right now; None: it can."""
        return await database.unreachable(self._pool)

    async def alerts(self, batch: Batch) -> None:
        """Record a batch of `alerts` with the steps due. Returns when that is committed, however long Postgres is away.

        A record that is no alert is skipped, logged by its coordinates and counted.
        """
        revisions = [found for record in batch.records if (found := _read(batch, record)) is not None]
        for start in range(0, len(revisions), _ROWS):
            await self._record(revisions[start : start + _ROWS])
        for bell in self._bells.values():
            bell.ring()

    async def _record(self, revisions: Sequence[Revision]) -> None:
        if self._ledger is None:
            raise RuntimeError("the desk is not running")
        try:
            async for attempt in attempts():
                with attempt:
                    new = await self._ledger.record(revisions, self._decide)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
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

    def _decide(self, alert: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
        return changes(alert, self._workflows, rows)

    def _add_sink_agent(self, app: faust.App, sink: str, bell: "_Bell") -> None:
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
        if courier := self._couriers.get(sink):
            await courier.fill()

    async def _read_closed_tasks(self) -> None:
        if self._polled is not None:
            await self._polled.look()

    async def _count(self) -> None:
        if self._ledger is None:
            return
        try:
            counts = await self._ledger.waiting()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            if not is_passing(error):
                raise
            return
        for sink, count in counts.items():
            metrics.DELIVERIES_WAITING.labels(sink).set(count)

    async def _api(self, stack: AsyncExitStack) -> Api | None:
        token, timeout = self._settings.slack_bot_token, self._settings.slack_timeout_seconds
        if token is None:
            _log.info("no slack token is set: messages are previews", setting=f"{PREFIX}SLACK_BOT_TOKEN")
            return None
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout))
        await stack.enter_async_context(session)
        client = web_client(token.get_secret_value(), self._settings.slack_api_url, session)
        return Api(client, timeout=timeout)

    def _slack(self, api: Api | None, ledger: Ledger) -> base.Sink:
        if api is None:
            return Preview()
        return Slack(
            api,
            fallback_channel=self._settings.slack_fallback_channel,
            remember=ledger.remember,
            shared=frozenset(channel for channel in channels_of(self._settings) if channel),
        )

    def _mail(self, pool: asyncpg.Pool) -> Courier:
        # An answer a command, of which there are up to ten, and to the message itself twice as long.
        limit = 12 * self._settings.smtp_timeout_seconds
        ledger = Ledger(pool, lease=timedelta(seconds=limit + 5))
        sink: base.Sink = NoMail()
        if self._smtp is not None:
            sink = Mail(self._smtp, sender=self._settings.smtp_sender, remember=ledger.remember)
        return self._courier(ledger, Sink.MAIL, sink, slots=4, batch=1, limit=limit)

    def _courier(
        self, ledger: Ledger, name: str, sink: base.Sink | base.BatchSink, *, slots: int, batch: int, limit: float
    ) -> Courier:
        load = Load(slots=slots, batch=batch, limit=limit, lease=limit + 5)
        # What a person asked for waits for no business hours, and the person hears what became of it.
        asked = name in {Sink.MAIL, Sink.SUPPORT}
        guide = None if asked else self._guide

        def wake() -> None:
            self._bells[name].ring()
            if asked:
                self._asked.ring()

        return Courier(ledger, name, sink, load=load, backoff=Backoff(), wake=wake, guide=guide)


class _Bell:
    """Wakes a sink agent through its in-memory channel; rings that come before it is heard are one."""

    def __init__(self, app: faust.App) -> None:
        self.channel = app.channel()
        self._ringing: asyncio.Task[object] | None = None

    def ring(self) -> None:
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().create_task(self._send())

    def heard(self) -> None:
        self._ringing = None

    async def _send(self) -> None:
        await self.channel.send(value=True)


def _linker(api: Api) -> Link:
    async def link(channel: str, ts: str) -> str | None:
        if not ts.replace(".", "").isdigit():
            return None  # not a message of Slack's
        try:
            return (
                str((await api.call("chat.getPermalink", channel=channel, message_ts=ts)).get("permalink") or "")
                or None
            )
        except base.SendError:
            return None

    return link


def _read(batch: Batch, record: Record) -> Revision | None:
    try:
        alert = read(record.value or b"")
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_url=False)})
        _log.error("alert skipped", partition=batch.partition, offset=record.offset, fields=fields[:10])
        metrics.ALERTS_TAKEN.labels("unreadable").inc()
        return None
    # A producer may have written any number there.
    return Revision(alert, _EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LATEST)))


@asynccontextmanager
async def _both(desk: Desk, digests: DigestDesk) -> AsyncIterator[None]:
    async with desk.running(), digests.running():
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
        return await run(app, health, around=_both(desk, digests))
    except BadDatabase as error:
        raise BadSettings(f"{PREFIX}POSTGRES_DSN: {error}") from None
