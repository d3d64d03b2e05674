"""docs/how-to-texts.md: its example is a template, and its table has every value that there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.slack import as_text, message, texts
from sinks.slack.values import NAMES
from tests.alerts import alert
from tests.integration.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "how-to-texts.md"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "slack").mkdir()
    yield tmp_path
    texts.use(None)


@pytest.mark.runs("docs/how-to-texts.md", "template")
def test_the_example_is_a_message(own: Path) -> None:
    (block,) = blocks(PAGE)
    (own / "slack" / "mine.txt").write_text(block.text, encoding="utf-8")
    texts.use(own)
    assert as_text(message(alert(), template="mine")).splitlines()[:5] == [
        ":warning: GlobalTech is unhappy",
        "",
        "GlobalTech rated 1 of 5, $175,000 a year.",
        "",
        "> Took too long to get a response, and the issue still isn't fully resolved.",
    ]


def test_the_table_has_every_value() -> None:
    assert set(re.findall(r"`(message\.\w+)`", PAGE.read_text(encoding="utf-8"))) == NAMES


def test_what_ships_is_where_the_page_says() -> None:
    for place in re.findall(r"`(sinks/[^`]+)`", PAGE.read_text(encoding="utf-8")):
        assert (ROOT / place).exists(), place
