"""What people did with alerts, in Postgres: each action stored once, and the requests among them on their way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from schemas.action import Action, ActionKind
from schemas.delivery import REQUESTS, Sink, State, request_step
from sinks.deliveries import Deliveries, Wanted
from sinks.ledger import Ledger
from sinks.postgres import Connection, queries

_NAMESPACE = UUID("9b1d3a86-3c1c-5a55-8a7f-0e0d4f6b7c21")
_HELD_AT_MOST = timedelta(minutes=10)
_OVERTAKEN = "another version was sent meanwhile"
_NO_DRAFT = "the draft is not known"

SINKS: Mapping[ActionKind, Sink] = {
    ActionKind.EMAIL_REQUESTED: Sink.MAIL,
    ActionKind.CALL_REQUESTED: Sink.MAIL,
    ActionKind.COORDINATE_REQUESTED: Sink.SUPPORT,
    ActionKind.WORKFLOW_EMAIL_REQUESTED: Sink.MAIL,
}
"""The destination of each kind of request."""

RESULTS: Mapping[ActionKind, tuple[ActionKind, ActionKind, ActionKind]] = {
    ActionKind.EMAIL_REQUESTED: (ActionKind.EMAIL_SENT, ActionKind.EMAIL_FAILED, ActionKind.EMAIL_UNKNOWN),
    ActionKind.CALL_REQUESTED: (ActionKind.CALL_SCHEDULED, ActionKind.CALL_FAILED, ActionKind.CALL_UNKNOWN),
    ActionKind.COORDINATE_REQUESTED: (
        ActionKind.COORDINATED,
        ActionKind.COORDINATION_FAILED,
        ActionKind.COORDINATION_FAILED,
    ),
    ActionKind.WORKFLOW_EMAIL_REQUESTED: (
        ActionKind.WORKFLOW_EMAIL_SENT,
        ActionKind.WORKFLOW_EMAIL_FAILED,
        ActionKind.WORKFLOW_EMAIL_UNKNOWN,
    ),
}
"""What answers each kind of request: done, failed, and not known."""
EMAILS = frozenset({ActionKind.EMAIL_REQUESTED, ActionKind.WORKFLOW_EMAIL_REQUESTED})
"""Requests for an e-mail."""
_DRAFTS = {State.DONE: "sent", State.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """An action as it was read.

    Attributes:
        held: a request from before the reader's beginning, and not the last there is to read: its result may follow.
    """

    action: Action
    partition: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A request and what became of it; `place` is where it is to be seen."""

    request: Action
    state: State
    at: datetime
    error: str | None
    place: tuple[str, str] | None
    draft: tuple[str, int] | None

    def result(self, link: str | None = None) -> Action:
        """The record that answers the request. The same settlement gives the same one, however often it is published.

        `link`: an address of `place`.
        """
        asked = self.request
        done, failed, unknown = RESULTS[asked.kind]
        kind = {State.DONE: done, State.UNKNOWN: unknown}.get(self.state, failed)
        to = asked.to
        note = self.error
        if kind is done and to is not None and (name := to.name or to.email) is not None:
            note = f"to {name}"
        return Action(
            action_id=uuid5(_NAMESPACE, f"{asked.action_id}|{kind}"),
            alert_id=asked.alert_id,
            customer_id=asked.customer_id,
            kind=kind,
            by=asked.by,
            by_name=asked.by_name,
            at=self.at,
            note=note,
            request_id=asked.action_id,
            to=to,
            starts_at=asked.starts_at if kind is done else None,
            minutes=asked.minutes if kind is done else None,
            link=link,
        )


