"""The navigation of the site: what a page that is a list of pages lists, below its headings and in its order."""

import re
from collections.abc import Iterator

_HEADING = re.compile(r"^## (.+)$")
_ENTRY = re.compile(r"^- \[([^]]+)\]\(([^)#]+)\.md\)$")


def toctrees(text: str) -> str:
    """Sphinx's own lists of the pages, not shown on the page itself."""
    return "\n\n" + "\n\n".join(
        "\n".join(["```{toctree}", ":hidden:", *([f":caption: {heading}"] if heading else []), "", *pages, "```"])
        for heading, pages in entries(text).items()
    )


def entries(text: str) -> dict[str, list[str]]:
    """The pages below each heading, as `title <page>`."""
    found: dict[str, list[str]] = {}
    for heading, title, page in _entries(text):
        found.setdefault(heading, []).append(f"{title} <{page}>")
    return found


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    heading = ""
    for line in text.splitlines():
        if match := _HEADING.match(line):
            heading = match[1]
        elif match := _ENTRY.match(line):
            yield heading, match[1], match[2]
