"""The ledger's nouns: the steps that an alert is owed, and how far each is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class Sink(StrEnum):
    """The destinations; each has its own sink agent. So has each action of the user's own, by its name."""

    SLACK = "slack"
    TASKS = "tasks"
    EMAIL = "email"
    MAIL = "mail"
    SUPPORT = "support"


class State(StrEnum):
    """Where a step is."""

    DUE = "due"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """It may have been done, there is no way to find out, and it is not repeated by itself."""


REQUESTS = "csm-actions"
"""Stands for the workflow of steps that people asked for. Such a step is done once, whatever becomes of its alert."""


_REQUEST = "request/"


def request_step(request_id: object) -> str:
    """The step in the ledger that carries a request out."""
    return f"{_REQUEST}{request_id}"


def is_request(step: str) -> bool:
    """Whether a person asked for the step."""
    return step.startswith(_REQUEST)


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an alert is owed.

    Attributes:
        step: `workflow/step id`, so that two workflows with a step of one name stay apart in the ledger.
        sink: a `Sink`, or the name of an action of the user's own.
        lane: what must be served one at a time at the destination, such as one person's messages; None: no such limit.
        config: the step's own configuration.
        delay: how long the first try waits, from when the ledger gets the step.
        unless: kinds of actions; one of them on the alert before the first try cancels the step.
    """

    step: str
    workflow: str
    sink: str
    lane: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    delay: timedelta = timedelta(0)
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A step as the ledger has it.

    Attributes:
        shown_revision: the alert's revision that the destination shows; 0: none that is known of.
        uncertain: an earlier try may have gone through without its answer, so the destination must be asked.
    """

    step: str
    state: State
    shown_revision: int = 0
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision means for one step.

    Attributes:
        state: `due`: the destination has to hear of the revision; `cancelled`: nothing was shown, and nothing will be.
        owed: the step as the workflow has it now; None keeps what the row says.
    """

    step: str
    state: State
    owed: Step | None = None
