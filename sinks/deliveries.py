"""The ledger for people who look after it: which steps are there, and those that were given up once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from schemas.delivery import State
from sinks.postgres import Connection, queries

GIVEN_UP = (State.FAILED, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which steps are meant; None: all.

    Attributes:
        customers, alert: ids.
        step: `workflow/step id`.
    """

    states: Sequence[str] | None = None
    sinks: Sequence[str] | None = None
    customers: Sequence[str] | None = None
    alert: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """What was made due again: (alert_id, step, sink) each; and how many were left because a person asked for them."""

    steps: Sequence[tuple[str, str, str]]
    left: int


class Deliveries:
    """The rows behind a connection or a pool. Every method raises asyncpg's errors."""

    def __init__(self, connection: Connection | asyncpg.Pool) -> None:
        self._connection = connection
        self._sql = queries("deliveries")

    async def steps(self, wanted: Wanted, *, most: int) -> list[dict[str, Any]]:
        """Steps by column, the newest first."""
        rows = await self._connection.fetch(
            self._sql["list"], wanted.states, wanted.sinks, wanted.customers, wanted.alert, most
        )
        return [dict(row) for row in rows if wanted.step is None or row["step"] == wanted.step]

    async def customers(self, name: str) -> list[str]:
        """The ids of the customers of this name."""
        return [str(row["customer_id"]) for row in await self._connection.fetch(self._sql["customers"], name)]

    async def alert(self, alert_id: str) -> dict[str, Any] | None:
        """The alert with its steps, its tasks and what people did with it; None: there is none."""
        row = await self._connection.fetchrow(self._sql["alert"], alert_id)
        if row is None:
            return None
        found = dict(row)
        found["steps"] = await self.steps(Wanted(alert=alert_id), most=1000)
        for name in ("tasks", "actions"):
            found[name] = [dict(each) for each in await self._connection.fetch(self._sql[name], alert_id)]
        return found

    async def retry(self, wanted: Wanted) -> Retried:
        """Make those of the steps due again that were given up."""
        states = [state for state in GIVEN_UP if wanted.states is None or state in wanted.states]
        given = (states, wanted.sinks, wanted.customers, wanted.alert, wanted.step)
        left = await self._connection.fetchval(self._sql["asked_for"], *given)
        rows = await self._connection.fetch(self._sql["retry"], *given)
        return Retried(sorted((str(row["alert_id"]), row["step"], row["sink"]) for row in rows), left)
