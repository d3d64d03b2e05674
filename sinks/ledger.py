"""The ledger: which step of which alert is due, claimed, done, failed or cancelled. One row an (alert, step)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from pydantic import ValidationError

from schemas.alert import Alert, Kind, Severity
from schemas.delivery import Change, LedgerRow, Sink, State
from schemas.digest import Digest
from schemas.life import HANDLED
from schemas.notice import Hold, Later, notice_of
from sinks.base import Delivery, Receipt
from sinks.claimed import delivery
from sinks.postgres import Connection, queries

Decide = Callable[[Alert | Digest, Sequence[LedgerRow]], Sequence[Change]]
"""What a new revision means for the alert's rows."""

AWAY = "away"
"""How the reason of a step begins that waits because its destination is away."""

_NEVER_PASSED = 2**31 - 1  # a revision above all others
_HANDLED = [kind.value for kind in HANDLED]
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision as it came.

    Attributes:
        published_at: the broker's time of it.
        traceparent: see `sinks.base.Delivery`.
    """

    alert: Alert | Digest
    published_at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """To be tried again in `wait` seconds; everything else as in `sinks.base.Retriable`."""

    wait: float
    error: str
    uncertain: bool
    counts: bool = True
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """To wait for the time of `hold`, or for the turn of another lane, where it is due at once.

    `uncertain`: as in `sinks.base.Retriable`.
    """

    hold: Hold | None = None
    lane: str | None = None
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Not to be tried again by itself. `unknown`: it may have been done."""

    error: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """A claimed step and what became of it; None: there was nothing to show.

    `then`: notices that follow from it.
    """

    delivery: Delivery
    result: Receipt | Retry | Failure | Held | None
    then: tuple[Later, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """The row's key."""
        return str(self.delivery.alert.alert_id), self.delivery.step


class Ledger:
    """The rows, in csatwatch's own database. Every method raises asyncpg's errors where Postgres is away.

    Time is Postgres's own, so that workers on several machines agree on leases.
    """

    def __init__(self, pool: asyncpg.Pool, *, lease: timedelta) -> None:
        """`lease`: how long a claim holds; more than twice what a send can take."""
        self._pool = pool
        self._lease = lease
        self._sql = queries("ledger")

    async def record(self, revisions: Iterable[Revision], decide: Decide) -> int:
        """Write the revisions and what `decide` makes of each, in one transaction; returns how many were new.

        An older or equal revision of a known alert changes nothing, so a repeat is harmless; of several revisions of
        one alert the newest counts.
        """
        newest: dict[str, Revision] = {}
        for revision in revisions:
            known = newest.get(str(revision.alert.alert_id))
            if known is None or revision.alert.revision > known.alert.revision:
                newest[str(revision.alert.alert_id)] = revision
        if not newest:
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            alerts = [each.alert for each in newest.values()]
            await self._add_parents(connection, [each for each in alerts if isinstance(each, Alert)])
            rows = await connection.fetch(self._sql["record_alerts"], [_alert_row(each) for each in newest.values()])
            changed = [newest[row["alert_id"]].alert for row in rows]
            await self._change(connection, changed, decide)
        return len(changed)

    async def claim(self, sink: str, most: int, busy: Iterable[str] = ()) -> list[Delivery]:
        """Up to `most` steps that are due, the most severe first, for this caller alone until the lease ends.

        At most one of each lane, and none of the lanes in `busy`, served by another worker, or at rest after what went
        into them last, whoever sent it. A step whose earlier claim was never settled comes with `uncertain` set.
        """
        token = str(uuid4())
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql["one_at_a_time"], sink)
            rows = await connection.fetch(self._sql["claim"], sink, most, token, self._lease, list(busy), _HANDLED)
        claimed: list[Delivery] = []
        unreadable: list[dict[str, Any]] = []
        for row in sorted(rows, key=lambda row: (row["severity_rank"], row["due_at"])):
            try:
                claimed.append(delivery(row, token))
            except ValidationError:
                key = {"alert_id": row["alert_id"], "step": row["step"], "claim": token, "state": State.FAILED}
                unreadable.append(key | {"revision": _NEVER_PASSED, "error": "the alert's record cannot be read"})
        if unreadable:
            await self._pool.execute(self._sql["settle_failed"], unreadable)
        return claimed

    async def revisit(self, alert_id: str, *, connection: Connection | None = None) -> int:
        """Show in Slack and on tasks what was done with an alert since; returns how many of its steps change.

        What waited to see whether somebody does it, and is needless now, is cancelled. To be called after each of its
        actions is stored, in the same transaction where `connection` is given.
        """
        way = connection or self._pool
        await way.execute(self._sql["cancel_needless"], [alert_id])
        return len(await way.fetch(self._sql["revisit"], alert_id, [Sink.SLACK, Sink.TASKS]))

    async def remember(self, delivery: Delivery, destination: str, thread: str | None = None) -> bool:
        """Note where a message is about to go, and count the lease anew; False where the claim is lost.

        `thread`: the message below which it goes.
        """
        return bool(
            await self._pool.fetchval(
                self._sql["remember"],
                str(delivery.alert.alert_id),
                delivery.step,
                delivery.claim,
                destination,
                self._lease,
                thread,
            )
        )

    async def settle(self, settlements: Sequence[Settlement]) -> set[tuple[str, str]]:
        """Write what became of claimed steps, in one transaction; returns the (alert_id, step) of those written.

        Where the claim was lost meanwhile nothing is written: the step is another worker's now.
        """
        ordered = sorted(settlements, key=lambda each: each.key)
        kinds: dict[str, list[dict[str, Any]]] = {}
        for settlement in ordered:
            name, row = _settled_row(settlement)
            kinds.setdefault(name, []).append(row)
        told = {
            str(each.delivery.alert.alert_id)
            for each in ordered
            if isinstance(each.result, Receipt) and each.result.csm_notified
        }
        written: set[tuple[str, str]] = set()
        async with self._pool.acquire() as connection, connection.transaction():
            for name, rows in sorted(kinds.items()):
                found = await connection.fetch(self._sql[name], rows)
                written |= {(row["alert_id"], row["step"]) for row in found}
            if told := told & {alert_id for alert_id, _ in written}:
                await connection.execute(self._sql["notified"], sorted(told))
            await self._follow_up(connection, [each for each in ordered if each.key in written])
        return written

    async def _follow_up(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        done = [each.key for each in settlements if isinstance(each.result, Receipt) and notice_of(each.key[1]) is None]
        if done:
            await connection.execute(self._sql["recovered"], *(list(column) for column in zip(*done, strict=True)))
        later = [_later_row(each.key[0], notice) for each in settlements for notice in each.then]
        if later:
            await connection.execute(self._sql["add_later"], later)

    async def hurry(self, sink: str) -> None:
        """The destination is back: what waited for it is due."""
        await self._pool.execute(self._sql["hurry"], sink, f"{AWAY}:%")

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give claimed steps back that were not begun."""
        if deliveries:
            await self._pool.execute(
                self._sql["release"],
                [str(each.alert.alert_id) for each in deliveries],
                [each.step for each in deliveries],
                [each.claim for each in deliveries],
            )

    async def waiting(self) -> dict[str, int]:
        """How many steps of each sink are due or under way."""
        counts: dict[str, int] = dict.fromkeys(Sink, 0)
        for row in await self._pool.fetch(self._sql["waiting"]):
            counts[row["sink"]] = row["steps"]
        return counts

    async def _add_parents(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        # The rows that ours point at: `store` may not have come so far yet, and fills them in.
        await connection.execute(self._sql["add_customers"], [alert.customer_id for alert in alerts])
        await connection.execute(
            self._sql["add_tickets"],
            [alert.customer_id for alert in alerts],
            [alert.ticket.ticket_id for alert in alerts],
        )
        answers = [
            {
                "customer_id": alert.customer_id,
                "response_id": alert.response_id,
                "event_id": alert.event_id,
                "ticket_id": alert.ticket.ticket_id,
                "rating": alert.rating,
                "responded_at": alert.occurred_at.isoformat(),
            }
            for alert in alerts
            if alert.kind is Kind.POOR_RATING
        ]
        await connection.execute(self._sql["add_answers"], answers)

    async def _change(self, connection: Connection, alerts: Sequence[Alert | Digest], decide: Decide) -> None:
        rows: dict[str, list[LedgerRow]] = {}
        for row in await connection.fetch(self._sql["rows_of"], [str(alert.alert_id) for alert in alerts]):
            found = LedgerRow(row["step"], State(row["state"]), row["shown_revision"], row["uncertain"])
            rows.setdefault(row["alert_id"], []).append(found)
        due: list[dict[str, Any]] = []
        plain: dict[str, list[tuple[str, str, int]]] = {"follow": [], "cancel": []}
        for alert in alerts:
            for change in decide(alert, rows.get(str(alert.alert_id), ())):
                if change.owed is not None:
                    due.append(_due_row(alert, change))
                else:
                    name = "cancel" if change.state is State.CANCELLED else "follow"
                    plain[name].append((str(alert.alert_id), change.step, alert.revision))
        if due:
            await connection.execute(self._sql["make_due"], due)
        for name, each in plain.items():
            if each:
                await connection.execute(self._sql[name], *(list(column) for column in zip(*each, strict=True)))


def _alert_row(revision: Revision) -> dict[str, Any]:
    alert = revision.alert
    return {
        "alert_id": str(alert.alert_id),
        "customer_id": alert.customer_id if isinstance(alert, Alert) else None,
        "response_id": alert.response_id if isinstance(alert, Alert) else None,
        "kind": alert.kind,
        "severity": alert.severity,
        "severity_rank": _RANKS[alert.severity],
        "status": alert.status,
        "revision": alert.revision,
        "silent": alert.silent,
        "occurred_at": alert.occurred_at.isoformat(),
        "detected_at": alert.detected_at.isoformat(),
        "published_at": revision.published_at.isoformat(),
        "record": alert.model_dump(mode="json", exclude_none=True),
        "traceparent": revision.traceparent,
    }


def _due_row(alert: Alert | Digest, change: Change) -> dict[str, Any]:
    step = change.owed
    assert step is not None  # noqa: S101 (the caller's own test, once more for the type)
    return {
        "alert_id": str(alert.alert_id),
        "step": step.step,
        "workflow": step.workflow,
        "sink": step.sink,
        "lane": step.lane,
        "config": dict(step.config),
        "revision": alert.revision,
        "severity_rank": _RANKS[alert.severity],
        "delay": step.delay.total_seconds(),
        "unless": list(step.unless),
    }


def _later_row(alert_id: str, later: Later) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "step": later.step,
        "lane": later.lane,
        "due_at": later.due_at.isoformat(),
        "unless": list(later.unless),
    }


def _settled_row(settlement: Settlement) -> tuple[str, dict[str, Any]]:
    """The query, and the row for it."""
    delivery = settlement.delivery
    key = {
        "alert_id": str(delivery.alert.alert_id),
        "step": delivery.step,
        "claim": delivery.claim,
        "revision": delivery.alert.revision,
    }
    match settlement.result:
        case None:
            return "settle_nothing", key
        case Receipt(destination=destination, external_id=external_id, thread=thread, rest=rest):
            where = {"destination": destination, "external_id": external_id, "thread": thread}
            return "settle_done", key | where | {"rest": rest}
        case Retry() as retry:
            return "settle_retry", key | asdict(retry)
        case Held(hold=hold, lane=lane, uncertain=unsure):
            until = (hold.until if hold else delivery.claimed_at).isoformat()
            row = {
                "until": until,
                "why": hold.why if hold else None,
                "lane": lane,
                "uncertain": delivery.uncertain or unsure,
            }
            return "settle_held", key | row
        case Failure(error=error, unknown=unknown):
            state = State.UNKNOWN if unknown else State.FAILED
            return "settle_failed", key | {"error": error, "state": state}
