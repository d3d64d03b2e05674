"""The page of one alert."""

from datetime import UTC, datetime
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.alerts import AlertPages
from web.doing import AT_ONCE, STEPS
from web.lives import Lives
from web.templates import Templates
from web.viewer import viewer_of


class AlertPage:
    """Everything about an alert: what it says, why, what happened with it, and what can be done."""

    def __init__(self, templates: Templates, alerts: AlertPages, lives: Lives, *, acts: bool) -> None:
        self._templates = templates
        self._alerts = alerts
        self._lives = lives
        self._acts = acts

    async def one(self, request: Request) -> Response:
        """`/alerts/{alert_id}`; `?done=` is the step that was just taken."""
        alert_id: UUID = request.path_params["alert_id"]
        position = self._alerts.position
        card = await self._alerts.one(alert_id, viewer_of(request).only)
        if card is None:
            raise HTTPException(404)
        done = request.query_params.get("done")
        return self._templates.page(
            request,
            "alert.html",
            card=card,
            story=await self._lives.of([alert_id]),
            headlines={},
            steps=STEPS if self._acts and card.alert else {},
            at_once=AT_ONCE,
            done=STEPS.get(done or ""),
            position=position,
            now=datetime.now(UTC),
        )
