"""Are our messages what Slack's own published types say? Checked by the TypeScript compiler."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.action import ActionKind
from schemas.alert import Context, Status
from schemas.delivery import State
from schemas.event import Ticket
from schemas.life import Deed, Life
from schemas.notice import Main
from sinks.slack import Message, message
from sinks.slack.notices import reminder, to_operator
from tests.alerts import AT, alert, trend
from tests.deliveries import SLACK_STEP, delivery

_CI = os.environ.get("CI", "").lower() in {"1", "true"}
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
    }


def _no_context() -> Context:
    return Context(tickets_30d=0, low_ratings_30d=1)


async def test_the_compiler_takes_each_message(node: Path) -> None:
    code, said = await _compiled(node, {name: each.as_json() for name, each in _messages().items()})
    assert code == 0, said


async def test_the_compiler_refuses_what_is_no_block(node: Path) -> None:
    """Shows that the test above can fail."""
    blocks = message(alert()).as_json()
    blocks[0]["text"]["type"] = "mrkdwn"
    blocks[-1]["elements"][0]["style"] = "loud"
    code, said = await _compiled(node, {"wrong": blocks})
    assert code != 0
    assert "not assignable" in said


@pytest.fixture
async def node(tmp_path: Path) -> Path:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            (pytest.fail if _CI else pytest.skip)(f"no {program} on PATH: install Node.js with npm")
    for file in (Path(__file__).parent / "node").iterdir():
        shutil.copy(file, tmp_path)
    code, said = await _run(tmp_path, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    if code:
        (pytest.fail if _CI else pytest.skip)(f"npm cannot install Slack's types here: {said}")
    return tmp_path


async def _compiled(directory: Path, messages: Mapping[str, Any]) -> tuple[int, str]:
    lines = ['import type { KnownBlock } from "@slack/types";']
    lines += [f"export const {name}: KnownBlock[] = {json.dumps(blocks)};" for name, blocks in messages.items()]
    (directory / "messages.ts").write_text("\n".join(lines), encoding="utf-8")
    options = ("--strict", "--noEmit", "--module", "node16", "--moduleResolution", "node16")
    return await _run(directory, "node", "node_modules/typescript/bin/tsc", *options, "messages.ts")


async def _run(directory: Path, *command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(errors="replace")
