"""The sink: one message an alert, for life."""

from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Protocol

from aiolimiter import AsyncLimiter

from schemas.notice import Notice, notice_of
from sinks.base import PREVIEW, Delivery, Elsewhere, Permanent, Receipt, Retriable
from sinks.slack.api import Api
from sinks.slack.content import content
from sinks.slack.errors import POST, ThreadGone
from sinks.slack.history import reconcile, rediscover
from sinks.slack.people import People
from sinks.slack.target import Target, Targets
from sinks.slack.texts import texts

_A_MESSAGE_EVERY = 1.0  # seconds a channel: https://docs.slack.dev/apis/web-api/rate-limits
_CHANNELS = 10_000  # whose pace is kept


class Remember(Protocol):
    """Notes in the ledger where a message is about to go; False where the claim is lost to another worker."""

    def __call__(self, delivery: Delivery, destination: str, thread: str | None, /) -> Awaitable[bool]:
        """`thread`: the message below which it goes."""
        ...


class Slack:
    """Messages to CSMs, to those who stand in, and to channels.

    Args:
        api: the workspace.
        fallback_channel: the id of the channel for messages whose reader is not known, or not in Slack; None lets such
            a step fail.
        remember: see `Remember`. A send whose outcome is not known is looked for there.
        shared: the ids of all other channels that messages go to.
    """

    def __init__(
        self, api: Api, *, fallback_channel: str | None, remember: Remember, shared: frozenset[str] = frozenset()
    ) -> None:
        self._api = api
        self._people = People(api)
        self._targets = Targets(self._people, fallback_channel)
        self._remember = remember
        self._shared = shared | ({fallback_channel} if fallback_channel else set())
        self._limiters: OrderedDict[str, AsyncLimiter] = OrderedDict()

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Post the message, or edit the one that is there. See `sinks.base.Sink`. Raises `Elsewhere` too."""
        try:
            return await self._send(delivery)
        except Retriable as error:
            # A message that was found now, and could not be brought up to date, has to be found again.
            error.uncertain = error.uncertain or delivery.uncertain
            raise

    async def _send(self, delivery: Delivery) -> Receipt | None:
        channel, ts = delivery.destination, delivery.external_id
        if channel is not None and channel != PREVIEW:
            if ts is None and delivery.uncertain:
                ts = await self._reconcile(delivery, channel)
            if ts is not None:
                return await self._follow(delivery, channel, ts)
        if not delivery.alert.status.open and notice_of(delivery.step) is not Notice.OPERATOR:
            return None
        target = await self._targets.find(delivery)
        if target is None:
            return None
        if delivery.lane is not None and delivery.lane != target.lane:
            raise Elsewhere(target.lane)
        if delivery.restored and channel is None:
            below = target.thread.ts if target.thread else None
            if found := await rediscover(self._api, delivery, target.channel, below):
                ts, thread = found
                return await self._follow(replace(delivery, thread=thread), target.channel, ts)
        return await self._post(delivery, target)

    async def _follow(self, delivery: Delivery, channel: str, ts: str) -> Receipt:
        """Bring the message that is there up to date; that of another's channel moves to the CSM's own."""
        target = await self._now(delivery)
        if target is None or target.channel == channel or not self._moves(delivery, channel, target):
            at_home = target is not None and target.channel == channel
            await self._edit(delivery, channel, ts, target.audience if target and at_home else None)
            own = target is not None and target.own and at_home
            return Receipt(channel, ts, csm_notified=own, thread=delivery.thread)
        # First the old one: once the ledger names the new channel, nobody knows of the old one any more.
        await self._edit(delivery, channel, ts, texts().words("moved"))
        return await self._post(delivery, target)

    async def _now(self, delivery: Delivery) -> Target | None:
        """Where the message would go if it were new; None: that does not matter, or nobody knows."""
        if not delivery.alert.status.open or notice_of(delivery.step) in {Notice.REPEAT, Notice.SNOOZE}:
            return None
        try:
            return await self._targets.find(delivery)
        except Permanent:
            return None

    def _moves(self, delivery: Delivery, channel: str, target: Target) -> bool:
        if not target.own or delivery.life.handled:
            return False
        return target.audience is None or channel in self._shared

    async def _post(self, delivery: Delivery, target: Target) -> Receipt:
        below = target.thread
        composed = content(delivery, changed=False, audience=target.audience)
        await self._limiter(target.channel).acquire()
        if not await self._remember(delivery, target.channel, below.ts if below else None):
            raise Retriable("the claim is lost to another worker", counts=False)
        where: dict[str, Any] = {"channel": target.channel}
        if below:
            where |= {"thread_ts": below.ts, "reply_broadcast": below.broadcast}
        try:
            posted = await self._api.call(
                POST, **where, unfurl_links=False, unfurl_media=False, parse="none", link_names=False, **composed
            )
        except ThreadGone:
            alone = Target(target.channel, target.lane, target.audience, target.own)
            return await self._post(delivery, alone)
        except Permanent:
            if delivery.way and delivery.way.person:
                self._people.forget(delivery.way.person)
            elif csm := delivery.alert.csm:
                self._people.forget(csm)
            raise
        return Receipt(
            str(posted["channel"]),
            str(posted["ts"]),
            csm_notified=target.own,
            thread=below.ts if below else None,
            rest=_A_MESSAGE_EVERY,
        )

    async def _edit(self, delivery: Delivery, channel: str, ts: str, audience: str | None) -> None:
        changed = delivery.alert.revision > delivery.shown_revision > 0
        composed = content(delivery, changed=changed, audience=audience)
        await self._api.call("chat.update", channel=channel, ts=ts, parse="none", link_names=False, **composed)

    async def _reconcile(self, delivery: Delivery, channel: str) -> str | None:
        return await reconcile(self._api, delivery, channel)

    def _limiter(self, channel: str) -> AsyncLimiter:
        limiter = self._limiters.setdefault(channel, AsyncLimiter(1, _A_MESSAGE_EVERY))
        self._limiters.move_to_end(channel)
        if len(self._limiters) > _CHANNELS:
            self._limiters.popitem(last=False)
        return limiter
