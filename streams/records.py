"""What goes through the pipeline, what it asks for, and what comes out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schemas.wire import Alert
from streams.track import Track
from streams.validate import InvalidEvent


class Record(Protocol):
    """A record of the event topic, as the consumer hands it over. `timestamp` is in milliseconds since 1970."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class States(Protocol):
    """The states of one partition's customers.

    Attributes:
        customers_waiting: those with alerts that were published before their account was known.
    """

    customers_waiting: set[str]

    @property
    def at_hand(self) -> Mapping[str, Track]:
        """The tracks that need not be looked for, by customer. One that is `changed` is as `take` gives it."""
        ...

    def expect(self, customer_ids: Collection[str]) -> None:
        """Have these customers, of whom none is at hand, looked for all at once: they are about to be taken."""
        ...

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer. It is kept with the next checkpoint."""
        ...

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`, and drop what was waiting."""
        ...

    def set_waits(self, customer_id: str, *, waits: bool) -> None:
        """Note whether alerts of the customer wait for the account; kept with the next checkpoint."""
        ...


class Raised(NamedTuple):
    """An alert to publish; the time, in milliseconds since 1970, and the headers of the record behind it."""

    alert: Alert
    value: bytes
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


class Refused(NamedTuple):
    """A record for the dead letters."""

    record: Record
    error: InvalidEvent


class Stray(NamedTuple):
    """A record that belongs on another partition."""

    record: Record
    partition: int


@dataclass(slots=True)
class Outcome:
    """What follows from a batch. Everything in it must be acknowledged by the broker before the states are kept."""

    raised: list[Raised] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by (event type, result); their sum is the batch's length."""
