"""What stands in a channel already? A send whose outcome is not known is looked for before it is repeated."""

from typing import Any

from sinks.base import Delivery, Retriable
from sinks.slack.api import Api
from sinks.slack.content import identity
from sinks.slack.errors import ThreadGone

_A_PAGE = 200  # messages
_MARGIN = 60.0  # seconds that Postgres's clock and Slack's may be apart


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


async def _sent(api: Api, delivery: Delivery, channel: str) -> list[str]:
    wanted = (str(delivery.alert.alert_id), delivery.step)
    place = {"ts": delivery.thread} if delivery.thread else {}
    method = "conversations.replies" if delivery.thread else "conversations.history"
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        try:
            page = await api.call(
                method,
                channel=channel,
                include_all_metadata=True,
                oldest=f"{delivery.created_at.timestamp() - _MARGIN:.6f}",
                limit=_A_PAGE,
                **place,
                **more,
            )
        except ThreadGone:
            return []
        found += [str(each["ts"]) for each in page.get("messages", ()) if identity(each) == wanted]
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return sorted(found, key=float)
        more = {"cursor": cursor}
