"""Calls of Slack's Web API, whose failures are Retriable or Permanent."""

from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from sinks.base import Permanent
from sinks.slack.errors import UNREACHABLE, classify, code_of

# Slack takes JSON for what changes something only: https://docs.slack.dev/apis/web-api.
_READS = frozenset({"auth.test", "conversations.history", "users.lookupByEmail"})


class Unreachable(Permanent):
    """Slack has nobody of this name to write to."""


class Api:
    """One workspace.

    Args:
        client: slack-sdk's, as `client` below makes it.
        timeout: seconds that it waits for an answer.
    """

    def __init__(self, client: AsyncWebClient, *, timeout: float) -> None:
        self._client = client
        self._timeout = timeout

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 (each method has its own)
        """Slack's answer. Raises Retriable, Permanent, or of these Unreachable."""
        try:
            if method in _READS:
                answer = await self._client.api_call(method, http_verb="GET", params=arguments)
            else:
                answer = await self._client.api_call(method, json=arguments)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            failed = classify(method, error, timeout=self._timeout)
            if isinstance(error, SlackApiError) and code_of(error) in UNREACHABLE:
                failed = Unreachable(str(failed))
            # The original may hold the address or what was sent.
            raise failed from None
        data = answer.data
        return data if isinstance(data, dict) else {}


def web_client(token: str, base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """slack-sdk's client on a session of ours, whose timeout holds.

    Without its own retries: a message whose first try went through unseen must not be posted again before somebody
    looks.
    """
    return AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
