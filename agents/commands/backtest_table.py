"""A backtest's figures as text for a terminal or a file."""

from collections.abc import Sequence
from textwrap import fill

from streams.backtest.figures import Figures
from streams.backtest.report import Row, Section, csms, customers, notes, sections, summary

_WIDTH = 100  # of the notes
_CSMS, _CUSTOMERS = 20, 10  # rows at most; the page and --summary-json have more


def table(figures: Figures) -> str:
    """The figures, a column a policy."""
    everyone = csms(figures)
    shown = [
        *sections(figures),
        Section(everyone.title, everyone.rows[:_CSMS]),
        customers(figures, _CUSTOMERS),
    ]
    names = [each.name for each in figures.policies]
    rows = [Row("", names, "change" if len(names) > 1 else ""), *(row for each in shown for row in each.rows)]
    label = max(len(row.label) for row in rows) + 2
    widths = [max(len(cell) for cell in column) for column in zip(*(_cells(row) for row in rows), strict=True)]

    def line(row: Row) -> str:
        cells = (cell.rjust(width) for cell, width in zip(_cells(row), widths, strict=True))
        return "  ".join([f"  {row.label}".ljust(label), *cells]).rstrip()

    text = [summary(figures), "", line(rows[0])]
    for section in shown:
        text += ["", section.title, *map(line, section.rows)]
        if section.title == everyone.title and len(everyone.rows) > _CSMS:
            text.append(f"  … and {len(everyone.rows) - _CSMS} more")
    read = [fill(each, _WIDTH, subsequent_indent="  ") for each in notes(figures)]
    return "\n".join([*text, "", *read]) + "\n"


def _cells(row: Row) -> Sequence[str]:
    return (*row.cells, row.change)
