"""Tables, and docs/benchmarks.md, which is made of them."""

import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_TITLES = ("Throughput", "Latency", "Scale", "One customer", "Memory", "Backtest", "Delivery", "Pages")
_HEAD = """# Benchmarks

Every measure runs on one machine and one Apache Kafka of one node, csatwatch and its peers in turn. Take the ratios:
the absolute figures are this machine's. This page is written by `python -m bench --record MEASURE`; `python -m bench
setup` fetches the peers first.
"""


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows by column as a Markdown table; the first column is text, the others are figures."""
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join([first, *rest])} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([line(columns), f"|{rule}|", *(line([row[column] for column in columns]) for row in rows)])


def spread(milliseconds: Iterable[float], *percents: int) -> dict[str, str]:
    """These percentiles and the most, as cells of a row."""
    each = sorted(milliseconds)
    figures = {f"p{percent} ms": each[len(each) * percent // 100] for percent in percents} | {"most ms": each[-1]}
    return {name: f"{figure:,.0f}" for name, figure in figures.items()}


def told(cells: Mapping[str, str]) -> str:
    """The cells of a row as one line of text."""
    return ", ".join(f"{name} {figure}" for name, figure in cells.items())


def section(title: str, about: str, tables: Sequence[str], versions: Mapping[str, str]) -> str:
    """One measure's part of the page: paragraphs and tables."""
    command = " ".join(["python -m bench", *(each for each in sys.argv[1:] if each != "--record")])
    ran = ", ".join(f"{name} {version}" for name, version in versions.items())
    when = datetime.now(UTC).date().isoformat()
    facts = f"`{command}` on {when}. {machine.describe()}. {ran}."
    return "\n\n".join([f"## {title}", *map(wrapped, [*about.split("\n\n"), *tables]), facts]) + "\n"


def with_section(page: str, text: str) -> str:
    """The page with this section in its place; it replaces one of the same title."""
    found = {_title(part): part for part in re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]}
    found[_title(text)] = text
    return "\n".join([_HEAD, *(found[title].rstrip("\n") + "\n" for title in _TITLES if title in found)])


def record(text: str) -> None:
    """Write a section into docs/benchmarks.md."""
    PAGE.write_text(with_section(PAGE.read_text() if PAGE.exists() else "", text))


def wrapped(part: str) -> str:
    """A paragraph in lines as long as a page's; a table as it is."""
    return part if part.startswith("|") else textwrap.fill(" ".join(part.split()), 120)


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("## ")
