"""The bodies in docs/how-to-tasks.md are those that are sent and taken."""

import json
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from schemas import signature
from schemas.delivery import Sink
from sinks.tasks import Webhook
from sinks.tasks.card import card
from sinks.tasks.webhook import FIELDS, read_body
from tests.alerts import alert
from tests.deliveries import delivery
from tests.integration.docs.blocks import ROOT, blocks
from tests.servers.fake_receiver import SECRET, FakeReceiver
from web.task_hook import _Message

PAGE = ROOT / "docs" / "how-to-tasks.md"


async def sent(body: object = None) -> dict[str, object]:
    """What a receiver gets for GlobalTech's alert."""
    receiver = FakeReceiver()
    async with receiver.running(), aiohttp.ClientSession() as session:
        hook = Webhook(session, url=receiver.url, secret=signature.key(SECRET), body=body)
        await hook.put(card(delivery(alert(), sink=Sink.TASKS)), None, uncertain=False)
    (message,) = receiver.messages.values()
    return message


@pytest.mark.runs("docs/how-to-tasks.md", "sent")
async def test_the_body_has_the_fields_that_the_page_shows() -> None:
    shown = json.loads(blocks(PAGE)[0].text)
    made = await sent()
    assert made.keys() == shown.keys()
    data, example = made["data"], shown["data"]
    assert isinstance(data, dict)
    assert data.keys() == example.keys()
    assert {name: type(value) for name, value in data.items()} == {n: type(v) for n, v in example.items()}
    assert datetime.fromisoformat(str(made["timestamp"])).tzinfo == UTC


@pytest.mark.runs("docs/how-to-tasks.md", "own")
async def test_the_body_of_ones_own_is_filled(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(blocks(PAGE)[1].text)
    made = await sent(read_body(tmp_path / "body.json"))
    assert made["summary"] == "Follow up: GlobalTech"
    assert made["status"] == "todo"
    assert made["labels"] == ["critical", "support"]


@pytest.mark.runs("docs/how-to-tasks.md", "closed")
def test_what_says_that_a_task_is_closed_is_understood() -> None:
    message = _Message.model_validate_json(blocks(PAGE)[2].text)
    assert (message.type, message.data.by) == ("task.done", "Ana Diaz")


def test_each_name_for_a_template_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [name for name in FIELDS if f"`{name}`" not in text] == []
