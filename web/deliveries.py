"""The page of deliveries: what went out, what waits, and what was given up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.delivery import State
from web.cards import name_of_step, state_of
from web.database import Database
from web.export import Row, download, pages
from web.paging import addresses, mark, time_of
from web.templates import Templates
from web.viewer import viewer_of

_ROWS = 50
_LONGEST = 200
SHOWN: Mapping[str, Sequence[State]] = {
    "failed": (State.FAILED, State.UNKNOWN),
    "waiting": (State.DUE, State.CLAIMED),
    "done": (State.DONE,),
    "cancelled": (State.CANCELLED,),
    "all": tuple(State),
}
"""What `?show=` can ask for."""

_COLUMNS = (
    "created_at",
    "name",
    "step",
    "sink",
    "state",
    "words",
    "error",
    "attempts",
    "due_at",
    "settled_at",
    "severity",
    "kind",
    "customer_name",
    "customer_id",
    "alert_id",
)


class DeliveryPages:
    """The ledger: a CSM sees that of their own accounts."""

    def __init__(self, database: Database, templates: Templates) -> None:
        self._database = database
        self._templates = templates

    async def all(self, request: Request) -> Response:
        """`/deliveries`: the newest first; `?show=` and `?sink=` choose, `?before=` continues."""
        show, sink = _asked(request)
        only = viewer_of(request).only
        place = _place(request.query_params.get("before"))
        rows = await self._rows(show, sink, only, place, _ROWS + 1)
        counts = await self._database.rows("deliveries_counts", only)
        last = rows[_ROWS - 1] if len(rows) > _ROWS else None
        return self._templates.page(
            request,
            "deliveries.html",
            rows=rows[:_ROWS],
            show=show,
            shows=tuple(SHOWN),
            sink=sink,
            totals={
                name: sum(row["count"] for row in counts if row["state"] in states) for name, states in SHOWN.items()
            },
            older=f"{mark(last['created_at'], last['alert_id'])}~{last['step']}" if last else None,
            address=addresses("/deliveries", show=show, sink=sink),
            file=addresses("/deliveries.csv", show=show, sink=sink)(),
            is_first=place[0] is None,
        )

    async def file(self, request: Request) -> Response:
        """`/deliveries.csv`: what the page shows, all of it."""
        show, sink = _asked(request)
        only = viewer_of(request).only

        async def next_page(last: Row | None, most: int) -> Sequence[Row]:
            place = (None,) * 3 if last is None else (last["created_at"], last["alert_id"], last["step"])
            return await self._rows(show, sink, only, place, most)

        return await download("deliveries", _COLUMNS, pages(next_page))

    async def _rows(
        self, show: str, sink: str | None, only: str | None, place: Sequence[object], most: int
    ) -> Sequence[dict[str, Any]]:
        arguments = ([str(state) for state in SHOWN[show]], sink, *place, most)
        if only is None:
            rows = await self._database.rows("deliveries_page", *arguments)
        else:
            rows = await self._database.rows("deliveries_page_of_csm", *arguments, only)
        found = []
        for row in rows:
            tone, state = state_of(row)
            found.append({**row, "name": name_of_step(row), "tone": tone, "words": state})
        return found


def _asked(request: Request) -> tuple[str, str | None]:
    """What is shown, and of which destination. A wrong one is an HTTP 400."""
    asked = request.query_params
    show, sink = asked.get("show", "failed"), asked.get("sink") or None
    if show not in SHOWN or (sink is not None and (len(sink) > _LONGEST or "\0" in sink)):
        raise HTTPException(400)
    return show, sink


def _place(text: str | None) -> tuple[datetime, UUID, str] | tuple[None, None, None]:
    """The last row of the page before. A wrong one is an HTTP 400."""
    if text is None:
        return None, None, None
    at, row_id, step = (*text.split("~", 2), "", "")[:3]
    when, alert_id = time_of(f"{at}~{row_id}")
    if when is None or alert_id is None or "\0" in step or len(step) > _LONGEST:
        raise HTTPException(400)
    return when, alert_id, step
