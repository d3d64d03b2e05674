"""The way of clicks in Slack, by the settings: over Socket Mode, or signed over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from time import time
from typing import Any

import aiohttp
import structlog

from agents import metrics
from agents.health import Health
from agents.publisher import Publisher
from agents.settings import PREFIX, BadSettings, Settings
from schemas.policy import Policy
from sinks.slack import Api, web_client
from streams.acting import Rights
from web.database import Database
from web.slack.desk import RESULTS, SlackDesk
from web.slack.http import Interactions
from web.slack.known import House
from web.slack.socket import Socket

_log = structlog.get_logger(__name__)


class Clicks:
    """What receives them, once it is `open`.

    Args:
        settings: with the bot's token, and the app's token or the signing secret, or both.
        policy: who stands in for whom, and when calls can be.

    Raises `BadSettings` where the bot's token is missing.
    """

    def __init__(self, settings: Settings, policy: Policy) -> None:
        if settings.slack_bot_token is None:
            raise BadSettings(f"{PREFIX}SLACK_BOT_TOKEN is not set: without it no click can be answered: set it too")
        self._settings = settings
        self._token = settings.slack_bot_token.get_secret_value()
        self._api: Api | None = None
        self._publisher = Publisher(settings)
        self._database = Database(settings.postgres_dsn.get_secret_value(), size=4)
        self._desk = SlackDesk(
            self._database,
            call=self._call,
            publish=self._publisher.publish,
            house=House(policy, rights(settings, policy), mails=settings.smtp_url is not None),
            clock=lambda: datetime.now(UTC),
            count=lambda result: metrics.CLICKS.labels(result).inc(),
        )
        for result in RESULTS:
            metrics.CLICKS.labels(result)  # from the beginning: the first failure is a rise, too
        secret = settings.slack_signing_secret
        self.interactions = Interactions(self._desk, secret.get_secret_value(), time) if secret is not None else None
        """The endpoint; None where no signing secret is set."""

    @asynccontextmanager
    async def open(self, health: Health) -> AsyncIterator[None]:
        """Receiving, and saying so in /readyz."""
        timeout = aiohttp.ClientTimeout(total=self._settings.slack_timeout_seconds)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            client = web_client(self._token, self._settings.slack_api_url, session)
            self._api = Api(client, timeout=self._settings.slack_timeout_seconds)
            await self._database.open()
            stack.push_async_callback(self._database.close)
            stack.push_async_callback(self._publisher.close)
            stack.push_async_callback(self._desk.close)
            if (token := self._settings.slack_app_token) is not None:
                socket = Socket(self._desk, token.get_secret_value(), self._settings.slack_api_url)
                await stack.enter_async_context(socket.connected())
                health.check("slack", socket.check)
            yield

    async def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 (each method has its own)
        if self._api is None:
            raise RuntimeError("not open")
        return await self._api.call(method, **arguments)


def wanted(settings: Settings) -> bool:
    """Whether clicks can come in at all."""
    return settings.slack_app_token is not None or settings.slack_signing_secret is not None


def rights(settings: Settings, policy: Policy) -> Rights:
    """Who may act beside the account's own people."""
    routed = {settings.slack_manager_channel, policy.routing.channel}
    unowned = {settings.slack_unowned_channel or settings.slack_fallback_channel}
    return Rights(
        managers=settings.managers,
        channels=frozenset(channel for channel in routed if channel),
        unowned=frozenset(channel for channel in unowned if channel),
    )
