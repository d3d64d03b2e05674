"""The page of deliveries: what went out, what waits, and what was given up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.delivery import State
from web.cards import name_of_step, state_of
from web.database import Database
from web.paging import addresses, mark, time_of
from web.templates import Templates

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


class DeliveryPages:
    """The ledger. Nothing can be done here: who may is not known without a login."""

    def __init__(self, database: Database, templates: Templates) -> None:
        self._database = database
        self._templates = templates

    async def all(self, request: Request) -> Response:
        """`/deliveries`: the newest first; `?show=` and `?sink=` choose, `?before=` continues."""
        asked = request.query_params
        show, sink = asked.get("show", "failed"), asked.get("sink") or None
        if show not in SHOWN or (sink is not None and (len(sink) > _LONGEST or "\0" in sink)):
            raise HTTPException(400)
        at, alert_id, step = _place(asked.get("before"))
        rows = await self._database.rows(
            "deliveries_page", [str(state) for state in SHOWN[show]], sink, at, alert_id, step, _ROWS + 1
        )
        counts = await self._database.rows("deliveries_counts")
        shown = []
        for row in rows[:_ROWS]:
            tone, state = state_of(row)
            shown.append({**row, "name": name_of_step(row), "tone": tone, "words": state})
        last = shown[-1] if len(rows) > _ROWS else None
        return self._templates.page(
            request,
            "deliveries.html",
            rows=shown,
            show=show,
            shows=tuple(SHOWN),
            sink=sink,
            totals={
                name: sum(row["count"] for row in counts if row["state"] in states) for name, states in SHOWN.items()
            },
            older=f"{mark(last['created_at'], last['alert_id'])}~{last['step']}" if last else None,
            address=addresses("/deliveries", show=show, sink=sink),
            is_first=at is None,
        )


def _place(text: str | None) -> tuple[datetime, UUID, str] | tuple[None, None, None]:
    """The last row of the page before. A wrong one is an HTTP 400."""
    if text is None:
        return None, None, None
    at, row_id, step = (*text.split("~", 2), "", "")[:3]
    when, alert_id = time_of(f"{at}~{row_id}")
    if when is None or alert_id is None or "\0" in step or len(step) > _LONGEST:
        raise HTTPException(400)
    return when, alert_id, step
