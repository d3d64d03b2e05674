"""Who hears of a new or changed alert, task, draft or action: one connection to Postgres, any number of browsers.

A browser that loads a page keeps the page's `position`, and hands it over when it subscribes. Where something was
announced in between, or was missed while Postgres was away, it is told that its page is `stale` and loads it again;
from then on the page of alerts gets each changed alert as it is, and any other page hears that something `changed`.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from web.database import Database, Listener, Unavailable

CHANNEL = "csatwatch_alerts"

_log = structlog.get_logger()

_GATHER_SECONDS = 0.05  # an alert and its steps come in one breath: one update for all
_CHECK_SECONDS = 20.0
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_MOST_AT_ONCE = 40  # more changes than a page shows: loading the list again is cheaper for all
_QUEUE = 64  # events that a slow browser may be behind
_CLIENTS = 500


class TooManyClients(Exception):
    """As many browsers follow along as this process can serve."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event: `name` is `alert` (data: its card as HTML), `changed` or `stale` (no data)."""

    name: str
    position: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that is new, or with which something was done.

    Attributes:
        about: the ids of the alert and of its customer.
        csm_email: whose account it is, in lower case; None: nobody's.
        card: its card as HTML.
    """

    about: frozenset[UUID]
    csm_email: str | None
    card: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a page is to hear of.

    Attributes:
        only: on the accounts of this CSM alone (e-mail in lower case); None: on all.
        cards: each alert as a card; else only that something has changed.
        about: of this alert or customer alone; None: of all.
    """

    only: str | None = None
    cards: bool = True
    about: UUID | None = None

    def takes(self, change: Change) -> bool:
        """Whether the page is to hear of it."""
        return (self.only is None or self.only == change.csm_email) and (
            self.about is None or self.about in change.about
        )


class Subscription:
    """What one browser has yet to be told; at most `_QUEUE` events, then it is dropped."""

    def __init__(self, wish: Wish = Wish()) -> None:
        self.wish = wish
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=_QUEUE)
        self._open = True

    def put(self, event: Event) -> bool:
        """Whether it was taken; False: the browser is too slow, and this was the end of it."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.end()
            return False
        return True

    def end(self) -> None:
        """No further event; what was not taken yet is forgotten."""
        self._open = False
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def next(self, within_seconds: float) -> Event | None:
        """The next event; None when the time is up or the subscription is over."""
        try:
            async with asyncio.timeout(within_seconds):
                return await self._events.get()
        except TimeoutError:
            return None

    @property
    def is_open(self) -> bool:
        """Whether further events can come."""
        return self._open


class Live:
    """Hands the announcements of Postgres to all subscriptions.

    Args:
        database: where the announcements come from.
        render: what these alerts are now, the oldest first. Raises `Unavailable`.
    """

    def __init__(self, database: Database, render: Callable[[Sequence[UUID]], Awaitable[Iterable[Change]]]) -> None:
        self._database = database
        self._render = render
        self._subscriptions: set[Subscription] = set()
        self._changed: dict[UUID, None] = {}  # in the order of the first announcement
        self._wake = asyncio.Event()
        self._is_lost = False
        self._is_closed = False
        self._run = secrets.token_hex(4)  # positions of an earlier process mean nothing in this one
        self._count = 0

    @property
    def position(self) -> str:
        """How far this is. A page reads it before its rows."""
        return f"{self._run}-{self._count}"

    @property
    def clients(self) -> int:
        """Browsers that follow along now."""
        return len(self._subscriptions)

    def subscribe(self, since: str | None, wish: Wish = Wish()) -> Subscription:
        """Follow along from now. `since` is the position of the page. Raises `TooManyClients`."""
        if self._is_closed or len(self._subscriptions) >= _CLIENTS:
            raise TooManyClients
        subscription = Subscription(wish)
        self._subscriptions.add(subscription)
        if since != self.position:
            subscription.put(Event("stale", self.position))
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a browser that is gone."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all subscriptions, for good: a server that stops need not wait for its browsers."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()

    async def run(self) -> None:
        """Follow Postgres until cancelled, through its restarts."""
        failures = 0
        while True:
            try:
                async for _ in self._follow():
                    failures = 0
            except Unavailable as why:
                if failures == 0:
                    _log.warning("live updates interrupted", reason=str(why))
            await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
            failures += 1

    async def _follow(self) -> AsyncIterator[None]:
        """One connection's life; yields whenever all is well. Raises `Unavailable`."""
        self._is_lost = False
        async with self._database.listening(CHANNEL, self._hear, self._lose) as listener:
            # What happened while nobody listened is not known: every page counts as old.
            self._announce_stale()
            _log.info("live updates on")
            yield
            while not self._is_lost:
                await self._wait(listener)
                if self._changed:
                    await asyncio.sleep(_GATHER_SECONDS)
                    await self._announce_changed()
                yield
        raise Unavailable("The database closed the connection.")

    def _hear(self, payload: str) -> None:
        self._changed[UUID(payload)] = None
        self._wake.set()

    def _lose(self) -> None:
        self._is_lost = True
        self._wake.set()

    async def _wait(self, listener: Listener) -> None:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            await listener.check()
        self._wake.clear()

    async def _announce_changed(self) -> None:
        changed = list(self._changed)
        self._changed.clear()
        if not self._subscriptions:
            self._count += 1
        elif len(changed) > _MOST_AT_ONCE:
            self._announce_stale()
        else:
            for change in await self._render(changed):
                self._announce(change)

    def _announce_stale(self) -> None:
        self._changed.clear()
        self._announce(None)

    def _announce(self, change: Change | None) -> None:
        """None: whatever a page shows may be old."""
        self._count += 1
        slow = set()
        for subscription in self._subscriptions:
            if change is None:
                event = Event("stale", self.position)
            elif not subscription.wish.takes(change):
                continue
            elif subscription.wish.cards:
                event = Event("alert", self.position, change.card)
            else:
                event = Event("changed", self.position)
            if not subscription.put(event):
                slow.add(subscription)
        self._subscriptions -= slow
        if slow:
            _log.info("slow clients dropped", clients=len(slow))
