"""A backtest's figures as one page that needs nothing else: to open, to send on, to print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from pathlib import Path

from markupsafe import Markup

from schemas.alert import Severity
from streams.backtest.figures import KINDS, Figures, PolicyFigures
from streams.backtest.report import KIND_NAMES, csms, customers, notes, sections, summary
from web.templates import Templates

_BARS = 60  # in a chart at most; a longer history has several weeks in a bar
_STATIC = Path(__file__).parent / "static"
_STACKED = tuple(reversed(Severity))  # from the ground up: what is worst is on top
_CUSTOMERS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One severity's share of a bar: `top` and `height` in hundredths of the chart's height."""

    severity: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One or more weeks; `n` and `counts` are alerts a week."""

    label: str
    n: float
    counts: Mapping[str, float]
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Chart:
    """Alerts a week of one policy, up to `most`; `weeks` are in a bar."""

    policy: str
    bars: Sequence[Bar]
    most: int
    weeks: int
    begin: str
    end: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The charts of one kind of alerts, drawn to one scale: one a policy."""

    title: str
    charts: Sequence[Chart]


def page(figures: Figures) -> str:
    """The HTML, with style and pictures inside."""
    style = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in ("csatwatch.css", "backtest.css"))
    return Templates(None).render(
        "backtest.html",
        style=Markup(style),  # noqa: S704 - our own files
        title=" beside ".join(each.name for each in figures.policies),
        summary=summary(figures),
        policies=[each.name for each in figures.policies],
        panels=[_panel(figures, kind) for kind in KINDS],
        severities=list(Severity),
        sections=sections(figures),
        csms=csms(figures),
        customers=customers(figures, _CUSTOMERS),
        notes=notes(figures),
    )


def _panel(figures: Figures, kind: str) -> Panel:
    weeks = max(1, ceil(max(len(each.weeks) for each in figures.policies) / _BARS))
    counted = [_counted(each, kind, weeks) for each in figures.policies]
    most = ceil(max((sum(counts.values()) for bars in counted for _, counts in bars), default=0)) or 1
    return Panel(
        f"{KIND_NAMES[kind].capitalize()} alerts a week",
        [_chart(each, bars, most, weeks) for each, bars in zip(figures.policies, counted, strict=True)],
    )


def _counted(policy: PolicyFigures, kind: str, weeks: int) -> list[tuple[date, dict[str, float]]]:
    """The first Monday of each bar, and its alerts a week by severity."""
    bars = []
    for first in range(0, len(policy.weeks), weeks):
        span = policy.weeks[first : first + weeks]
        counts: dict[str, float] = {
            severity: sum(week.alerts.get(kind, {}).get(severity, 0) for week in span) / len(span)
            for severity in Severity
        }
        bars.append((span[0].monday, {severity: n for severity, n in counts.items() if n}))
    return bars


def _chart(policy: PolicyFigures, counted: Sequence[tuple[date, Mapping[str, float]]], most: int, weeks: int) -> Chart:
    bars = []
    for monday, counts in counted:
        parts, top = [], 100.0
        for severity in _STACKED:
            if severity in counts:
                height = 100 * counts[severity] / most
                top -= height
                parts.append(Part(severity, round(top, 2), round(height, 2)))
        bars.append(Bar(_day(monday), sum(counts.values()), counts, parts))
    begin, end = (_day(counted[0][0]), _day(counted[-1][0] + timedelta(days=6))) if counted else ("", "")
    return Chart(policy.name, bars, most, weeks, begin, end)


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
