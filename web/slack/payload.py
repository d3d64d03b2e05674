"""Slack's interaction payloads as values. Pure.

https://docs.slack.dev/reference/interaction-payloads
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from sinks.slack.action_ids import MORE, VIEW_TICKET, asked
from sinks.slack.modals import FORMS, Purpose, answers

Json = Mapping[str, Any]


class Unreadable(ValueError):
    """What came is no interaction of Slack's. The text quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody clicked a button, or chose from the menu, of an alert's message.

    Attributes:
        asked: one of the names in `sinks.slack.action_ids`.
        message_ts: the message's id within its channel.
        trigger_id: lets a form be opened, once, within three seconds.
    """

    asked: str
    alert_id: str
    user_id: str
    channel: str
    message_ts: str
    trigger_id: str


@dataclass(frozen=True, slots=True)
class Form:
    """Somebody sent a form off.

    Attributes:
        asked: what had been clicked.
        view_id: the form's own id: sent twice it is the same.
        answers: by the names in `sinks.slack.modals`.
    """

    asked: str
    purpose: Purpose
    user_id: str
    view_id: str
    answers: Mapping[str, str]


def of_body(body: bytes) -> Json:
    """The payload of a request over HTTP: the form field `payload`, which is JSON. Raises `Unreadable`."""
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)["payload"]
        found = json.loads(payload)
    except (ValueError, KeyError, RecursionError):
        raise Unreadable("the body is no form with a payload in JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("the payload is no object")
    return found


def read(payload: Json) -> Click | Form | None:
    """What the payload says; None: nothing that is for us, such as a link that was opened. Raises `Unreadable`."""
    try:
        match payload["type"]:
            case "block_actions":
                return _click(payload)
            case "view_submission":
                return _form(payload)
            case _:
                return None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise Unreadable("the payload lacks something") from None


def _click(payload: Json) -> Click | None:
    action = payload["actions"][0]
    chosen = action.get("selected_option")
    found = asked(str(chosen["value"] if chosen else action["action_id"]))
    if found is None or found[0] in {MORE, VIEW_TICKET}:
        return None
    container = payload["container"]
    return Click(
        asked=found[0],
        alert_id=found[1],
        user_id=_text(payload["user"]["id"]),
        channel=_text(container["channel_id"]),
        message_ts=_text(container["message_ts"]),
        trigger_id=_text(payload["trigger_id"]),
    )


def _form(payload: Json) -> Form | None:
    view = payload["view"]
    if view["callback_id"] not in FORMS:
        return None
    return Form(
        asked=view["callback_id"],
        purpose=Purpose.from_json(view["private_metadata"]),
        user_id=_text(payload["user"]["id"]),
        view_id=_text(view["id"]),
        answers=answers(view),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value
