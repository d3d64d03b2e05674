"""The page of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.alerts import AlertPages
from web.database import Database
from web.export import Row, download, pages
from web.paging import addresses, mark, time_of
from web.templates import Templates
from web.viewer import viewer_of

_TASKS = 50
_STATES = ("open", "done", "cancelled")
_LONGEST_OWNER = 320


_COLUMNS = (
    "due_at",
    "title",
    "status",
    "priority",
    "owner_email",
    "customer_name",
    "customer_id",
    "severity",
    "closed_at",
    "system",
    "external_id",
    "external_url",
    "task_id",
    "alert_id",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    status: str
    owner: str | None
    overdue: bool


class TaskPages:
    """The list of what CSMs have to do: a CSM sees those of their own accounts."""

    def __init__(self, database: Database, templates: Templates, alerts: AlertPages) -> None:
        self._database = database
        self._templates = templates
        self._alerts = alerts

    async def all(self, request: Request) -> Response:
        """`/tasks`: by due time; `?status=`, `?owner=` (empty: nobody's) and `?overdue=1` choose; `?after=` goes on."""
        now, only, position = datetime.now(UTC), viewer_of(request).only, self._alerts.position
        asked = _asked(request)
        at, task_id = time_of(request.query_params.get("after"))
        rows = await self._rows(asked, only, now, (at, task_id), _TASKS + 1)
        owners = await self._database.rows("tasks_owners", now, only)
        tasks = [{**row, "overdue": asked.status == "open" and row["due_at"] < now} for row in rows[:_TASKS]]
        after = mark(tasks[-1]["due_at"], tasks[-1]["task_id"]) if len(rows) > _TASKS else None
        chosen = {"status": asked.status, "owner": asked.owner, "overdue": "1" if asked.overdue else None}
        return self._templates.page(
            request,
            "tasks.html",
            tasks=tasks,
            owners=owners,
            state=asked.status,
            states=_STATES,
            owner=asked.owner,
            overdue=asked.overdue,
            after=after,
            address=addresses("/tasks", **chosen),
            file=addresses("/tasks.csv", **chosen)(),
            is_first=at is None,
            open_count=sum(row["open"] for row in owners),
            overdue_count=sum(row["overdue"] for row in owners),
            position=position,
        )

    async def file(self, request: Request) -> Response:
        """`/tasks.csv`: what the page shows, all of it."""
        now, only, asked = datetime.now(UTC), viewer_of(request).only, _asked(request)

        async def next_page(last: Row | None, most: int) -> Sequence[Row]:
            place = (None, None) if last is None else (last["due_at"], last["task_id"])
            return await self._rows(asked, only, now, place, most)

        return await download("tasks", _COLUMNS, pages(next_page))

    async def _rows(
        self, asked: _Asked, only: str | None, now: datetime, place: tuple[object, object], most: int
    ) -> Sequence[dict[str, Any]]:
        arguments = (asked.status, asked.owner, now if asked.overdue else None, *place, most)
        if only is None:
            return await self._database.rows("tasks_page", *arguments)
        return await self._database.rows("tasks_page_of_csm", *arguments, only)


def _asked(request: Request) -> _Asked:
    """The choice in the address. A wrong one is an HTTP 400."""
    given = request.query_params
    status, owner = given.get("status", "open"), given.get("owner")
    if status not in _STATES or (owner is not None and (len(owner) > _LONGEST_OWNER or "\0" in owner)):
        raise HTTPException(400)
    return _Asked(status, owner, overdue=status == "open" and given.get("overdue") == "1")