class Actions:
    """The actions in csatwatch's own database. Every method raises asyncpg's errors where Postgres is away."""

    def __init__(self, pool: asyncpg.Pool, ledger: Ledger) -> None:
        """`ledger`: where the alerts' messages learn what was done."""
        self._pool = pool
        self._ledger = ledger
        self._sql = queries("actions")

    async def store(self, arrivals: Sequence[Arrival]) -> int:
        """Keep the actions, each once, and have their alerts' messages show them; returns how many were new."""
        rows = [_row(each) for each in arrivals]
        async with self._pool.acquire() as connection, connection.transaction():
            stored = await connection.fetch(self._sql["store"], rows)
            new = {row["action_id"] for row in stored}
            results = [str(each.action.request_id) for each in arrivals if each.action.request_id is not None]
            if results:
                await connection.execute(self._sql["close_answered"], results)
            fresh = [each.action for each in arrivals if str(each.action.action_id) in new]
            if followed := [str(each.alert_id) for each in fresh if each.kind is ActionKind.FOLLOWED_UP]:
                await connection.execute(self._sql["followed_up"], followed)
            for again in (each for each in fresh if each.kind is ActionKind.RETRIED):
                # Read once more after a restore, it was done by the database that is lost.
                if await connection.fetchval(self._sql["asked_before"], again.at):
                    continue
                await Deliveries(connection).retry(Wanted(alert=str(again.alert_id), step=again.step))
            for alert_id in sorted({str(each.alert_id) for each in fresh if each.kind is not ActionKind.RETRIED}):
                await self._ledger.revisit(alert_id, connection=connection)
        return len(new)

    async def store_system(self, done: Sequence[Action]) -> int:
        """Keep what was done to csatwatch itself, each once; returns how many were new."""
        rows = [{**(record := each.model_dump(mode="json", exclude_none=True)), "record": record} for each in done]
        return len(await self._pool.fetch(self._sql["store_system"], rows))

    async def release(self, partition: int) -> None:
        """The partition is read to where it ended at the beginning: requests without a result are to be carried out."""
        await self._pool.execute(self._sql["release"], partition)

    async def take(self) -> set[Sink]:
        """Put the requests that have their alert into the ledger; returns the sinks that have something to do."""
        await self._pool.execute(self._sql["release_forgotten"], _HELD_AT_MOST)
        woken: set[Sink] = set()
        while (sink := await self._take_one()) is not None:
            woken.add(sink)
        return woken

    async def settled(self) -> list[Settled]:
        """Requests whose results are still to be published."""
        return [_settled(row) for row in await self._pool.fetch(self._sql["settled"])]

    async def answered(self, settled: Settled) -> None:
        """The result is published."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["answered"], str(settled.request.action_id))
            if settled.draft is not None:
                status = _DRAFTS.get(settled.state, "failed")
                await connection.execute(self._sql["settle_draft"], *settled.draft, status, settled.at)

    async def _take_one(self) -> Sink | None:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(self._sql["next_open"])
            if row is None:
                return None
            request = Action.model_validate(row["record"])
            if request.kind in EMAILS:
                await self._take_email(connection, request, row["record"], row["severity_rank"])
            else:
                await self._add(connection, request, row["record"], row["severity_rank"])
            await connection.execute(self._sql["taken"], str(request.action_id))
            return SINKS[request.kind]

    async def _take_email(self, connection: Connection, request: Action, record: Mapping[str, Any], rank: int) -> None:
        """Keep the words of an e-mail as a version of its draft, and have them sent.

        Two people who send the same version get one e-mail: the second is told that the first was faster.
        """
        if request.draft_id is None:
            draft_id = str(request.action_id)
            config = _kept(record, draft_id, 1, request.body or "")
            await self._add(connection, request, config, rank)
            await self._add_version(connection, request, config, request_step(request.action_id), None)
            return
        draft_id = str(request.draft_id)
        base = await connection.fetchrow(self._sql["draft"], draft_id, request.draft_version or 1)
        if base is None:
            await self._add(connection, request, record, rank, _NO_DRAFT)
            return
        version = base["newest"] + 1
        config = _kept(record, draft_id, version, base["body"] if request.body is None else request.body)
        # A rival that is as fast has written this version, and the row is not added.
        if base["overtaken"] or not await self._add_version(connection, request, config, base["step"], base):
            await self._add(connection, request, record, rank, _OVERTAKEN)
            return
        await connection.execute(self._sql["set_aside"], draft_id, version)
        await self._add(connection, request, config, rank)

    async def _add_version(
        self,
        connection: Connection,
        request: Action,
        config: Mapping[str, Any],
        step: str,
        base: asyncpg.Record | None,
    ) -> bool:
        to = request.to
        added = await connection.fetchval(
            self._sql["add_version"],
            config["kept_as"]["draft_id"],
            config["kept_as"]["version"],
            str(request.alert_id),
            step,
            request.customer_id,
            to.name if to else None,
            to.email if to else None,
            base["from_name"] if base else None,
            base["from_email"] if base else None,
            request.subject,
            config["body"],
            request.by,
        )
        return added is not None

    async def _add(
        self, connection: Connection, request: Action, config: Mapping[str, Any], rank: int, refused: str | None = None
    ) -> None:
        """`refused`: why it is not to be carried out."""
        await connection.execute(
            self._sql["add_request"],
            str(request.alert_id),
            request_step(request.action_id),
            REQUESTS,
            SINKS[request.kind],
            dict(config),
            rank,
            State.DUE if refused is None else State.CANCELLED,
            refused,
            request.at,
        )


def _kept(record: Mapping[str, Any], draft_id: str, version: int, body: str) -> dict[str, Any]:
    return {**record, "body": body, "kept_as": {"draft_id": draft_id, "version": version}}


def _row(arrival: Arrival) -> dict[str, Any]:
    action = arrival.action
    record = action.model_dump(mode="json", exclude_none=True)
    names = ("action_id", "alert_id", "customer_id", "kind", "by", "at", "note", "request_id", "snoozed_until")
    return {name: record.get(name) for name in names} | {
        "record": record,
        "is_request": action.kind.is_request,
        "held": arrival.held,
        "source_partition": arrival.partition,
    }


def _settled(row: asyncpg.Record) -> Settled:
    kept = row["config"].get("kept_as")
    state = State(row["state"])
    shown = state is State.DONE and row["destination"] and row["external_id"]
    return Settled(
        request=Action.model_validate(row["record"]),
        state=state,
        at=row["settled_at"],
        error=row["error"],
        place=(row["destination"], row["external_id"]) if shown else None,
        draft=(kept["draft_id"], kept["version"]) if kept else None,
    )
