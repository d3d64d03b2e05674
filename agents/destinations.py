"""The destinations by the settings: what carries their steps out, and how much each takes at once."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import aiohttp
import asyncpg
import structlog

from agents.courier import Courier, Load
from agents.guide import Guide, channels_of
from agents.own_actions import OwnAction
from agents.publisher import Publisher
from agents.settings import PREFIX, Settings
from agents.task_systems import TaskPoll, task_sink, task_system
from agents.traces import Traces
from schemas.delivery import Sink
from sinks import base
from sinks.backoff import Backoff
from sinks.email import Drafts
from sinks.ledger import Ledger
from sinks.mail import Mail, NoMail
from sinks.preview import Preview
from sinks.slack import Api, Slack, web_client
from sinks.slack.support import NoSupport, Support
from sinks.smtp import Smtp

_SENDS = 3  # a send's longest time, in timeouts of a request: it may have to look first
_MARGIN = 5.0  # seconds that a claim holds longer than what is done under it can take

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Destinations:
    """What is open.

    Attributes:
        couriers: by the sink's name.
        ledger: for what belongs to no destination.
        api: Slack's; None: there is none, and messages are previews.
        polled: the task system, asked for what was closed there; None: there is none.
    """

    couriers: Mapping[str, Courier]
    ledger: Ledger
    api: Api | None
    polled: TaskPoll | None


async def destinations(
    settings: Settings,
    pool: asyncpg.Pool,
    stack: AsyncExitStack,
    *,
    guide: Guide,
    own: Mapping[str, OwnAction],
    smtp: Smtp | None,
    wake: Callable[[str], None],
    traces: Traces,
) -> Destinations:
    """Open them, until `stack` closes; `wake` is called with the name of a sink of which a slot has become free."""
    slack_limit, tasks_limit = _SENDS * settings.slack_timeout_seconds, _SENDS * settings.tasks_timeout_seconds
    ledger = _ledger(pool, slack_limit)
    api = await _slack_api(settings, stack, traces)
    system = await task_system(settings, stack)
    publisher = Publisher(settings)
    stack.push_async_callback(publisher.close)
    polled = None
    if system is not None:
        every = timedelta(seconds=settings.tasks_poll_seconds)
        polled = TaskPoll(pool, system, publisher.publish, every=every)
    # An answer a command, of which there are up to ten, and to the message itself twice as long.
    mail_limit = 12 * settings.smtp_timeout_seconds
    noted = _ledger(pool, mail_limit).remember

    def courier(
        name: str,
        sink: base.Sink | base.BatchSink,
        *,
        slots: int,
        batch: int = 1,
        limit: float = max(slack_limit, tasks_limit),
        by: Guide | None = guide,
    ) -> Courier:
        load = Load(slots=slots, batch=batch, limit=limit, lease=limit + _MARGIN)
        ring = partial(wake, name)
        claims = _ledger(pool, limit)
        return Courier(claims, name, sink, load=load, backoff=Backoff(), wake=ring, guide=by, traces=traces)

    # A task system is told of one task at a time, the list of many in one transaction.
    slots, many = (1, 200) if system is None else (4, 1)
    # What a person asked for waits for no business hours, and that person hears what became of it: `by=None`.
    mail = NoMail() if smtp is None else Mail(smtp, sender=settings.smtp_sender, remember=noted)
    support = NoSupport() if api is None else Support(api, remember=ledger.remember)
    couriers = {
        Sink.SLACK: courier(Sink.SLACK, _slack(settings, api, ledger), slots=8, limit=slack_limit),
        Sink.TASKS: courier(Sink.TASKS, task_sink(pool, system), slots=slots, batch=many, limit=tasks_limit),
        Sink.EMAIL: courier(Sink.EMAIL, Drafts(pool, publisher.publish), slots=1, batch=200),
        Sink.SUPPORT: courier(Sink.SUPPORT, support, slots=2, limit=slack_limit, by=None),
        Sink.MAIL: courier(Sink.MAIL, mail, slots=4, limit=mail_limit, by=None),
        **{name: courier(name, action, slots=4) for name, action in own.items()},
    }
    return Destinations(couriers, ledger, api, polled)


def _ledger(pool: asyncpg.Pool, limit: float) -> Ledger:
    """In which a claim holds for more than `limit`, the seconds that a send can take."""
    return Ledger(pool, lease=timedelta(seconds=limit + _MARGIN))


async def _slack_api(settings: Settings, stack: AsyncExitStack, traces: Traces) -> Api | None:
    token, timeout = settings.slack_bot_token, settings.slack_timeout_seconds
    if token is None:
        _log.info("no slack token is set: messages are previews", setting=f"{PREFIX}SLACK_BOT_TOKEN")
        return None
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout), trace_configs=traces.requests())
    await stack.enter_async_context(session)
    client = web_client(token.get_secret_value(), settings.slack_api_url, session)
    return Api(client, timeout=timeout)


def _slack(settings: Settings, api: Api | None, ledger: Ledger) -> base.Sink:
    if api is None:
        return Preview()
    return Slack(
        api,
        fallback_channel=settings.slack_fallback_channel,
        remember=ledger.remember,
        shared=frozenset(channel for channel in channels_of(settings) if channel),
    )
