"""Figures month by month, from their counts and sums: pure. Months are UTC's."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from web.wording import mean

_COUNTS = (
    "tickets",
    "answered",
    "answers",
    "rating_sum",
    "low",
    "resolved",
    "resolution_hours",
    "sla_known",
    "sla_broken",
    "first_contact_known",
    "first_contact",
    "escalated",
)


@dataclass(frozen=True, slots=True)
class Month:
    """Counts and sums of one month, or of several taken together; `month` is its first day, None of several.

    See `support_by_month` in the database for what each is.
    """

    month: date | None
    tickets: int
    answered: int
    answers: int
    rating_sum: int
    low: int
    resolved: int
    resolution_hours: float
    sla_known: int
    sla_broken: int
    first_contact_known: int
    first_contact: int
    escalated: int

    @property
    def average(self) -> float | None:
        """The mean rating, 1-5."""
        return mean(self.rating_sum, self.answers)

    @property
    def resolution(self) -> float | None:
        """The mean time to a resolution, in hours."""
        return mean(self.resolution_hours, self.resolved)


COLUMNS = (
    "tickets",
    "answers",
    "average",
    "low",
    "resolution_hours",
    "sla_broken",
    "first_contact",
    "response_rate",
)
"""Of `line`."""


def line(month: Month) -> Mapping[str, Any]:
    """The figures as a row of a file."""
    return {
        "month": month.month,
        "tickets": month.tickets,
        "answers": month.answers,
        "average": month.average,
        "low": month.low,
        "resolution_hours": month.resolution,
        "sla_broken": month.sla_broken,
        "first_contact": month.first_contact,
        "response_rate": month.answered / month.tickets if month.tickets else None,
    }


def months(rows: Iterable[Mapping[str, Any]]) -> Sequence[Month]:
    """Each row with a `month` as it is."""
    return [Month(row["month"], *(row[name] for name in _COUNTS)) for row in rows]


def total(rows: Iterable[Mapping[str, Any]]) -> Month:
    """All rows together."""
    sums: defaultdict[str, float] = defaultdict(int)
    for row in rows:
        for name in _COUNTS:
            sums[name] += row[name]
    return Month(None, *(sums[name] for name in _COUNTS))  # type: ignore[arg-type]


def by(rows: Iterable[Mapping[str, Any]], name: str) -> Mapping[Any, Month]:
    """The totals by what the rows have under that name, in the rows' order."""
    groups: defaultdict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    return {key: total(group) for key, group in groups.items()}


def first_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def back(day: date, number: int) -> date:
    """The first day of the month so many months before that of `day`."""
    years, month = divmod(day.year * 12 + day.month - 1 - number, 12)
    return date(years, month + 1, 1)


def following(day: date) -> date:
    """The first day of the next month."""
    return back(day, -1)
