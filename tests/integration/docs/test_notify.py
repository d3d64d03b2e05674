"""docs/notify.md: its examples are policies, and its defaults those of the program."""

import re

import pytest
import yaml

from schemas.notify import Notify
from schemas.policy import Policy, load_policy
from tests.integration.docs.blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "notify.md"


@pytest.mark.runs("docs/notify.md", "away", "escalation")
@pytest.mark.parametrize("block", blocks(PAGE), ids=lambda block: block.text[:30])
def test_each_example_is_a_policy(block: Block) -> None:
    shipped = load_policy(None).model_dump(exclude={"notify"})
    policy = Policy.model_validate(shipped | yaml.safe_load(block.text))
    assert policy.notify != Notify()


def test_the_defaults_are_as_said() -> None:
    said = dict(re.findall(r"^\| `(\w+_minutes)` \((\w+)\) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    notify = load_policy(None).notify
    assert len(said) == 5
    for name, value in said.items():
        assert getattr(notify, name) == (None if value == "never" else float(value))
