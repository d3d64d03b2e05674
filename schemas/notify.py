"""How people are told: who stands in for whom, when messages wait, what is grouped, and who hears of it next."""

from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from schemas.alert import Severity
from schemas.customer import Person
from schemas.record import Email

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MINUTES = 24 * 60

T = TypeVar("T")


def _clock(value: Any) -> Any:  # noqa: ANN401 (whatever stands in the file)
    # YAML 1.1 reads an unquoted 20:00 as a number to the base of 60.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES:
        return f"{value // 60:02}:{value % 60:02}"
    if not isinstance(value, str | time):
        msg = "must be a time of day, like 20:00"
        raise ValueError(msg)  # noqa: TRY004 (pydantic explains a ValueError)
    return value


Clock = Annotated[time, BeforeValidator(_clock)]
"""A time of day, like "20:00"."""
Minutes = Annotated[float, Field(ge=0, le=7 * _MINUTES)]
Hours = Annotated[float, Field(gt=0, le=1000)]


def _in_order(known: Sequence[T]) -> Callable[[frozenset[T]], list[T]]:
    """What writes a set as a list that is the same each time."""
    return lambda chosen: [each for each in known if each in chosen]


class _Part(BaseModel):
    # Closed: a misspelt threshold must not silently leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Daily(_Part):
    """A stretch of some days of the week, by the clock on the wall.

    It begins on each of `days`, and ends on the next day where `to` is not later than `from`: 20:00 to 08:00 on fridays
    ends on saturday morning, and 00:00 to 00:00 is the whole day.
    """

    days: Annotated[frozenset[Weekday], Field(min_length=1), PlainSerializer(_in_order(WEEKDAYS), list[Weekday])] = (
        frozenset(WEEKDAYS)
    )
    """On which it begins."""
    start: Annotated[Clock, Field(alias="from", examples=["20:00"])]
    """When it begins, by the clock on the wall."""
    end: Annotated[Clock, Field(alias="to", examples=["07:00"])]
    """When it ends."""

    @model_validator(mode="after")
    def _ends_some_time(self) -> Self:
        if self.start.tzinfo or self.end.tzinfo:
            msg = "from and to are times of the clock on the wall: write them without an offset, like 20:00"
            raise ValueError(msg)
        if self.start == self.end and len(self.days) == len(WEEKDAYS):
            msg = "from is to on every day of the week, so it would never end: leave a day out, or set another to"
            raise ValueError(msg)
        return self


class Away(_Part):
    """A CSM is not at work; the days are the CSM's own, both included."""

    csm: Email
    """Who, by e-mail."""
    first: Annotated[date, Field(alias="from")]
    """The first day."""
    last: Annotated[date, Field(alias="until")]
    """The last day."""
    deputy: Person | None = None
    """Who stands in; without one, the account's own deputy does."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last < self.first:
            msg = f"until is {self.last}, before from, which is {self.first}: turn them round"
            raise ValueError(msg)
        return self


class Timers(_Part):
    """Business hours without an answer until somebody else is told; null: that one is not told."""

    backup: Hours | None = 4
    """The deputy."""
    manager: Hours | None = 8
    """The manager's channel, `CSATWATCH_SLACK_MANAGER_CHANNEL`."""


class Escalation(_Part):
    """Who is told of an alert that nobody takes in hand."""

    severities: Annotated[frozenset[Severity], PlainSerializer(_in_order(tuple(Severity)), list[Severity])] = frozenset(
        {Severity.CRITICAL, Severity.HIGH}
    )
    """Alerts of these are escalated."""
    after: dict[str, Timers] = {}
    """By band of ARR, as in `severity.bands`, and `unknown`."""
    otherwise: Timers = Timers()
    """For bands that are not in `after`."""


class Calls(_Part):
    """Which times a call is offered at: within `business_hours`, by the clock of the customer's account."""

    minutes: Annotated[tuple[Annotated[int, Field(ge=5, le=480)], ...], Field(min_length=1, max_length=10)] = (
        15,
        30,
        45,
        60,
    )
    """How long a call can be."""
    every_minutes: Annotated[int, Field(ge=15, le=240)] = 30
    """The offered times are so far apart."""
    notice_hours: Annotated[float, Field(ge=0, le=7 * 24)] = 2
    """None is sooner than that."""
    days: Annotated[int, Field(ge=1, le=30)] = 7
    """None is later than that."""


class Notify(_Part):
    """Everything about when and whom a message reaches. A critical alert waits for nothing here."""

    away: tuple[Away, ...] = ()
    """Who is not at work."""
    quiet_hours: Daily | None = None
    """New messages wait for their end."""
    business_hours: Daily = Daily(days=frozenset(WEEKDAYS[:5]), start=time(9), end=time(17))
    """In these the timers of the escalation run."""
    group_wait_minutes: Minutes = 0
    """So long a customer's first alert waits for others, the most severe of which then is the message."""
    group_interval_minutes: Minutes = 240
    """So long after a customer's message was posted, further alerts go into its thread while nobody has answered."""
    trend_minutes: Minutes = 24 * 60
    """The same for a falling average, below the message of a poor rating."""
    same_ticket_minutes: Minutes = 7 * _MINUTES
    """The same for an alert on the message's own ticket, answered or not."""
    repeat_interval_minutes: Annotated[float, Field(ge=5, le=7 * _MINUTES)] | None = None
    """So long after it was posted, and again, an alert that nobody answers is brought up in its thread; null: never."""
    repeat_at_most: Annotated[int, Field(ge=1, le=20)] = 3
    """How many times."""
    escalation: Escalation = Escalation()
    calls: Calls = Calls()

    @property
    def group_wait(self) -> timedelta:
        """As a duration."""
        return timedelta(minutes=self.group_wait_minutes)

    @property
    def group_interval(self) -> timedelta:
        """As a duration."""
        return timedelta(minutes=self.group_interval_minutes)

    @property
    def repeat_interval(self) -> timedelta | None:
        """As a duration."""
        minutes = self.repeat_interval_minutes
        return None if minutes is None else timedelta(minutes=minutes)
