"""The code blocks of a page, each with the comment above it that says how it is run."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]

_BLOCK = re.compile(
    r"(?:^<!-- run: (?P<run>[a-z_]+) -->\n)?^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `run` is "" where no comment is above it."""

    run: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Every block of the page, in order."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(each["run"] or "", each["language"], each["text"]) for each in found]
