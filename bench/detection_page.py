"""The figures of docs/detection.md and their picture."""

import re
from pathlib import Path

from bench.curve import picture
from bench.detection import LATER, SOON, Figures, Found, at_false, mean
from bench.histories import FALLS
from bench.report import table, wrapped

PAGE = Path(__file__).parent.parent / "docs" / "detection.md"
PICTURE = PAGE.parent / "images" / "detection.svg"
FALSE = 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3
"""Shares of unchanged customers with an alert, at which the ways are compared."""

_MARKS = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)
_FALL = next(iter(FALLS))


def text(figures: Figures, command: str) -> str:
    """The part of the page, in Markdown; `command` makes it again."""
    plain = figures.points["plain rule"]
    shipped = [_row(name, each) for name, each in figures.shipped.items()]
    rows = [
        {"false alarms": f"{false:.0%}"}
        | {
            way: f"{at_false(curves.soon, false):.0%}, {at_false(curves.later, false):.0%}"
            for way, curves in figures.curves.items()
        }
        for false in FALSE
    ]
    compared = (
        f"Each way, where it is set to so many false alarms over the four kinds of customers: falls {_FALL} found "
        f"within {SOON} ratings, and within {LATER}."
    )
    at_the_drop = (
        f"The plain rule, set to the policy's drop, alerts for {plain.soon[0]:.0%} of the customers without any "
        f"change. Of the falls it finds {plain.soon[1]:.0%} within {SOON} ratings, {plain.later[1]:.0%} within {LATER}."
    )
    parts = (
        f"By `{command}`.",
        "The shipped policy, through the detector's own pipeline:",
        table([*shipped, _row("all of them", mean(list(figures.shipped.values())))]),
        wrapped(compared),
        table(rows),
        wrapped(at_the_drop),
        "![What each way finds, by its false alarms](images/detection.svg)",
        "Other shares, for which nothing was set:",
        table([_row(name, each) for name, each in figures.others.items()]),
    )
    return "\n\n".join(parts)


def drawn(figures: Figures) -> str:
    """The picture, as SVG."""
    names = f"found within {SOON} ratings", f"found within {LATER} ratings"
    return picture(
        f"Falls {_FALL} of the mean, by how often a customer without any change has an alert",
        {name: {way: curves[part] for way, curves in figures.curves.items()} for part, name in enumerate(names)},
        {name: {way: points[part] for way, points in figures.points.items()} for part, name in enumerate(names)},
    )


def record(figures: Figures, command: str) -> None:
    """Write the page's part and the picture."""
    new = text(figures, command)
    PAGE.write_text(_MARKS.sub(lambda found: f"{found[1]}\n{new}\n\n{found[2]}", PAGE.read_text(encoding="utf-8")))
    PICTURE.write_text(drawn(figures), encoding="utf-8")


def _row(name: str, found: Found) -> dict[str, str]:
    return {"shares of 1 / 2 / 3 / 4 / 5": name, "false alarms": f"{found.false:.1%}"} | {
        f"{fall}: {SOON}, {LATER}": f"{found.soon[fall]:.0%}, {found.later[fall]:.0%}" for fall in FALLS
    }
