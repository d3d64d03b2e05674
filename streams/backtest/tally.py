"""What is counted of one policy's alerts while a history runs."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from streams.spans import DAY

UNOWNED = ""
"""In place of a CSM's e-mail: the account has none, or is not known."""
_FIRST_MONDAY = 4  # of 1970, in days since its first


class After(StrEnum):
    """What became of an alert's customer within the days that are looked at."""

    ESCALATED = "escalated"
    FELL = "fell_further"
    BOTH = "escalated_and_fell_further"
    NEITHER = "neither"
    TOO_RECENT = "too_recent"
    """The history ends before these days do."""


class Warned(StrEnum):
    """Whether a customer that escalated had an alert before the first escalation."""

    WITHIN = "within"
    """In the days before it that are looked at."""
    EARLIER = "earlier"
    NEVER = "never"


@dataclass(slots=True)
class Tally:
    """Counts of one policy's alerts. An alert is counted once, as it was when it first fired.

    Attributes:
        weeks: by week, kind and severity.
        evidence: by kind and evidence.
        csms: by the CSM's e-mail (or `UNOWNED`) and week.
        customers: by id.
        changes: further revisions, by kind and status.
        after: by kind and what came after.
        warned: customers that escalated.
        alone, near: by kind, alerts that another policy did not raise: it raised none of this kind on this customer
            within those days before or after; it raised another one.
        both: by kind, alerts that the other policy raised as well.
    """

    weeks: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    evidence: Counter[tuple[str, str]] = field(default_factory=Counter)
    csms: Counter[tuple[str, int]] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    after: Counter[tuple[str, After]] = field(default_factory=Counter)
    warned: Counter[Warned] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    near: Counter[str] = field(default_factory=Counter)
    both: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count what another one counted of other customers."""
        for name in self.__slots__:
            getattr(self, name).update(getattr(other, name))


def week_of(at: int) -> int:
    """The week of a time in microseconds since 1970: Monday to Sunday, in UTC."""
    return (at // DAY - _FIRST_MONDAY) // 7


def monday_of(week: int) -> int:
    """Its first day, in microseconds since 1970."""
    return (week * 7 + _FIRST_MONDAY) * DAY
