"""The page on the digest: its example works, and its parts are those of the message."""

import re
from pathlib import Path

import pytest
import yaml

from schemas.policy import Policy, load_policy
from sinks.slack import as_text, message
from tests.digests import everything
from tests.integration.docs.blocks import blocks

PAGE = Path(__file__).parents[3] / "docs" / "digest.md"


@pytest.mark.runs("docs/digest.md", "digest")
def test_the_example_is_a_part_of_a_policy() -> None:
    (block,) = blocks(PAGE)
    shown = Policy.model_validate(load_policy(None).model_dump() | yaml.safe_load(block.text)).digest
    assert shown.time_zones == {"ana@example.com": "America/New_York"}


def test_each_part_of_the_message_is_in_the_table() -> None:
    titles = [
        title.lower().split(", on ")[0]
        for title in re.findall(r"^\*(.+)\*", as_text(message(everything())), re.MULTILINE)
    ]
    rows = re.findall(r"^\| ([a-z, ]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ["part", *titles]
