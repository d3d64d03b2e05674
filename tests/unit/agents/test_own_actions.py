"""Actions of the user's own: found, named, refused."""

from pathlib import Path

import pytest

from agents.own_actions import own_actions
from agents.workflows import workflows
from schemas.yaml_file import BadFile
from sinks.base import Permanent
from streams.route import steps
from tests.alerts import alert
from tests.deliveries import delivery

GOOD = """
from schemas.part import Part
from sinks.base import Delivery, Permanent, Receipt


class Config(Part):
    room: str


async def send(delivery: Delivery) -> Receipt | None:
    config = Config.model_validate(delivery.config)
    if config.room == "closed":
        raise Permanent("the room is closed")
    return Receipt(config.room, str(delivery.alert.alert_id))
"""
WORKFLOW = """
workflow: mine
version: 1.0
trigger: { type: event, event: support_csat_received }
steps:
  - id: tell_the_room
    action: tell_room
    config: { room: blue }
    variants:
      - when: { rating: { eq: 1 } }
        config: { room: red }
"""


def test_a_file_is_an_action(tmp_path: Path) -> None:
    (tmp_path / "tell_room.py").write_text(GOOD)
    (tmp_path / "_helper.py").write_text("raise SystemError")
    assert list(own_actions(tmp_path)) == ["tell_room"]
    assert dict(own_actions(None)) == {}


async def test_its_step_is_routed_configured_and_done(tmp_path: Path) -> None:
    (tmp_path / "tell_room.py").write_text(GOOD)
    (tmp_path / "mine.yaml").write_text(WORKFLOW)
    own = own_actions(tmp_path)
    found = workflows(tmp_path, {name: action.config for name, action in own.items()})
    (step,) = steps(alert(), found)
    assert (step.sink, step.lane, step.config) == ("tell_room", None, {"room": "red"})
    receipt = await own["tell_room"].send(delivery(sink="tell_room", config=step.config))
    assert receipt
    assert receipt.destination == "red"
    with pytest.raises(Permanent, match="closed"):
        await own["tell_room"].send(delivery(sink="tell_room", config={"room": "closed"}))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("room: blue", "rom: blue", "mine.yaml:8: steps.tell_the_room.config.rom: is not a field here"),
        ("room: red", "room: 3", "mine.yaml:11: steps.tell_the_room.variants.0.config.room: must be text"),
        ("tell_room", "tell_rome", "'tell_room', or add a file for it"),
    ],
)
def test_its_configuration_is_checked_by_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "tell_room.py").write_text(GOOD)
    (tmp_path / "mine.yaml").write_text(WORKFLOW.replace(old, new))
    own = own_actions(tmp_path)
    with pytest.raises(BadFile) as refused:
        workflows(tmp_path, {name: action.config for name, action in own.items()})
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tell_room.py", GOOD.replace("class Config", "class Other"), "has no Config: add a class Config(Part)"),
        ("tell_room.py", GOOD.replace("async def send", "def send"), "has no send: add async def send(delivery)"),
        ("tell_room.py", "import nothing_of_the_kind", "cannot be imported: ModuleNotFoundError"),
        ("tell_room.py", "x = (", "cannot be imported: line 1: SyntaxError"),
        ("slack_dm.py", GOOD, "slack_dm is csatwatch's own: give the action another name"),
        ("tasks.py", GOOD, "tasks is csatwatch's own"),
        ("Tell-Room.py", GOOD, "'Tell-Room' is no name for an action: use small letters"),
    ],
)
def test_a_file_that_is_no_action_is_named_with_the_fix(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadFile) as refused:
        own_actions(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")
    assert says in str(refused.value)


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"CSATWATCH_PLUGINS: .* is not a directory"):
        own_actions(tmp_path / "none")
