"""Calls of Slack's Web API, whose failures are Retriable or Permanent."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from sinks.base import Permanent
from sinks.slack.errors import NO_THREAD, POST, UNREACHABLE, RateLimited, ThreadGone, classify, code_of

# Slack takes JSON for what changes something only: https://docs.slack.dev/apis/web-api.
_READS = frozenset(
    {
        "auth.test",
        "chat.getPermalink",
        "conversations.history",
        "conversations.replies",
        "users.info",
        "users.lookupByEmail",
    }
)
_MANY = 10_000  # channels that ask for a pause at the same time


class Unreachable(Permanent):
    """Slack has nobody of this name to write to."""


class Api:
    """One workspace.

    Where Slack asks for a pause, no call of that method goes out until it is over, and of posts none into that channel:
    each meanwhile is refused here with what is left of the pause. Other methods go on.

    Args:
        client: slack-sdk's, as `client` below makes it.
        timeout: seconds that it waits for an answer.
    """

    def __init__(self, client: AsyncWebClient, *, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._paused: dict[tuple[str, object], float] = {}  # until when, by the event loop's clock

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 (each method has its own)
        """Slack's answer. Raises Retriable, Permanent, or of these RateLimited, Unreachable and ThreadGone."""
        limit = (method, arguments.get("channel") if method == POST else None)
        if (left := self._paused.get(limit, 0.0) - _clock()) > 0:
            raise RateLimited(method, left)
        try:
            if method in _READS:
                answer = await self._client.api_call(method, http_verb="GET", params=arguments)
            else:
                answer = await self._client.api_call(method, json=arguments)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            failed = classify(method, error, timeout=self._timeout)
            if isinstance(failed, RateLimited):
                self._pause(limit, failed.after or 0.0)
            elif isinstance(error, SlackApiError) and code_of(error) in UNREACHABLE:
                failed = Unreachable(str(failed))
            elif isinstance(error, SlackApiError) and _threaded(method, arguments) and code_of(error) in NO_THREAD:
                failed = ThreadGone(str(failed))
            # The original may hold the address or what was sent.
            raise failed from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    def _pause(self, limit: tuple[str, object], seconds: float) -> None:
        now = _clock()
        if len(self._paused) >= _MANY:
            self._paused = {each: until for each, until in self._paused.items() if until > now}
        self._paused[limit] = now + seconds


def _threaded(method: str, arguments: Mapping[str, Any]) -> bool:
    return method == "conversations.replies" or "thread_ts" in arguments


def _clock() -> float:
    return asyncio.get_running_loop().time()


def web_client(token: str, base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """slack-sdk's client on a session of ours, whose timeout holds.

    Without its own retries: a message whose first try went through unseen must not be posted again before somebody
    looks.
    """
    return AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
