"""Interactions over Socket Mode: a connection to Slack instead of an address that Slack can reach.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from web.slack.desk import SlackDesk
from web.slack.payload import Unreadable

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds between two tries to connect

_log = structlog.get_logger(__name__)


class Socket:
    """One connection, which is made again whenever it ends.

    Args:
        desk: what carries interactions out.
        token: the app-level token, xapp-….
        base_url: of Slack's Web API.
    """

    def __init__(self, desk: SlackDesk, token: str, base_url: str) -> None:
        self._desk = desk
        # slack-sdk logs what it receives, at levels of its own.
        quiet = logging.getLogger("slack_sdk.socket_mode.quiet")
        quiet.setLevel(logging.CRITICAL)
        self._client = SocketModeClient(
            app_token=token, web_client=AsyncWebClient(base_url=base_url), logger=quiet, ping_interval=10
        )
        self._client.socket_mode_request_listeners.append(self._receive)
        self._connecting: asyncio.Task[None] | None = None

    async def check(self) -> str | None:
        """Why no click can come in right now; None: one can."""
        return None if await self._client.is_connected() else "slack: no socket yet"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Connected, or trying to be."""
        self._connecting = asyncio.create_task(self._connect(), name="slack socket")
        try:
            yield
        finally:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
            await self._client.close()  # type: ignore[no-untyped-call]

    async def _connect(self) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                await self._client.connect()  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001 (whatever it is: the pages go on without clicks)
                _log.warning("no socket to slack", error=type(error).__name__, next_try_seconds=wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                # From here on slack-sdk connects again by itself.
                _log.info("connected to slack")
                return

    async def _receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = None
        if request.type == "interactive":
            try:
                answer = await self._desk.receive(request.payload)
            except Unreadable as error:
                _log.warning("an interaction cannot be read", reason=str(error))
        await client.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=dict(answer) if answer else None)
        )
