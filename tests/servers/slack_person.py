"""What Slack sends when a person clicks or sends a form off: https://docs.slack.dev/reference/interaction-payloads."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.servers.slack_workspace import TEAM, Message, View

_NUMBERS = itertools.count(1)


def click(message: Message, words: str, user: str) -> dict[str, Any]:
    """The payload of a click on the button, or the menu's option, that says so."""
    for block in message.blocks:
        for element in block.get("elements", ()) if block["type"] == "actions" else ():
            common = {"block_id": block.get("block_id", "b"), "action_id": element["action_id"], "action_ts": _ts()}
            if element["type"] == "button" and element["text"]["text"] == words:
                return _block_actions(message, user, common | {"type": "button", "value": element.get("value")})
            for option in element.get("options", ()):
                if option["text"]["text"] == words:
                    return _block_actions(message, user, common | {"type": "overflow", "selected_option": option})
    raise AssertionError(f"nothing to click says {words!r}")


def submit(view: View, user: str, **given: str) -> dict[str, Any]:
    """The payload of a form that is sent off: what is not `given` stays as it was opened."""
    values: dict[str, dict[str, Any]] = {}
    for block in view.view["blocks"]:
        if block["type"] == "input":
            name, element = block["block_id"], block["element"]
            values[name] = {element["action_id"]: _filled(element, given.get(name))}
    assert set(given) <= set(values), f"the form has {sorted(values)}"
    return {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": user, "team_id": TEAM},
        "view": {**view.as_slack(), "state": {"values": values}},
        "response_urls": [],
    }


def signed(payload: Mapping[str, Any], secret: str, *, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the request over HTTP."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def _block_actions(message: Message, user: str, action: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": user, "team_id": TEAM, "username": user.lower()},
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
        "channel": {"id": message.channel, "name": "directmessage"},
        "message": message.as_slack(metadata=False),
        "trigger_id": f"trigger-{next(_NUMBERS)}",
        "response_url": "https://hooks.slack.com/actions/T0TEST/1/x",
        "actions": [action],
    }


def _filled(element: Mapping[str, Any], given: str | None) -> dict[str, Any]:
    match element["type"]:
        case "plain_text_input":
            return {"type": element["type"], "value": given if given is not None else element.get("initial_value")}
        case "datepicker":
            return {"type": element["type"], "selected_date": given or element.get("initial_date")}
        case _:
            chosen = element.get("initial_option")
            if given is not None:
                (chosen,) = [option for option in element["options"] if option["value"] == given]
            return {"type": element["type"], "selected_option": chosen}


def _ts() -> str:
    return f"{time.time():.6f}"
