"""The page of support: for whoever answers for how customers are helped, and whether the unhappy ones hear of us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streams.similar import groups
from web.alerts import AlertPages
from web.database import Database
from web.export import Row, download, pages, whole
from web.months import COLUMNS, Month, back, by, following, line, total
from web.paging import mark, time_of
from web.templates import Templates

SPANS: Mapping[str, tuple[int, str]] = {
    "1": (1, "this month"),
    "3": (3, "three months"),
    "12": (12, "twelve months"),
}
"""What `?months=` can ask for: so many months, this one included."""

_UNANSWERED = 20
_FEEDBACK = 400  # the newest poor ratings with words
_SHOWN = 6  # of a group
_ASSIGNEES = ("assignee", "low", "hours")
_WAITING = (
    "occurred_at",
    "customer_name",
    "customer_id",
    "csm_name",
    "csm_email",
    "severity",
    "rating",
    "ticket_id",
    "ticket_subject",
    "alert_id",
)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Poor ratings that mention one thing; `rows` are the newest of them."""

    term: str
    number: int
    rows: Sequence[Mapping[str, Any]]


class SupportPage:
    """The figures of all customers. `assignees`: whether those who had the tickets are named."""

    def __init__(self, database: Database, templates: Templates, alerts: AlertPages, *, assignees: bool) -> None:
        self._alerts = alerts
        self._database = database
        self._templates = templates
        self._assignees = assignees

    async def all(self, request: Request) -> Response:
        """`/support`: `?months=` chooses the span, `?after=` continues what nobody has in hand."""
        now, position = datetime.now(UTC), self._alerts.position
        span, since = _span(request, now)
        rows = await self._months(since, now)
        after = request.query_params.get("after")
        unanswered = await self._unanswered(since, after, _UNANSWERED + 1)
        feedback = await self._database.rows("support_feedback", since, _FEEDBACK)
        (follow_up,) = await self._database.rows("support_follow_up", since, now)
        last = unanswered[_UNANSWERED - 1] if len(unanswered) > _UNANSWERED else None
        return self._templates.page(
            request,
            "support.html",
            span=span,
            spans=SPANS,
            whole=total(rows),
            months=[replace(each, month=key) for key, each in by(rows, "month").items()],
            categories=_ranked(by(rows, "category")),
            follow_up=follow_up,
            unanswered=unanswered[:_UNANSWERED],
            more=mark(last["occurred_at"], last["alert_id"]) if last else None,
            after=after,
            mentioned=[
                Mentioned(group.term, len(group.texts), [feedback[place] for place in group.texts[:_SHOWN]])
                for group in groups([row["feedback"] for row in feedback])
            ],
            feedback=len(feedback),
            is_cut=len(feedback) == _FEEDBACK,
            assignees=await self._database.rows("support_assignees", since, now) if self._assignees else None,
            now=now,
            position=position,
        )

    async def categories(self, request: Request) -> Response:
        """`/support/categories.csv`: the table of categories."""
        now = datetime.now(UTC)
        _, since = _span(request, now)
        found = _ranked(by(await self._months(since, now), "category"))
        rows = [{"category": name, **line(each)} for name, each in found]
        return await whole("support-categories", ("category", *COLUMNS), rows)

    async def by_month(self, request: Request) -> Response:
        """`/support/months.csv`: the table of months."""
        now = datetime.now(UTC)
        _, since = _span(request, now)
        found = by(await self._months(since, now), "month")
        rows = [line(replace(each, month=key)) for key, each in found.items()]
        return await whole("support-months", ("month", *COLUMNS), rows)

    async def by_assignee(self, request: Request) -> Response:
        """`/support/assignees.csv`: the table of assignees, where the policy shows it."""
        now = datetime.now(UTC)
        _, since = _span(request, now)
        if not self._assignees:
            raise HTTPException(404)
        return await whole("support-assignees", _ASSIGNEES, await self._database.rows("support_assignees", since, now))

    async def waiting(self, request: Request) -> Response:
        """`/support/unanswered.csv`: every poor rating of the span that nobody has in hand."""
        _, since = _span(request, datetime.now(UTC))

        async def next_page(last: Row | None, most: int) -> Sequence[Row]:
            return await self._unanswered(since, mark(last["occurred_at"], last["alert_id"]) if last else None, most)

        return await download("support-unanswered", _WAITING, pages(next_page))

    async def _months(self, since: datetime, now: datetime) -> Sequence[dict[str, Any]]:
        return await self._database.rows("support_months", since.date(), following(now.date()))

    async def _unanswered(self, since: datetime, after: str | None, most: int) -> Sequence[dict[str, Any]]:
        return await self._database.rows("support_unanswered", since, *time_of(after), most)


def _span(request: Request, now: datetime) -> tuple[str, datetime]:
    """What is asked for, and when it begins. A wrong one is an HTTP 400."""
    span = request.query_params.get("months", "3")
    if span not in SPANS:
        raise HTTPException(400)
    return span, datetime.combine(back(now.date(), SPANS[span][0] - 1), time(), UTC)


def _ranked(found: Mapping[str, Month]) -> Sequence[tuple[str, Month]]:
    return sorted(found.items(), key=lambda each: (-each[1].low, each[0]))
