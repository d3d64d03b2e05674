"""The page of alerts as they come in."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.cards import Card, Message, Row, card
from web.database import Database
from web.event_stream import EventStream
from web.export import download, pages
from web.live import Change, Event, Live, Subscription, Wish
from web.paging import mark, time_of
from web.preview import Remembered
from web.templates import Templates
from web.viewer import viewer_of

PAGE = 12
_OF_CUSTOMER = 20
_HEARTBEAT_SECONDS = 15.0
_FOLLOWED_SECONDS = 600.0  # then the browser comes back, and whether it still may is looked at anew


_COLUMNS = (
    "occurred_at",
    "customer_name",
    "customer_id",
    "csm_email",
    "kind",
    "severity",
    "status",
    "silent",
    "rating",
    "ticket_id",
    "ticket_subject",
    "ticket_category",
    "feedback",
    "reasons",
    "alert_id",
)


class AlertPages:
    """The list of alerts, its cards and its live updates."""

    def __init__(self, database: Database, templates: Templates, message: Message) -> None:
        self._database = database
        self._templates = templates
        self._message = Remembered(message)
        self._live: Live | None = None

    def follow(self, live: Live) -> None:
        """Where the updates come from; it renders by this object, so it is made after it."""
        self._live = live

    async def newest(self, request: Request) -> Response:
        """`/`: one page of alerts, newest first; `?before=` continues."""
        before = request.query_params.get("before")
        position = self.position
        rows = await self.page_of(viewer_of(request).only, time_of(before), PAGE + 1)
        cards = await self._cards(rows[:PAGE])
        older = mark(cards[-1].occurred_at, cards[-1].alert_id) if len(rows) > PAGE else None
        return self._templates.page(
            request, "alerts.html", cards=cards, older=older, before=before, position=position, now=datetime.now(UTC)
        )

    async def file(self, request: Request) -> Response:
        """`/alerts.csv`: every alert, newest first."""
        only = viewer_of(request).only

        async def next_page(last: Row | None, most: int) -> Sequence[Row]:
            place = (None, None) if last is None else (last["occurred_at"], last["alert_id"])
            return [row | _told(row["record"]) for row in await self.page_of(only, place, most)]

        return await download("alerts", _COLUMNS, pages(next_page))

    async def live(self, request: Request) -> Response:
        """`/live`: server-sent events, see `web.live`. `?since=` is the position of the page.

        `?of=` is the alert or the customer that the page is about, or `all`: it hears that something changed; without
        it each alert comes as a card.
        """
        since = request.headers.get("Last-Event-ID") or request.query_params.get("since")
        of = request.query_params.get("of")
        try:
            about = UUID(of) if of not in {None, "all"} else None
        except ValueError:
            raise HTTPException(400) from None
        wish = Wish(viewer_of(request).only, cards=of is None, about=about)
        return EventStream(self._events(self._following.subscribe(since, wish)))

    async def page_of(
        self, only: str | None, place: tuple[datetime, UUID] | tuple[None, None], most: int
    ) -> Sequence[dict[str, Any]]:
        """The rows of a page of alerts: of this CSM's accounts, where `only` names one."""
        if only is None:
            return await self._database.rows("alerts_newest", *place, most)
        return await self._database.rows("alerts_newest_of_csm", *place, most, only)

    async def of_customer(self, customer_id: UUID) -> Sequence[Card]:
        """The newest alerts of one customer."""
        return await self._cards(await self._database.rows("alerts_of_customer", customer_id, _OF_CUSTOMER))

    async def one(self, alert_id: UUID, only: str | None) -> Card | None:
        """One alert; None where there is none, or it is on the account of another CSM than `only`."""
        rows = await self._database.rows("alerts_named", [alert_id])
        if not rows or (only is not None and rows[0]["csm_email"] != only):
            return None
        (found,) = await self._cards(rows)
        return found

    async def render_changes(self, alert_ids: Sequence[UUID]) -> Iterable[Change]:
        """These alerts as changes, oldest first, so that the newest ends on top."""
        rows = await self._database.rows("alerts_named", list(alert_ids))
        cards = await self._cards(rows)
        return [
            Change(
                frozenset(filter(None, (card.alert_id, card.customer_id))),
                row["csm_email"],
                self._templates.render("card.html", card=card),
            )
            for row, card in zip(reversed(rows), reversed(cards), strict=True)
        ]

    @property
    def position(self) -> str:
        """How far the live updates are: a page reads it before its rows."""
        return self._following.position

    @property
    def _following(self) -> Live:
        if self._live is None:
            raise RuntimeError("follow() comes first")
        return self._live

    async def _cards(self, rows: Sequence[Row]) -> Sequence[Card]:
        steps: defaultdict[UUID, list[Row]] = defaultdict(list)
        if rows:
            for step in await self._database.rows("deliveries", [row["alert_id"] for row in rows]):
                steps[step["alert_id"]].append(step)
        return [card(row, steps[row["alert_id"]], self._message) for row in rows]

    async def _events(self, subscription: Subscription) -> AsyncGenerator[str, None]:
        try:
            yield ": following\n\n"
            until = asyncio.get_running_loop().time() + _FOLLOWED_SECONDS
            while subscription.is_open and asyncio.get_running_loop().time() < until:
                event = await subscription.next(_HEARTBEAT_SECONDS)
                if event is not None:
                    yield _wire(event)
                elif subscription.is_open:
                    yield ": still here\n\n"
        finally:
            self._following.unsubscribe(subscription)


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    ticket = record.get("ticket") or {}
    return {
        "rating": record.get("rating"),
        "ticket_id": ticket.get("ticket_id"),
        "ticket_subject": ticket.get("ticket_subject"),
        "ticket_category": ticket.get("ticket_category"),
        "feedback": record.get("feedback"),
        "reasons": "; ".join(record.get("reasons") or ()),
    }


def _wire(event: Event) -> str:
    data = "".join(f"data: {line}\n" for line in event.data.splitlines() or [""])
    return f"event: {event.name}\nid: {event.position}\n{data}\n"
