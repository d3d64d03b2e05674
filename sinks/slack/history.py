"""What stands in a channel already? A send whose outcome is not known is looked for before it is repeated."""

from collections.abc import AsyncIterator
from typing import Any

from sinks.base import Delivery, Retriable
from sinks.slack.api import Api
from sinks.slack.content import identity
from sinks.slack.errors import ThreadGone

_A_PAGE = 200  # messages
_MARGIN = 60.0  # seconds that Postgres's clock and Slack's may be apart
_THREADS = 86_400.0  # seconds before a message that the one may be posted in whose thread it stands


async def reconcile(api: Api, delivery: Delivery, channel: str) -> str | None:
    """The ts of the message that an earlier try left in the channel; None: there is none. Later twins are deleted.

    Raises Retriable, which leaves it uncertain, or Permanent.
    """
    try:
        found = await _sent(api, delivery, channel)
        for twin in found[1:]:
            await api.call("chat.delete", channel=channel, ts=twin)
    except Retriable as error:
        raise Retriable(str(error), after=error.after, uncertain=True, counts=error.counts, away=error.away) from None
    return found[0] if found else None


async def rediscover(api: Api, delivery: Delivery, channel: str, below: str | None) -> tuple[str, str | None] | None:
    """The ts of the message in the channel, and the one in whose thread it stands; None: it stands nowhere there.

    For a ledger that was restored and does not know where a lost one put it: in the channel, below `below`, below what
    it has of the customer's other alerts, or below one of them that it does not have either, of the day before.

    Raises Retriable, which leaves it uncertain, or Permanent.
    """
    wanted = (str(delivery.alert.alert_id), delivery.step)
    since = delivery.created_at.timestamp() - _MARGIN
    threads = {each.ts for each in delivery.neighbours if each.channel == channel} | {below}
    try:
        async for each in _messages(api, "conversations.history", channel, since - _THREADS):
            if identity(each) == wanted:
                return str(each["ts"]), None
            if identity(each) is not None and each.get("reply_count"):
                threads.add(str(each["ts"]))
        for thread in sorted(ts for ts in threads if ts is not None):
            async for each in _messages(api, "conversations.replies", channel, since, ts=thread):
                if identity(each) == wanted:
                    return str(each["ts"]), thread
    except Retriable as error:
        error.uncertain = True
        raise
    return None


async def _sent(api: Api, delivery: Delivery, channel: str) -> list[str]:
    wanted = (str(delivery.alert.alert_id), delivery.step)
    place = {"ts": delivery.thread} if delivery.thread else {}
    method = "conversations.replies" if delivery.thread else "conversations.history"
    oldest = delivery.created_at.timestamp() - _MARGIN
    found = [
        str(each["ts"]) async for each in _messages(api, method, channel, oldest, **place) if identity(each) == wanted
    ]
    return sorted(found, key=float)


async def _messages(api: Api, method: str, channel: str, oldest: float, **place: str) -> AsyncIterator[dict[str, Any]]:
    """Those since `oldest`, page by page; none where the thread is gone."""
    more: dict[str, Any] = {}
    while True:
        try:
            page = await api.call(
                method,
                channel=channel,
                include_all_metadata=True,
                oldest=f"{oldest:.6f}",
                limit=_A_PAGE,
                **place,
                **more,
            )
        except ThreadGone:
            return
        for each in page.get("messages", ()):
            yield each
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return
        more = {"cursor": cursor}
