"""The page of tasks."""

from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.database import Database
from web.paging import addresses, mark, time_of
from web.templates import Templates

_TASKS = 50
_STATES = ("open", "done", "cancelled")
_LONGEST_OWNER = 320


class TaskPages:
    """The list of what CSMs have to do. Nothing can be done here: who may is not known without a login."""

    def __init__(self, database: Database, templates: Templates) -> None:
        self._database = database
        self._templates = templates

    async def all(self, request: Request) -> Response:
        """`/tasks`: by due time; `?status=`, `?owner=` (empty: nobody's) and `?overdue=1` choose; `?after=` goes on."""
        asked = request.query_params
        status = asked.get("status", "open")
        if status not in _STATES:
            raise HTTPException(400)
        owner = asked.get("owner")
        if owner is not None and (len(owner) > _LONGEST_OWNER or "\0" in owner):
            raise HTTPException(400)
        now = datetime.now(UTC)
        overdue = status == "open" and asked.get("overdue") == "1"
        at, task_id = time_of(asked.get("after"))
        rows = await self._database.rows("tasks_page", status, owner, now if overdue else None, at, task_id, _TASKS + 1)
        owners = await self._database.rows("tasks_owners", now)
        tasks = [{**row, "overdue": status == "open" and row["due_at"] < now} for row in rows[:_TASKS]]
        after = mark(tasks[-1]["due_at"], tasks[-1]["task_id"]) if len(rows) > _TASKS else None
        return self._templates.page(
            request,
            "tasks.html",
            tasks=tasks,
            owners=owners,
            state=status,
            states=_STATES,
            owner=owner,
            overdue=overdue,
            after=after,
            address=addresses("/tasks", status=status, owner=owner, overdue="1" if overdue else None),
            is_first=at is None,
            open_count=sum(row["open"] for row in owners),
            overdue_count=sum(row["overdue"] for row in owners),
        )
