"""The pages of docs/ are true where a program can tell."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agents.settings import Settings
from schemas import export
from streams.topology import DEAD_LETTERS, TOPICS
from tests.integration.docs.blocks import PAGES, ROOT

if TYPE_CHECKING:
    from playwright.async_api import Page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        place, _, section = target.partition("#")
        if place.startswith("https://"):
            continue
        linked = (page.parent / place) if place else page
        assert linked.exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert section in {_anchor(heading) for heading in headings}, target


def test_each_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_table_of_retention_is_that_of_the_topics() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for topic in TOPICS:
        (kept,) = re.findall(rf"^\|[^|]*`{topic.name}`[^|]*\| (.*?) \|$", text, re.MULTILINE)
        assert kept == (f"{topic.retention.days} days" if topic.retention else "the newest record of each key")


def test_each_topic_has_its_schema() -> None:
    # A dead letter is whatever it was; the schemas of files are none of a topic.
    records = {name for name in export.documents() if not name.endswith(".schema.json")}
    assert records == {f"{topic.name}.json" for topic in TOPICS if topic.name != DEAD_LETTERS}


async def test_the_picture_is_drawn_whole(page: "Page") -> None:
    await page.goto((ROOT / "docs" / "images" / "architecture.svg").as_uri())
    outside = await page.evaluate(
        """() => {
            const [, , width, height] = document.documentElement.getAttribute("viewBox").split(" ").map(Number);
            return [...document.querySelectorAll("text, rect, path.line")].filter((each) => {
                const box = each.getBBox();
                return box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height;
            }).length;
        }"""
    )
    words = await page.evaluate("() => [...document.querySelectorAll('text')].map((each) => each.textContent)")
    assert outside == 0
    assert {"detect", "store", "deliver", "web", "alerts", "Postgres"} <= set(words)


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
