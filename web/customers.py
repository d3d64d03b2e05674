"""The page of one account."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.alert import CustomerTrend
from schemas.customer import Customer
from web.alerts import AlertPages
from web.database import Database
from web.doing import STEPS
from web.export import Row, download, pages, whole
from web.history import chart
from web.lives import Lives
from web.months import COLUMNS, Month, back, following, line, months
from web.paging import addresses, mark, time_of
from web.templates import Templates
from web.viewer import viewer_of
from web.wording import money

_RATINGS = 50
_DRAWN = 2000
_MONTHS = 12
_LONGEST_CATEGORY = 100
_STEPS_FOR = 3  # alerts whose next steps are on the page
_COLUMNS = (
    "responded_at",
    "rating",
    "ticket_id",
    "ticket_subject",
    "ticket_category",
    "feedback",
    "resolution_time_hours",
    "sla_hours",
    "first_contact_resolution",
    "was_escalated",
    "csm_notified",
    "csm_followed_up",
    "ticket_url",
)
_CATEGORIES = ("category", "ratings", "average", "low", "first_contact_known", "first_contact", "hours")


class CustomerPages:
    """An account with its ratings, its alerts, and what was done about them."""

    def __init__(
        self, database: Database, templates: Templates, alerts: AlertPages, lives: Lives, *, acts: bool
    ) -> None:
        self._database = database
        self._templates = templates
        self._alerts = alerts
        self._lives = lives
        self._acts = acts

    async def one(self, request: Request) -> Response:
        """`/customers/{customer_id}`: `?category=` chooses ratings, `?before=` continues them."""
        position, now = self._alerts.position, datetime.now(UTC)
        row = await self.figures(request, now)
        customer_id: UUID = row["customer_id"]
        category, before = _category(request), request.query_params.get("before")
        at, row_id = time_of(before)
        rows = await self._database.rows("ratings_page", customer_id, at, row_id, _RATINGS + 1, category)
        drawn = await self._database.rows("ratings_drawn", customer_id, _DRAWN, category)
        alerted = await self._database.rows("alerted_responses", customer_id)
        cards = await self._alerts.of_customer(customer_id)
        trend = read_trend(row["trend"])
        ratings = rows[:_RATINGS]
        waiting = [card for card in cards if card.alert and card.alert.status.open and not card.alert.silent]
        return self._templates.page(
            request,
            "customer.html",
            customer_id=customer_id,
            figures=row,
            arr=money(row["arr"], row["currency"]),
            account=read_account(row["record"]),
            trend=trend,
            now=now,
            ratings=ratings,
            older=mark(ratings[-1]["responded_at"], ratings[-1]["id"]) if len(rows) > _RATINGS else None,
            before=before,
            category=category,
            categories=await self._database.rows("customer_categories", customer_id),
            months=await self.months(customer_id, now.date()),
            drawn=len(drawn),
            chart=json.dumps(chart(drawn, alerted, trend if category is None else None), separators=(",", ":")),
            alerted={alert["response_id"]: alert for alert in alerted},
            cards=cards,
            waiting=waiting[:_STEPS_FOR],
            steps=STEPS if self._acts else {},
            story=await self._lives.of([card.alert_id for card in cards]),
            headlines={card.alert_id: card.headline for card in cards},
            position=position,
            address=addresses(f"/customers/{customer_id}", category=category),
        )

    async def file(self, request: Request) -> Response:
        """`/customers/{customer_id}/ratings.csv`: every rating with its ticket; `?category=` chooses."""
        row = await self.figures(request, datetime.now(UTC))
        customer_id, category = row["customer_id"], _category(request)

        async def next_page(last: Row | None, most: int) -> Sequence[Row]:
            place = (None, None) if last is None else (last["responded_at"], last["id"])
            return await self._database.rows("ratings_page", customer_id, *place, most, category)

        return await download(f"ratings-{customer_id}", _COLUMNS, pages(next_page))

    async def months_file(self, request: Request) -> Response:
        """`/customers/{customer_id}/months.csv`: the table of months."""
        now = datetime.now(UTC)
        row = await self.figures(request, now)
        found = [line(each) for each in await self.months(row["customer_id"], now.date())]
        return await whole(f"months-{row['customer_id']}", ("month", *COLUMNS), found)

    async def categories_file(self, request: Request) -> Response:
        """`/customers/{customer_id}/categories.csv`: the table of categories."""
        row = await self.figures(request, datetime.now(UTC))
        found = await self._database.rows("customer_categories", row["customer_id"])
        return await whole(f"categories-{row['customer_id']}", _CATEGORIES, found)

    async def figures(self, request: Request, now: datetime) -> Mapping[str, Any]:
        """The account's row; an HTTP 404 where there is none, or it is another CSM's."""
        customer_id: UUID = request.path_params["customer_id"]
        found = await self._database.rows("customer", customer_id, now, viewer_of(request).only)
        if not found:
            raise HTTPException(404)
        return found[0]

    async def months(self, customer_id: UUID, today: date, number: int = _MONTHS) -> Sequence[Month]:
        """The account's figures of the last months, the newest first, this one included."""
        rows = await self._database.rows("customer_months", customer_id, back(today, number - 1), following(today))
        return months(rows)


def read_account(record: object) -> Customer | None:
    """The account as it was published; None for a stub: the account itself has not come yet."""
    try:
        return Customer.model_validate(record)
    except ValidationError:
        return None


def read_trend(record: object) -> CustomerTrend | None:
    """None where there is none, or it was written by another version."""
    try:
        return None if record is None else CustomerTrend.model_validate(record)
    except ValidationError:
        return None


def _category(request: Request) -> str | None:
    category = request.query_params.get("category")
    if category is not None and (len(category) > _LONGEST_CATEGORY or "\0" in category):
        raise HTTPException(400)
    return category
