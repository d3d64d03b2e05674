"""The weekly digest of a CSM, and what `alerts` carries: alerts on customers, and digests."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter

from schemas.alert import Alert, CustomerTrend, Kind, PolicyVersion, Severity, Status, Trend, alert_id
from schemas.customer import Person
from schemas.record import CustomerId, Record, ShortText, Time

WEEK = r"^\d{4}-W\d{2}$"


class Part(StrEnum):
    """The parts of a digest, in its order."""

    FALLING = "falling"
    """The average is below the customer's own baseline by more than the policy's share."""
    TOO_FEW = "too_few"
    """So it looks, on too few ratings to tell."""
    OPEN = "open"
    """Alerts that nobody has answered, and tasks that are not done."""
    UNANSWERED = "unanswered"
    """Somebody followed up, and no rating came since."""
    RECOVERED = "recovered"
    QUIET = "quiet"


class Item(Record):
    """One account in one part of a digest."""

    part: Part
    customer_id: CustomerId
    name: ShortText | None = None
    arr: float | None = None
    """Annual recurring revenue, in the account's own currency."""
    currency: str | None = None
    at_stake: float | None = None
    """ARR times the drop, in the account's own currency."""
    renewal_at: Time | None = None
    words: str
    """What there is to say, with its numbers and its evidence."""
    trend: Trend | None = None


class Digest(Record):
    """What a CSM should know once a week.

    `alert_id` follows from the CSM and the week alone, so that nobody gets two of one week.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    """The version of this schema."""
    alert_id: UUID
    revision: Annotated[int, Field(ge=1)] = 1
    status: Status = Status.FIRING
    kind: Literal[Kind.WEEKLY_DIGEST] = Kind.WEEKLY_DIGEST
    severity: Severity = Severity.LOW
    occurred_at: Time
    """The hour at which it was due."""
    detected_at: Time
    """When it was made; later than `occurred_at` where nothing ran at the hour."""
    csm: Person
    week: Annotated[str, StringConstraints(pattern=WEEK)]
    """ISO 8601's week of the day on which it was due, where the CSM is."""
    items: tuple[Item, ...] = ()
    """The most important first, part by part. Each falling account is here, however many there are."""
    more: dict[Part, int] = Field(default_factory=dict)
    """Accounts of other parts that the policy's limit left out."""
    silent: bool = False
    """Recorded, and nobody is told."""
    reasons: tuple[str, ...]
    policy: PolicyVersion


Published = Annotated[Alert | Digest, Field(discriminator="kind")]
"""A record of `alerts`."""


def digest_id(csm_email: str, week: str) -> UUID:
    """The id of the digest of this CSM and week: UUIDv5, never of a clock."""
    return alert_id(Kind.WEEKLY_DIGEST, csm_email, week)


def read(value: bytes | str) -> Alert | Digest:
    """The alert or the digest in a record of `alerts`. Raises `pydantic.ValidationError`."""
    return _published().validate_json(value)


def parse(record: object) -> Alert | Digest:
    """The same from JSON that is decoded already."""
    return _published().validate_python(record)


@cache
def _published() -> TypeAdapter[Alert | Digest]:
    return TypeAdapter(Published)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that still stands, and what people have done with it.

    Attributes:
        rating: 1 to 5, behind the alert.
        task_due_at: of its open task; None: it has none.
        seen: somebody acknowledged it, or did more.
        followed_up_at: when somebody last wrote to the customer or called; None: nobody has.
    """

    kind: Kind
    severity: Severity
    occurred_at: datetime
    rating: int
    task_due_at: datetime | None = None
    seen: bool = False
    followed_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an account when the digest of its CSM is made.

    Attributes:
        known_since: when csatwatch first heard of the customer.
        trend: as last measured; None: never.
        last_rating_at: when the customer last rated; None: never.
        last_ticket_at: when a ticket of the customer's was last heard of; None: never.
        open: the alerts that still stand.
        recovered_at: when an alert on the customer's trend was resolved within the week; None: none was.
        recovered: the trend of that alert.
    """

    customer_id: str
    known_since: datetime
    name: str | None = None
    arr: float | None = None
    currency: str | None = None
    tier: str | None = None
    renewal_at: datetime | None = None
    trend: CustomerTrend | None = None
    last_rating_at: datetime | None = None
    last_ticket_at: datetime | None = None
    open: tuple[OpenAlert, ...] = ()
    recovered_at: datetime | None = None
    recovered: Trend | None = None
