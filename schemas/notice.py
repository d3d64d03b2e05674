"""What decides how a message goes out, and what is said of an alert after its message.

An alert has one message a notification step. What follows it, such as word to a backup, is a row of the ledger of its
own, named after the step: `support_satisfaction_response/notify_csm#backup`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from schemas.alert import Kind, Severity
from schemas.customer import Person
from schemas.delivery import State

_SIGN = "#"


class Notice(StrEnum):
    """What follows a message."""

    BACKUP = "backup"
    """Nobody answered: the deputy is told."""
    MANAGER = "manager"
    """Nobody answered still: the manager's channel is told."""
    REPEAT = "repeat"
    """Nobody answered: the alert is brought up again in its thread."""
    SNOOZE = "snooze"
    """The time that somebody asked for is over: the same."""
    OPERATOR = "operator"
    """The step, of whatever kind, was given up: the operator is told."""


@dataclass(frozen=True, slots=True)
class Main:
    """The step that a notice follows, as the ledger has it.

    Attributes:
        failed: what was given up of it and of its notices, each with its error.
    """

    state: State
    destination: str | None = None
    external_id: str | None = None
    thread: str | None = None
    shown_at: datetime | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another open alert of the customer, and its message.

    Attributes:
        channel, ts: where it stands; None: it is not shown yet.
        handled: somebody has the alert in hand.
    """

    kind: Kind
    severity: Severity
    ticket_id: str
    channel: str | None = None
    ts: str | None = None
    shown_at: datetime | None = None
    handled: bool = False
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Below which message another one goes.

    Attributes:
        broadcast: it is shown in the channel too.
    """

    channel: str
    ts: str
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Why a message is with its reader: the key of a text, and the values in it."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """How a message goes out.

    Attributes:
        person: whom it reaches; None: nobody is known, or it is for a channel.
        channel: the one that it is for; neither: the fallback channel.
        note: why it is with this reader, where that is not the customer's CSM.
        thread: where it goes if the reader's channel is the thread's; otherwise it is a message of its own.
        stands_in: the person is there in place of the CSM.
    """

    person: Person | None = None
    channel: str | None = None
    note: Note | None = None
    thread: Thread | None = None
    stands_in: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """It does not go out yet, although nothing failed."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Later:
    """A notice that becomes due.

    Attributes:
        unless: kinds of actions that make it needless.
    """

    step: str
    due_at: datetime
    lane: str | None = None
    unless: tuple[str, ...] = ()


def notice_step(step: str, notice: Notice, which: str = "") -> str:
    """The name of the row; `which` tells several of one kind apart."""
    return f"{main_step(step)}{_SIGN}{notice}{f'-{which}' if which else ''}"


def main_step(step: str) -> str:
    """The step that a notice follows; a step that is no notice is its own."""
    return step.partition(_SIGN)[0]


def notice_of(step: str) -> Notice | None:
    """What kind of notice the step is; None: none."""
    name = step.partition(_SIGN)[2].partition("-")[0]
    return Notice(name) if name else None


def which(step: str) -> str:
    """What tells it apart from others of its kind."""
    return step.partition(_SIGN)[2].partition("-")[2]
