"""The pages of accounts."""

import json
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.customer import Customer
from web.alerts import AlertPages
from web.database import Database
from web.history import chart
from web.paging import mark, name_of, time_of
from web.templates import Templates
from web.wording import money

_ACCOUNTS = 50
_RATINGS = 50
_DRAWN = 2000
_LONGEST_SEARCH = 200


class CustomerPages:
    """The list of accounts, and each of them with its ratings."""

    def __init__(self, database: Database, templates: Templates, alerts: AlertPages) -> None:
        self._database = database
        self._templates = templates
        self._alerts = alerts

    async def all(self, request: Request) -> Response:
        """`/customers`: accounts by name; `?q=` searches, `?after=` continues."""
        search = request.query_params.get("q", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
        name, customer_id = name_of(request.query_params.get("after"))
        pattern = f"%{_literal(search)}%" if search else None
        rows = await self._database.rows("customers_page", pattern, name, customer_id, _ACCOUNTS + 1)
        shown = rows[:_ACCOUNTS]
        after = mark(shown[-1]["position"], shown[-1]["customer_id"]) if len(rows) > _ACCOUNTS else None
        accounts = [{**row, "arr": money(row["arr"], row["currency"])} for row in shown]
        return self._templates.page(
            request, "customers.html", accounts=accounts, search=search, after=after, is_first=customer_id is None
        )

    async def one(self, request: Request) -> Response:
        """`/customers/{customer_id}`: the account, its ratings and its alerts; `?before=` continues the ratings."""
        customer_id: UUID = request.path_params["customer_id"]
        before = request.query_params.get("before")
        at, row_id = time_of(before)
        found = await self._database.rows("customer", customer_id, datetime.now(UTC))
        if not found:
            raise HTTPException(404)
        row = found[0]
        rows = await self._database.rows("ratings_page", customer_id, at, row_id, _RATINGS + 1)
        drawn = await self._database.rows("ratings_drawn", customer_id, _DRAWN)
        alerted = await self._database.rows("alerted_responses", customer_id)
        ratings = rows[:_RATINGS]
        return self._templates.page(
            request,
            "customer.html",
            customer_id=customer_id,
            figures=row,
            arr=money(row["arr"], row["currency"]),
            account=_account(row["record"]),
            ratings=ratings,
            older=mark(ratings[-1]["responded_at"], ratings[-1]["id"]) if len(rows) > _RATINGS else None,
            before=before,
            drawn=len(drawn),
            chart=json.dumps(chart(drawn, alerted), separators=(",", ":")),
            alerted={alert["response_id"]: alert for alert in alerted},
            cards=await self._alerts.of_customer(customer_id),
        )


def _literal(text: str) -> str:
    r"""`text` as a part of a LIKE pattern that means just that."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _account(record: object) -> Customer | None:
    try:
        return Customer.model_validate(record)
    except ValidationError:  # a stub: the account itself has not come yet
        return None
