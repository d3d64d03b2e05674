"""Takes interactions in, whichever way they come: looks up what is known, decides, and carries that out."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from schemas.action import Action
from sinks.slack import action_ids as ids
from sinks.slack import modals
from streams.acting import Actor
from web.database import Database
from web.slack.decide import decide
from web.slack.known import House, Known, Who, known_of
from web.slack.outcome import Do, Mend, Open, Say
from web.slack.payload import Click, Form, Unreadable, read

ANSWER_WITHIN = 2.0
"""Seconds; Slack waits for three: https://docs.slack.dev/interactivity/handling-user-interaction."""

RESULTS = ("recorded", "opened", "told", "refused", "failed")
"""What becomes of an interaction."""

_PATIENCE = 20.0  # seconds for what goes on behind an answer
_LOOK_UP = 1.0  # seconds to find out who somebody is
_PEOPLE = 10_000  # that are remembered
_REMEMBERED = 3600.0  # seconds
_AWAY = "It could not be recorded just now. Try again in a moment: it counts once."
# Where a form can show what is wrong.
_FIELDS: Mapping[str, str] = {
    ids.SEND_EMAIL: modals.SUBJECT,
    ids.SCHEDULE_CALL: modals.STARTS_AT,
    ids.SNOOZE: modals.UNTIL,
    ids.NOT_USEFUL: modals.USEFUL,
}

Call = Callable[..., Awaitable[Mapping[str, Any]]]
"""A method of Slack's Web API by its name, with its arguments. Raises what it likes."""
Publish = Callable[[Action], Awaitable[None]]
"""Returns once the action is on `csm-actions`. Raises what it likes."""

_log = structlog.get_logger(__name__)


class SlackDesk:
    """One installation's.

    Args:
        database: alerts, drafts and actions; only read.
        call: see `Call`.
        publish: see `Publish`.
        house: who may act, and whether mail can be sent.
        clock: the time now, aware.
        count: told what became of each interaction, one of `RESULTS`.
    """

    def __init__(
        self,
        database: Database,
        *,
        call: Call,
        publish: Publish,
        house: House,
        clock: Callable[[], datetime],
        count: Callable[[str], None],
    ) -> None:
        self._database = database
        self._call = call
        self._publish = publish
        self._house = house
        self._clock = clock
        self._count = count
        self._people: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()
        self._running: set[asyncio.Task[Mapping[str, Any]]] = set()

    async def receive(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """What Slack is answered, within `ANSWER_WITHIN`: normally once the action is recorded or the form is open.

        What takes longer goes on behind the answer. Raises `web.slack.payload.Unreadable`.
        """
        event = read(payload)
        if event is None:
            return {}
        task = asyncio.create_task(self._handle(event), name=f"slack {event.asked}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=ANSWER_WITHIN)
        if task.done():
            return task.result()
        # A form that closed would look sent: it stays open, and sent again it is still one.
        return _errors(event, _AWAY) if isinstance(event, Form) else {}

    async def close(self) -> None:
        """See what is under way to its end, or give it up after a second."""
        if self._running:
            await asyncio.wait(self._running, timeout=1.0)
        for task in self._running:
            task.cancel()

    async def _handle(self, event: Click | Form) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._carry_out(event)
        except Exception as error:  # noqa: BLE001 (whatever it is, who clicked must hear that nothing was recorded)
            about = {"asked": event.asked, "alert_id": str(_alert_of(event))}
            _log.error("a click failed", **about, error=type(error).__name__)
            self._count("failed")
            return await self._tell(event, _AWAY)

    async def _carry_out(self, event: Click | Form) -> Mapping[str, Any]:
        known, who = await asyncio.gather(self._known(_alert_of(event)), self._who(event))
        match decide(event, known, who, self._house, self._clock()):
            case Do(action=action):
                await self._publish(action)
                _log.info(
                    "action recorded", kind=action.kind, alert_id=str(action.alert_id), action_id=str(action.action_id)
                )
                self._count("recorded")
            case Open(view=view) if isinstance(event, Click):
                await self._call("views.open", trigger_id=event.trigger_id, view=view)
                self._count("opened")
            case Mend(errors=errors):
                self._count("told")
                return {"response_action": "errors", "errors": dict(errors)}
            case Say(text=text, refused=refused):
                about = {"asked": event.asked, "alert_id": str(_alert_of(event))}
                _log.info("nothing done", **about, refused=refused)
                self._count("refused" if refused else "told")
                return await self._tell(event, text)
        return {}

    async def _tell(self, event: Click | Form, text: str) -> Mapping[str, Any]:
        """Words that only who clicked sees: in the form, or below the message."""
        if isinstance(event, Form):
            return _errors(event, text)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._call("chat.postEphemeral", channel=event.channel, user=event.user_id, text=text)
        except Exception as error:  # noqa: BLE001 (there is no further way to tell)
            _log.warning("an answer could not be shown", error=type(error).__name__)
        return {}

    async def _known(self, alert_id: str) -> Known | None:
        try:
            rows = await self._database.rows("slack_alert", UUID(alert_id))
        except ValueError:
            raise Unreadable("the alert's id is none") from None
        if not rows:
            return None
        return known_of(rows[0])

    async def _who(self, event: Click | Form) -> Who:
        channel = event.channel if isinstance(event, Click) else event.purpose.channel
        user = await self._person(event.user_id)
        profile = user.get("profile") or {}
        return Who(
            Actor(event.user_id, email=profile.get("email"), channel=channel),
            name=(profile.get("real_name") or user.get("real_name") or None),
            time_zone=_zone(user.get("tz")),
        )

    async def _person(self, user_id: str) -> Mapping[str, Any]:
        now = asyncio.get_running_loop().time()
        known = self._people.get(user_id)
        if known is not None and known[0] > now:
            return known[1]
        try:
            async with asyncio.timeout(_LOOK_UP):
                user = (await self._call("users.info", user=user_id)).get("user") or {}
        except Exception as error:  # noqa: BLE001 (the id alone may do: an account can name it)
            _log.warning("who clicked is not known by name", error=type(error).__name__)
            return {}
        self._people[user_id] = (now + _REMEMBERED, user)
        if len(self._people) > _PEOPLE:
            self._people.popitem(last=False)
        return user


def _errors(event: Form, text: str) -> Mapping[str, Any]:
    return {"response_action": "errors", "errors": {_FIELDS[event.asked]: text}}


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (KeyError, ValueError, OSError):
        return None


def _alert_of(event: Click | Form) -> str:
    return event.alert_id if isinstance(event, Click) else event.purpose.alert_id
