"""The page of deliveries: what went out, what waits, and what was given up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.action import Action, ActionKind
from schemas.delivery import State, is_request
from web.alerts import AlertPages
from web.cards import name_of_step, state_of
from web.database import Database
from web.export import Row, download, pages
from web.paging import addresses, mark, time_of
from web.publish import Publish
from web.templates import Templates
from web.viewer import form_of, viewer_of

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

_SAID: Mapping[str, str] = {
    "again": "It is tried again: what comes of it shows here in a moment.",
    "not": "Nothing was done: it is not given up any more.",
    "away": "It could not be recorded just now, for Kafka does not answer. Try again in a moment.",
}
_NAMESPACE = UUID("5d9a2c74-6f0e-5a59-8a3d-2f6b1c7e4d90")

_log = structlog.get_logger(__name__)

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
    """The ledger: a CSM sees that of their own accounts, and whoever sees a step that was given up can have it retried.

    `publish`: returns once the action is on `csm-actions`, and raises what it likes; None: the page is only looked at.
    """

    def __init__(
        self, database: Database, templates: Templates, alerts: AlertPages, publish: Publish | None = None
    ) -> None:
        self._alerts = alerts
        self._database = database
        self._templates = templates
        self._publish = publish

    async def all(self, request: Request) -> Response:
        """`/deliveries`: the newest first; `?show=` and `?sink=` choose, `?before=` continues."""
        show, sink = _asked(request)
        only, position = viewer_of(request).only, self._alerts.position
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
            position=position,
            acts=self._publish is not None,
            said=_SAID.get(request.query_params.get("said", "")),
        )

    async def retry(self, request: Request) -> Response:
        """`POST /deliveries/retry`: `alert_id` and `step` of one that was given up; it is due again within seconds."""
        viewer, given = viewer_of(request), form_of(request)
        step = given.get("step", "")
        try:
            alert_id = UUID(given.get("alert_id", ""))
        except ValueError:
            raise HTTPException(400) from None
        if self._publish is None or not 0 < len(step) <= _LONGEST or "\0" in step:
            raise HTTPException(400)
        rows = await self._database.rows("delivery_given_up", alert_id, step, viewer.only)
        if not rows:
            return RedirectResponse("/deliveries?said=not", 303)
        action = Action(
            action_id=uuid5(_NAMESPACE, f"retried|{alert_id}|{step}|{rows[0]['settled_at']}"),
            alert_id=alert_id,
            customer_id=str(rows[0]["customer_id"]),
            kind=ActionKind.RETRIED,
            by=viewer.email,
            by_name=viewer.name,
            at=datetime.now(UTC),
            step=step,
        )
        try:
            await self._publish(action)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the person must hear of it)
            about = {"asked": "retry", "alert_id": str(action.alert_id)}
            _log.error("an action is not published", **about, error=type(error).__name__)
            return RedirectResponse("/deliveries?said=away", 303)
        _log.info("action recorded", kind=action.kind, alert_id=str(action.alert_id), action_id=str(action.action_id))
        return RedirectResponse("/deliveries?said=again", 303)

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
            can_retry = row["state"] in SHOWN["failed"] and bool(row["customer_id"]) and not is_request(row["step"])
            found.append({**row, "name": name_of_step(row), "tone": tone, "words": state, "can_retry": can_retry})
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
