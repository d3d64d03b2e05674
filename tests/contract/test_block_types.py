"""Are our messages what Slack's own published types say? Checked by the TypeScript compiler."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.action import Action, ActionKind
from schemas.alert import Context, Status
from schemas.delivery import State
from schemas.event import Ticket
from schemas.life import Deed, Life
from schemas.notice import Main
from sinks.slack import Message, message
from sinks.slack.modals import Purpose, call_form, email_form, snooze_form, useful_form
from sinks.slack.notices import reminder, to_operator
from sinks.slack.support import word_to_support
from tests.alerts import AT, CUSTOMER, alert, trend
from tests.contract.conftest import run
from tests.deliveries import SLACK_STEP, delivery
from tests.digests import everything

_LIFE = Life((Deed(ActionKind.ACKNOWLEDGED, "U0ANA", AT), Deed(ActionKind.CALL_SCHEDULED, "Bo", AT, "noon", AT)))
_MAIN = Main(State.FAILED, "D1", "1.1", shown_at=AT, failed=(f"{SLACK_STEP}: chat.postMessage: is_archived",))


def _messages() -> Mapping[str, Message]:
    bare = alert(customer=None, feedback=None, ticket=Ticket(ticket_id="9"), context=_no_context())
    noticed = delivery(main=_MAIN, claimed_at=AT)
    return {
        "poor": message(alert(), changed=True, audience="For Zoe.", life=_LIFE),
        "bare": message(bare),
        "withdrawn": message(alert(status=Status.RETRACTED)),
        "long": message(alert(feedback="<&>" * 6_000)),
        "trend": message(trend()),
        "recovered": message(trend(status=Status.RESOLVED)),
        "reminder": reminder(noticed),
        "operator": to_operator(noticed),
        "digest": message(everything()),
        "support": word_to_support(alert(), _request(), "https://example.slack.com/archives/D1/p1"),
    }


def _views() -> Mapping[str, dict[str, Any]]:
    purpose = Purpose(alert_id=str(alert().alert_id), channel="D1", to=alert().contact or CUSTOMER.primary_contact)
    zoned = purpose.model_copy(update={"time_zone": "Europe/Berlin"})
    return {
        "email": email_form(purpose, subject="Sorry", body="Hello,\n\nwe are.", notes=[":warning: Sent already."]),
        "nobody": email_form(purpose.model_copy(update={"to": None}), subject="Sorry", body="Hello"),
        "long": email_form(purpose, subject="Sorry", body="x" * 5_000),
        "call": call_form(zoned, slots=[(AT, "Tue 12 May, 11:30")], minutes=(15, 30), subject="Your request"),
        "snooze": snooze_form(purpose),
        "useful": useful_form(purpose),
    }


def _request() -> Action:
    return Action(
        action_id=UUID(int=1),
        alert_id=alert().alert_id,
        customer_id=alert().customer_id,
        kind=ActionKind.COORDINATE_REQUESTED,
        by="ana@example.com",
        at=AT,
        note="Please call them.",
    )


def _no_context() -> Context:
    return Context(tickets_30d=0, low_ratings_30d=1)


def test_the_compiler_takes_each_message(node: Path) -> None:
    code, said = _compiled(node, {name: each.as_json() for name, each in _messages().items()})
    assert code == 0, said


def test_the_compiler_takes_each_form(node: Path) -> None:
    code, said = _compiled(node, _views(), kind="ModalView")
    assert code == 0, said


def test_the_compiler_refuses_what_is_no_form(node: Path) -> None:
    """Shows that the test above can fail."""
    view = snooze_form(Purpose(alert_id="a"))
    view["title"]["type"] = "mrkdwn"
    code, said = _compiled(node, {"wrong": view}, kind="ModalView")
    assert code != 0
    assert "not assignable" in said


def test_the_compiler_refuses_what_is_no_block(node: Path) -> None:
    """Shows that the test above can fail."""
    blocks = message(alert()).as_json()
    blocks[0]["text"]["type"] = "mrkdwn"
    blocks[-1]["elements"][0]["style"] = "loud"
    code, said = _compiled(node, {"wrong": blocks})
    assert code != 0
    assert "not assignable" in said


def _compiled(directory: Path, values: Mapping[str, Any], kind: str = "KnownBlock[]") -> tuple[int, str]:
    lines = [f'import type {{ {kind.removesuffix("[]")} }} from "@slack/types";']
    lines += [f"export const {name}: {kind} = {json.dumps(value)};" for name, value in values.items()]
    (directory / "messages.ts").write_text("\n".join(lines), encoding="utf-8")
    options = ("--strict", "--noEmit", "--module", "node16", "--moduleResolution", "node16")
    return run(directory, "node", "node_modules/typescript/bin/tsc", *options, "messages.ts")
