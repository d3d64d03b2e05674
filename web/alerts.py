"""The page of alerts as they come in."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from web.cards import Card, Message, Row, card
from web.database import Database
from web.event_stream import EventStream
from web.live import Event, Live, Subscription
from web.paging import mark, time_of
from web.templates import Templates

PAGE = 20
_OF_CUSTOMER = 20
_HEARTBEAT_SECONDS = 15.0


class AlertPages:
    """The list of alerts, its cards and its live updates."""

    def __init__(self, database: Database, templates: Templates, message: Message) -> None:
        self._database = database
        self._templates = templates
        self._message = message
        self._live: Live | None = None

    def follow(self, live: Live) -> None:
        """Where the updates come from; it renders by this object, so it is made after it."""
        self._live = live

    async def newest(self, request: Request) -> Response:
        """`/`: one page of alerts, newest first; `?before=` continues."""
        before = request.query_params.get("before")
        at, alert_id = time_of(before)
        position = self._following.position
        rows = await self._database.rows("alerts_newest", at, alert_id, PAGE + 1)
        cards = await self._cards(rows[:PAGE])
        older = mark(cards[-1].occurred_at, cards[-1].alert_id) if len(rows) > PAGE else None
        return self._templates.page(
            request, "alerts.html", cards=cards, older=older, before=before, position=position, now=datetime.now(UTC)
        )

    async def live(self, request: Request) -> Response:
        """`/live`: server-sent events, see `web.live`. `?since=` is the position of the page."""
        since = request.headers.get("Last-Event-ID") or request.query_params.get("since")
        subscription = self._following.subscribe(since)
        return EventStream(self._events(subscription))

    async def of_customer(self, customer_id: UUID) -> Sequence[Card]:
        """The newest alerts of one customer."""
        return await self._cards(await self._database.rows("alerts_of_customer", customer_id, _OF_CUSTOMER))

    async def render_cards(self, alert_ids: Sequence[UUID]) -> Iterable[str]:
        """The cards of these alerts as HTML, oldest first, so that the newest ends on top."""
        cards = await self._cards(await self._database.rows("alerts_named", list(alert_ids)))
        return [self._templates.render("card.html", card=card) for card in reversed(cards)]

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
            while subscription.is_open:
                event = await subscription.next(_HEARTBEAT_SECONDS)
                if event is not None:
                    yield _wire(event)
                elif subscription.is_open:
                    yield ": still here\n\n"
        finally:
            self._following.unsubscribe(subscription)


def _wire(event: Event) -> str:
    data = "".join(f"data: {line}\n" for line in event.data.splitlines() or [""])
    return f"event: {event.name}\nid: {event.position}\n{data}\n"
