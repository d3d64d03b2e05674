"""Acting on an alert from its page: the same decisions as on a click in Slack, published the same way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.action import Action
from sinks.slack import action_ids as ids
from sinks.slack import modals
from sinks.slack.modals import Purpose
from streams.acting import Actor, Rights
from web.alerts import AlertPages
from web.database import Database
from web.forms import PageForm, page_form
from web.mrkdwn import mrkdwn
from web.publish import Publish
from web.slack.decide import decide
from web.slack.known import House, Known, Who, known_of
from web.slack.outcome import Do, Mend, Open, Say
from web.slack.payload import Click, Form
from web.templates import Templates
from web.viewer import Viewer, form_of, viewer_of

HERE = "page"
"""Where the click was, in place of a channel of Slack's."""

STEPS: Mapping[str, str] = {
    ids.SEND_EMAIL: "Send follow-up e-mail",
    ids.SCHEDULE_CALL: "Schedule a call",
    ids.COORDINATE: "Coordinate with Support",
    ids.ACKNOWLEDGE: "Acknowledge",
    ids.FOLLOWED_UP: "Followed up",
    ids.SNOOZE: "Snooze",
    ids.NOT_USEFUL: "Useful or not",
}
"""What can be done, and its button."""
AT_ONCE = frozenset({ids.ACKNOWLEDGE, ids.FOLLOWED_UP, ids.COORDINATE})
"""What asks nothing further."""

_AWAY = "It could not be recorded just now, for Kafka does not answer. Try again in a moment: it counts once."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Acting:
    """What acting needs. `publish`: see `Publish`; `house`: when calls can be, and whether mail can be sent."""

    publish: Publish
    house: House


class Doings:
    """The forms, and what is sent by them."""

    def __init__(self, database: Database, templates: Templates, alerts: AlertPages, acting: Acting) -> None:
        self._database = database
        self._templates = templates
        self._alerts = alerts
        self._acting = acting

    async def ask(self, request: Request) -> Response:
        """`GET /alerts/{alert_id}/{step}`: the form of a step."""
        viewer = viewer_of(request)
        found, asked = await self._found(request, viewer), _step(request)
        if asked in AT_ONCE:
            return self._page(request, found, asked, PageForm(STEPS[asked], [], STEPS[asked]))
        match self._decided(_click(found, asked, viewer), found, viewer):
            case Open(view=view):
                return self._page(request, found, asked, page_form(view))
            case Say(text=text):
                return self._page(request, found, asked, _told(asked, text), 409)
        raise HTTPException(400)

    async def do(self, request: Request) -> Response:
        """`POST /alerts/{alert_id}/{step}`: publishes the action; what comes of it shows on the page later."""
        viewer = viewer_of(request)
        found, asked = await self._found(request, viewer), _step(request)
        given = {name: value.replace("\r\n", "\n") for name, value in form_of(request).items() if value.strip()}
        click = _click(found, asked, viewer)
        outcome = self._decided(click, found, viewer)
        view = None
        if isinstance(outcome, Open):
            view = outcome.view
            outcome = self._decided(_form(view, given, viewer), found, viewer)
        match outcome:
            case Do(action=action):
                return await self._publish(request, found, asked, action, view, given)
            case Mend(errors=errors) if view is not None:
                return self._page(request, found, asked, page_form(view, given, errors), 422)
            case Say(text=text):
                return self._page(request, found, asked, _told(asked, text), 409)
        raise HTTPException(400)

    async def _publish(
        self,
        request: Request,
        found: Known,
        asked: str,
        action: Action,
        view: Mapping[str, object] | None,
        given: Mapping[str, str],
    ) -> Response:
        try:
            await self._acting.publish(action)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the person must hear of it)
            about = {"asked": asked, "alert_id": str(action.alert_id)}
            _log.error("an action is not published", **about, error=type(error).__name__)
            form = page_form(view, given) if view else PageForm(STEPS[asked], [], STEPS[asked])
            return self._page(request, found, asked, replace(form, parts=[Markup(_AWAY), *form.parts]), 503)  # noqa: S704 - our own words
        _log.info("action recorded", kind=action.kind, alert_id=str(action.alert_id), action_id=str(action.action_id))
        return RedirectResponse(f"/alerts/{found.alert.alert_id}?done={asked}#next", 303)

    async def _found(self, request: Request, viewer: Viewer) -> Known:
        alert_id: UUID = request.path_params["alert_id"]
        if await self._alerts.one(alert_id, viewer.only) is None:
            raise HTTPException(404)
        rows = await self._database.rows("slack_alert", alert_id)
        found = known_of(rows[0]) if rows else None
        if found is None:
            raise HTTPException(404)
        return found

    def _decided(self, event: Click | Form, found: Known, viewer: Viewer) -> Do | Open | Say | Mend:
        # Whoever may see the account may act on it: that was asked of the database.
        house = replace(self._acting.house, rights=Rights(managers=frozenset({viewer.email})))
        who = Who(Actor(viewer.email, email=viewer.email), name=viewer.name)
        return decide(event, found, who, house, datetime.now(UTC))

    def _page(self, request: Request, found: Known, asked: str, form: PageForm, status: int = 200) -> Response:
        return self._templates.page(
            request,
            "do.html",
            status=status,
            alert=found.alert,
            asked=asked,
            form=form,
            form_id=form_of(request).get("form_id", "") if request.method == "POST" else str(uuid4()),
        )


def _step(request: Request) -> str:
    asked = str(request.path_params["step"])
    if asked not in STEPS:
        raise HTTPException(404)
    return asked


def _click(found: Known, asked: str, viewer: Viewer) -> Click:
    alert_id = str(found.alert.alert_id)
    # One alert has one page: a double click is one action.
    return Click(asked, alert_id, viewer.email, channel=HERE, message_ts=alert_id, trigger_id="")


def _form(view: Mapping[str, object], given: Mapping[str, str], viewer: Viewer) -> Form:
    """The form as Slack would hand it in. To whom it goes is what is known here, whatever was sent."""
    try:
        view_id = str(UUID(given.get("form_id", "")))
    except ValueError:
        raise HTTPException(400) from None
    purpose = Purpose.from_json(str(view["private_metadata"]))
    seen = given.get("draft_version", "")
    if (
        purpose.draft_version is not None
        and seen.isascii()
        and seen.isdigit()
        and 0 < int(seen) < purpose.draft_version
    ):
        purpose = purpose.model_copy(update={"draft_version": int(seen)})
    names = {modals.SUBJECT, modals.BODY, modals.STARTS_AT, modals.MINUTES, modals.PLACE, modals.UNTIL, modals.DATE}
    names |= {modals.USEFUL, modals.NOTE}
    answers = {name: value for name, value in given.items() if name in names}
    return Form(str(view["callback_id"]), purpose, viewer.email, f"{HERE}|{view_id}", answers)


def _told(asked: str, text: str) -> PageForm:
    return PageForm(STEPS[asked], [mrkdwn(text)], None)
