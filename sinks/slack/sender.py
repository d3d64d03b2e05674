"""The sink: one message an alert, for life."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiolimiter import AsyncLimiter

from schemas.alert import Alert
from sinks.base import PREVIEW, Delivery, Permanent, Receipt, Retriable
from sinks.slack.api import Api
from sinks.slack.compose import compose
from sinks.slack.errors import RateLimited
from sinks.slack.people import People

EVENT_TYPE = "csatwatch_alert"
"""The type of the metadata that each message carries: alert_id, step and revision."""

_A_MESSAGE_EVERY = 1.0  # seconds a channel: https://docs.slack.dev/apis/web-api/rate-limits
_CHANNELS = 10_000  # whose pace is kept
_A_PAGE = 200  # messages of a channel's history
_MARGIN = 60.0  # seconds that Postgres's clock and Slack's may be apart

Remember = Callable[[Delivery, str], Awaitable[bool]]
"""Notes in the ledger where a message is about to go; False where the claim is lost to another worker."""


@dataclass(slots=True)
class _Pace:
    limiter: AsyncLimiter = field(default_factory=lambda: AsyncLimiter(1, _A_MESSAGE_EVERY))
    blocked_until: float = 0.0  # by the event loop's clock


@dataclass(frozen=True, slots=True)
class _Target:
    channel: str
    audience: str | None = None  # for whom it is, where the channel is not their own


class Slack:
    """Direct messages to CSMs.

    Args:
        api: the workspace.
        fallback_channel: the id of the channel for messages whose CSM is not known, or not in Slack; None lets such
            a step fail.
        remember: see `Remember`. A send whose outcome is not known is looked for there.
    """

    def __init__(self, api: Api, *, fallback_channel: str | None, remember: Remember) -> None:
        self._api = api
        self._people = People(api)
        self._fallback = fallback_channel
        self._remember = remember
        self._paces: OrderedDict[str, _Pace] = OrderedDict()

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Post the alert's message, or edit the one that is there. See `sinks.base.Sink`."""
        channel, ts = delivery.destination, delivery.external_id
        if channel is not None and channel != PREVIEW:
            if ts is None and delivery.uncertain:
                ts = await self._reconcile(delivery, channel)
            if ts is not None:
                return await self._follow(delivery, channel, ts)
        if not delivery.alert.status.open:
            return None
        return await self._post(delivery, await self._target(delivery.alert))

    async def _follow(self, delivery: Delivery, channel: str, ts: str) -> Receipt:
        """Bring the message that is there up to date; that of another's channel moves to the CSM's own."""
        if not delivery.alert.status.open:
            await self._edit(delivery, channel, ts, None)
            return Receipt(channel, ts)
        target = await self._target(delivery.alert)
        if target.channel == channel:
            await self._edit(delivery, channel, ts, target.audience)
            return Receipt(channel, ts, csm_notified=target.audience is None)
        if target.audience is None:
            # First the old one: once the ledger names the new channel, nobody knows of the old one any more.
            await self._edit(delivery, channel, ts, "The account's CSM is known now and has this message.")
            return await self._post(delivery, target)
        await self._edit(delivery, channel, ts, None)
        return Receipt(channel, ts)

    async def _post(self, delivery: Delivery, target: _Target) -> Receipt:
        content = _content(delivery, changed=False, audience=target.audience)
        pace = self._pace(target.channel)
        clock = asyncio.get_running_loop().time
        if (left := pace.blocked_until - clock()) > 0:
            raise Retriable("chat.postMessage: rate limited", after=left)
        await pace.limiter.acquire()
        if not await self._remember(delivery, target.channel):
            raise Retriable("the claim is lost to another worker")
        try:
            posted = await self._api.call(
                "chat.postMessage",
                channel=target.channel,
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
                link_names=False,
                **content,
            )
        except RateLimited as limited:
            pace.blocked_until = clock() + (limited.after or 0.0)
            raise
        except Permanent:
            self._people.forget(delivery.alert)
            raise
        return Receipt(str(posted["channel"]), str(posted["ts"]), csm_notified=target.audience is None)

    async def _edit(self, delivery: Delivery, channel: str, ts: str, audience: str | None) -> None:
        changed = delivery.alert.revision > delivery.shown_revision > 0
        content = _content(delivery, changed=changed, audience=audience)
        await self._api.call("chat.update", channel=channel, ts=ts, parse="none", link_names=False, **content)

    async def _reconcile(self, delivery: Delivery, channel: str) -> str | None:
        """The ts of the message that an earlier try left in the channel; None: there is none. Later twins go."""
        try:
            found = await self._sent(delivery, channel)
            for twin in found[1:]:
                await self._api.call("chat.delete", channel=channel, ts=twin)
        except Retriable as error:
            raise Retriable(str(error), after=error.after, uncertain=True) from None
        return found[0] if found else None

    async def _sent(self, delivery: Delivery, channel: str) -> list[str]:
        wanted = (str(delivery.alert.alert_id), delivery.step)
        found: list[str] = []
        more: dict[str, Any] = {}
        while True:
            page = await self._api.call(
                "conversations.history",
                channel=channel,
                include_all_metadata=True,
                oldest=f"{delivery.created_at.timestamp() - _MARGIN:.6f}",
                limit=_A_PAGE,
                **more,
            )
            found += [str(each["ts"]) for each in page.get("messages", ()) if _identity(each) == wanted]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return sorted(found, key=float)
            more = {"cursor": cursor}

    async def _target(self, alert: Alert) -> _Target:
        csm = alert.customer.csm if alert.customer else None
        if csm is not None:
            channel = await self._people.channel(csm)
            if channel is not None:
                return _Target(channel)
            audience, reason = f"For {csm.name} ({csm.email}), who is not in Slack.", "the CSM is not in Slack"
        else:
            known = alert.customer is not None
            reason = "the customer has no CSM" if known else "the customer's account is not known"
            audience = f"For the CSM of this customer: {reason}."
        if self._fallback is None:
            raise Permanent(f"{reason}, and no fallback channel is set")
        return _Target(self._fallback, audience)

    def _pace(self, channel: str) -> _Pace:
        pace = self._paces.setdefault(channel, _Pace())
        self._paces.move_to_end(channel)
        if len(self._paces) > _CHANNELS:
            self._paces.popitem(last=False)
        return pace


def _content(delivery: Delivery, *, changed: bool, audience: str | None) -> dict[str, Any]:
    composed = compose(delivery, changed=changed, audience=audience)
    payload = {
        "alert_id": str(delivery.alert.alert_id),
        "step": delivery.step,
        "revision": delivery.alert.revision,
    }
    return {
        "text": composed.text,
        "blocks": composed.as_json(),
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
    }


def _identity(found: dict[str, Any]) -> tuple[str, str] | None:
    metadata = found.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload") or {}
    return str(payload.get("alert_id")), str(payload.get("step"))
