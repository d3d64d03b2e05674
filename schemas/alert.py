"""What csatwatch publishes on `alerts`: one record a change of an alert's state."""

from enum import StrEnum
from hashlib import sha1
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.customer import Customer, Person
from schemas.event import Contact, Feedback, Rating, Ticket
from schemas.record import CustomerId, Identifier, Record, Time

SCHEMA_VERSION = 1
NAMESPACE = UUID("6f0e9c3e-5d0b-5a0e-9a53-0f6d0c5a7a11")
"""The namespace of all alert ids. Fixed for ever: another one would alert everybody again."""
_NAMESPACE = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class Kind(StrEnum):
    """What an alert is about."""

    POOR_RATING = "poor_rating"
    DECLINING_TREND = "declining_trend"
    WEEKLY_DIGEST = "weekly_digest"


class Status(StrEnum):
    """Where an alert is in its life."""

    FIRING = "firing"
    UPDATED = "updated"
    RETRACTED = "retracted"
    RESOLVED = "resolved"

    @property
    def open(self) -> bool:
        """Whether there is still something to act on."""
        return self in (Status.FIRING, Status.UPDATED)


class Severity(StrEnum):
    """How much is at stake, in falling order."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Evidence(StrEnum):
    """How much the ratings speak for a real decline."""

    STRONG = "strong"
    WEAK = "weak"
    INSUFFICIENT = "insufficient"


class Context(Record):
    """What the customer's window says beside the rating itself."""

    tickets_30d: int
    """Distinct tickets of the 30 days up to the rating, this one included."""
    previous_avg: float | None = None
    """Mean rating (1-5) of the window without this rating; None where there is no other."""
    previous_n: int | None = None
    """How many ratings that mean is of."""
    low_ratings_30d: int
    """Poor ratings of the 30 days up to this one, this one included: its ordinal."""
    category_usual: float | None = None
    """The mean rating (1-5) of the ticket's category among all customers, where the policy gives it."""
    escalated_at: Time | None = None
    """When the ticket was last escalated, where an event of its own said so."""
    renewal_in_days: int | None = None
    """Whole days from the rating to the account's renewal, where the policy counts that as near."""


class Trend(Record):
    """A customer's recent ratings held against the customer's own baseline."""

    recent_avg: float | None = None
    """Mean of the recent ratings (1-5)."""
    recent_n: int
    """How many ratings that mean is of."""
    since: Time | None = None
    """When the recent ratings begin. Where the evidence is strong that is the estimated change, and the baseline is all
    that is known from before; else it is the policy's recent window, and the baseline the one before."""
    baseline_avg: float | None = None
    """Mean of the baseline's ratings (1-5)."""
    baseline_n: int
    """How many ratings that mean is of."""
    drop: float | None = None
    """Share of the baseline's mean that was lost: 0.25 is a quarter lower; negative is better than before."""
    p: float | None = None
    """How often chance alone makes as much: the share of customers without any change who show it within 52 ratings,
    by simulation. Absent where nothing is suspect."""
    evidence: Evidence


class CustomerTrend(Trend):
    """The record on `csat-trends`."""

    customer_id: CustomerId
    as_of: Time
    """The customer's newest rating."""


class SuggestedAction(Record):
    """Something worth doing, and why."""

    kind: Literal["send_email", "coordinate", "schedule_call"]
    why: str
    """In plain words."""


class Routed(Record):
    """Who has the alert in place of the account's CSM, where the policy says so."""

    to: Literal["channel", "digest", "holdout"]
    """A channel; or nobody at once, and the weekly digest lists it; or nobody, to compare what became of it."""
    channel: Identifier | None = None
    """The id of the channel."""


class PolicyVersion(Record):
    """Which policy decided."""

    name: str
    version: str


class Alert(Record):
    """One revision of an alert.

    `alert_id` follows from the customer, the kind and the response alone, so that a replay gives the same one; what
    changes between revisions is the status and what is known.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    """The version of this schema."""
    alert_id: UUID
    """The same through all revisions, and whenever the same input is processed again."""
    customer_id: CustomerId
    event_id: Identifier
    """The event of the rating behind the alert."""
    response_id: Identifier
    """The survey answer behind the alert."""
    revision: Annotated[int, Field(ge=1)]
    """Rises with each change; the same one can come again, and means the same."""
    status: Status
    """firing is new; updated says more of it; retracted and resolved end it."""
    kind: Literal[Kind.POOR_RATING, Kind.DECLINING_TREND]
    severity: Severity
    occurred_at: Time
    """When the customer answered."""
    detected_at: Time
    """When this revision was made."""
    customer: Customer | None = None
    """The account as known then; absent: not known yet."""
    ticket: Ticket
    contact: Contact | None = None
    """Who answered."""
    survey_sent_at: Time | None = None
    """When the survey was sent."""
    rating: Rating
    feedback: Feedback | None = None
    """The customer's own words."""
    context: Context
    trend: Trend | None = None
    """The customer's trend as of this rating."""
    suggested_actions: tuple[SuggestedAction, ...] = ()
    route: Routed | None = None
    """None: the account's CSM has it."""
    silent: bool = False
    """Recorded, and nobody is told: history, or older than a week when it arrived."""
    reasons: tuple[str, ...]
    """Why this alert, why this severity, why this person, in plain words with the numbers."""
    policy: PolicyVersion
    """Which policy decided."""

    @property
    def csm(self) -> Person | None:
        """Whom it is for, where that is known."""
        return self.customer.csm if self.customer else None


def alert_id(kind: Kind, customer_id: str, response_id: str) -> UUID:
    """The id of the alert of this kind on this response: UUIDv5, never of a clock."""
    return UUID(alert_id_text(kind, customer_id, response_id))


def alert_id_text(kind: Kind, customer_id: str, response_id: str) -> str:
    """The same as text, without the detour over `uuid.uuid5`, which takes three times as long (RFC 9562, 5.5)."""
    hashed = _NAMESPACE.copy()
    hashed.update(f"{kind}|{customer_id}|{response_id}".encode())
    h = hashed.hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
