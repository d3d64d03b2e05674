"""What a task system is to the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sinks.tasks.card import Card


@dataclass(frozen=True, slots=True)
class Filed:
    """Where the system has the task; `url` is for people, None where it has none."""

    external_id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A task that somebody closed there."""

    external_id: str
    at: datetime


class TaskSystem(Protocol):
    """A system that holds tasks."""

    @property
    def name(self) -> str:
        """Its name in the ledger and on the pages."""
        ...

    async def put(self, card: Card, known: str | None, *, uncertain: bool) -> Filed | None:
        """Bring the system to the card: open the task, change it, or end it. None: it is over and was never there.

        A task that a person closed or deleted there is not opened again, unless `card.reopened`.

        Args:
            card: the task.
            known: what the system calls it; None: nothing is known to be there.
            uncertain: an earlier try may have opened it without an answer: it is looked for before another is opened.

        Raises Retriable or Permanent, nothing else.
        """
        ...

    async def closed(self, since: datetime) -> Sequence[Closed]:
        """The tasks closed there since then, some of them perhaps named before. Raises Retriable or Permanent."""
        ...
