"""Whether it helped: what is known of each alert's customer, and the figures that follow."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from schemas.alert import Kind, PolicyVersion
from schemas.record import Record, Time


class Verdict(StrEnum):
    """What a figure says of its target."""

    REACHED = "reached"
    """The whole interval is on the target's side."""
    MISSED = "missed"
    """The whole interval is on the other side."""
    UNDECIDED = "undecided"
    """The interval holds the target: more cases are needed."""
    TOO_LITTLE = "too_little"
    """Too few cases for any interval that says something."""


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert as it was when it first fired, and what became of it.

    Attributes:
        fired_at: when the customer gave the rating; `found_at`: when the detector raised it.
        silent: recorded only: the rating was old when it came.
        held_out: not delivered, to have somebody to compare with.
        shown: somebody was told nevertheless.
        followed_up_at: when somebody first wrote or called; None: not yet.
        arr, currency: of the account, as the last revision has it.
    """

    alert_id: str
    customer_id: str
    kind: Kind
    fired_at: datetime
    found_at: datetime
    silent: bool
    held_out: bool
    shown: bool
    followed_up_at: datetime | None
    arr: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked of a customer's history: ratings from `since` up to `began_at`, and after `after` up to `until`."""

    customer_id: str
    since: datetime
    began_at: datetime
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Around:
    """What a window holds: numbers of ratings and their sums, and the customer's first escalation after its beginning.

    Attributes:
        escalated_at: up to the window's end; None: there was none.
    """

    before_n: int
    before_sum: int
    after_n: int
    after_sum: int
    escalated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Spell:
    """One customer's ratings in two spans of equal length, one behind the other."""

    customer_id: str
    before_n: int
    before_sum: int
    recent_n: int
    recent_sum: int


class Interval(Record):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class Group(Record):
    """Cases on one side of a comparison.

    A case is one customer from an alert on, and ends before the same customer's next. `before` and `after` are means.
    """

    cases: int
    customers: int
    before: float | None = None
    after: float | None = None
    left_out: int = 0
    """Cases that cannot be counted: no rating came since, or what is looked for had happened already."""


class Comparison(Record):
    """What came after alerts with a follow-up, beside comparable ones without."""

    of: Literal["satisfaction", "escalations"]
    by: Literal["holdout", "matched"]
    """Alerts that the policy held out, or others that nobody followed up."""
    helped: Group
    others: Group
    """Means are weighted as the other side's cases are mixed."""
    unmatched: int = 0
    """Cases with a follow-up that none without resembles: they are not in the figures."""
    by_itself: float | None = None
    """The change that the helped would have had anyway: regression to the mean, and whatever else moves everybody."""
    difference: Interval | None = None
    """Of satisfaction: in points of 5, beyond what came by itself. Of escalations: in shares of cases."""
    relative: Interval | None = None
    """The same as a share of what it would have been."""
    target: float
    verdict: Verdict
    method: str


class Detection(Record):
    """How soon drops were found."""

    drops: int
    within_day: int
    share: Interval | None = None
    median_seconds: float | None = None
    missed: int
    """Of the drops: poor ratings without any alert."""
    old: int
    """Beside the drops: their rating was old when it came, or history."""
    target: float = 1.0
    verdict: Verdict
    method: str


class Overall(Record):
    """The satisfaction of all customers, now and before."""

    customers: int
    recent_n: int
    recent_avg: float | None = None
    before_n: int
    before_avg: float | None = None
    difference: Interval | None = None
    target: float
    verdict: Verdict
    method: str


class Outcomes(Record):
    """Every figure of `csatwatch outcomes`, as of one moment."""

    as_of: Time
    since: Time
    policy: PolicyVersion
    detection: Detection
    comparisons: tuple[Comparison, ...]
    overall: Overall
