"""Trends and digests in Postgres: what was measured last, which digests are due, and how far each is."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
from pydantic import ValidationError

from schemas.action import ActionKind
from schemas.alert import CustomerTrend, Kind, Severity, Trend
from schemas.customer import Person
from schemas.digest import Digest, OpenAlert, Standing, digest_id
from schemas.life import HANDLED
from schemas.record import Record
from sinks.postgres import Connection, queries

_OPEN_FOR = timedelta(days=180)  # an alert that is older and has no open task is not looked at any more
_WEEK = timedelta(days=7)
R = TypeVar("R", bound=Record)
_A_PUBLISH = 50  # digests
_WRITTEN = (ActionKind.FOLLOWED_UP, ActionKind.EMAIL_SENT, ActionKind.CALL_SCHEDULED)
"""After one of these the customer has heard of us."""


@dataclass(frozen=True, slots=True)
class TrendRecord:
    """A record of `csat-trends`; `trend` is None where it deletes."""

    customer_id: str
    trend: CustomerTrend | None
    published_at: datetime
    offset: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A digest to be made."""

    csm_email: str
    week: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the digests are.

    Attributes:
        last_due_at: of the last one that is through; None: there was none yet.
        waiting: planned ones that are not through.
    """

    last_due_at: datetime | None
    waiting: int


Compose = Callable[[Planned, Person, Sequence[Standing]], Digest | None]
"""What a digest says of these accounts; None: nothing, and nobody gets one."""
Publish = Callable[[Sequence[tuple[str, bytes]]], Awaitable[None]]
"""Publishes digests by key and value; returns once all are acknowledged."""


class NotMade(Exception):
    """A digest that cannot be made: our bug. The text is the class of the error that is its cause."""

    def __init__(self, alert_id: str, why: str) -> None:
        super().__init__(why)
        self.alert_id = alert_id


async def store_trends(connection: Connection, records: Iterable[TrendRecord]) -> None:
    """Write a batch in one transaction: of one customer the last record counts, by the broker's time of it.

    `connection` is one of `sinks.postgres.connect`. Raises asyncpg's errors; `sinks.postgres.is_passing` tells which
    of them go away by themselves.
    """
    last: dict[str, TrendRecord] = {}
    for record in records:
        known = last.get(record.customer_id)
        if known is None or (record.published_at, record.offset) > (known.published_at, known.offset):
            last[record.customer_id] = record
    sql = queries("digests")
    rows = [_trend_row(record, record.trend) for record in last.values() if record.trend is not None]
    gone = sorted((r.customer_id, r.published_at, r.offset) for r in last.values() if r.trend is None)
    async with connection.transaction():
        if rows:
            await connection.execute(sql["upsert_trends"], rows)
        if gone:
            await connection.execute(sql["delete_trends"], *(list(column) for column in zip(*gone, strict=True)))


class Digests:
    """The digests' rows. `pool` is csatwatch's own database; every method raises asyncpg's errors where it is away."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._sql = queries("digests")

    async def csms(self) -> list[str]:
        """Everybody who has an account, by e-mail in lower case."""
        async with self._pool.acquire() as connection:
            return await csms(connection)

    async def plan(self, week: str, due_at: datetime, time_zone: str, csms: Sequence[str]) -> int:
        """Plan the week's digests of the CSMs of one time zone, unless that was done before; returns how many.

        Those of weeks before that are not through by then are dropped.
        """
        ids = [str(digest_id(csm, week)) for csm in csms]
        async with self._pool.acquire() as connection, connection.transaction():
            planned = await connection.fetch(self._sql["plan"], week, time_zone, due_at, ids, csms)
            if planned:
                await connection.execute(self._sql["drop_missed"], csms, due_at)
        return len(planned)

    async def has_planned(self) -> bool:
        """Whether any is to be made."""
        return bool(await self._pool.fetchval(self._sql["has_planned"]))

    async def make_next(
        self, compose: Compose, now: datetime, passing_over: Iterable[str] = ()
    ) -> tuple[Planned, Digest | None] | None:
        """Make one planned digest, if any is left that no other worker is making; returns what it says.

        Raises `NotMade` where `compose` or what it was given was at fault.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(self._sql["next_to_make"], list(passing_over))
            if row is None:
                return None
            planned = Planned(row["csm_email"], row["week"], row["due_at"])
            try:
                digest = await self._composed(connection, planned, compose, now)
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:  # pydantic's are ValueErrors
                raise NotMade(row["alert_id"], type(error).__name__) from error
            record = None if digest is None else digest.model_dump(mode="json", exclude_none=True)
            await connection.execute(self._sql["make"], row["alert_id"], now, record)
        return planned, digest

    async def publish(self, publish: Publish, now: datetime) -> int:
        """Have those published that are made and not known to be; returns how many.

        After a crash in between they are published again, with the same ids and revisions.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(self._sql["to_publish"], _A_PUBLISH)
            if rows:
                await publish([(row["csm_email"], Digest.model_validate(row["record"]).to_json()) for row in rows])
                await connection.execute(self._sql["published"], [row["alert_id"] for row in rows], now)
        return len(rows)

    async def _composed(
        self, connection: Connection, planned: Planned, compose: Compose, now: datetime
    ) -> Digest | None:
        person = await csm(connection, planned.csm_email)
        if person is None:
            return None
        return compose(planned, person, await standings(connection, planned.csm_email, planned.due_at, now))

    async def progress(self) -> Progress:
        """How far they are."""
        (row,) = await self._pool.fetch(self._sql["standing"])
        return Progress(row["last_due_at"], row["waiting"])


async def csms(connection: Connection) -> list[str]:
    """Everybody who has an account, by e-mail in lower case."""
    return [row["email"] for row in await connection.fetch(queries("digests")["csms"])]


async def csm(connection: Connection, email: str) -> Person | None:
    """The CSM of this e-mail (lower case) as the account published last has it; None: nobody has it."""
    row = await connection.fetchrow(queries("digests")["csm"], email)
    if row is None:
        return None
    # Under the address that a digest is keyed by, however an account writes it.
    return Person(name=row["name"] or row["email"], email=email, slack_user_id=row["slack_user_id"])


async def standings(connection: Connection, csm_email: str, due_at: datetime, now: datetime) -> list[Standing]:
    """What is known of each account of a CSM (e-mail in lower case), for the digest that was due at `due_at`."""
    sql = queries("digests")
    seen, written = ([kind.value for kind in kinds] for kinds in (HANDLED, _WRITTEN))
    accounts = await connection.fetch(sql["accounts"], csm_email)
    alerts: defaultdict[str, list[OpenAlert]] = defaultdict(list)
    for row in await connection.fetch(sql["open_alerts"], csm_email, now - _OPEN_FOR, seen, written):
        alerts[row["customer_id"]].append(_open_alert(row))
    since = due_at - _WEEK
    recovered = {row["customer_id"]: row for row in await connection.fetch(sql["recovered"], csm_email, since)}
    return [_standing(row, alerts[row["customer_id"]], recovered.get(row["customer_id"])) for row in accounts]


def _standing(row: asyncpg.Record, alerts: Sequence[OpenAlert], recovered: asyncpg.Record | None) -> Standing:
    heard = [at for at in (row["last_ticket_at"], row["last_rating_at"]) if at is not None]
    return Standing(
        customer_id=row["customer_id"],
        known_since=row["known_since"],
        name=row["name"],
        arr=row["arr"],
        currency=row["currency"],
        tier=row["tier"],
        renewal_at=datetime.fromisoformat(row["renewal_at"]) if row["renewal_at"] else None,
        trend=_read(CustomerTrend, row["trend"]),
        last_rating_at=row["last_rating_at"],
        last_ticket_at=max(heard, default=None),
        open=tuple(alerts),
        recovered_at=recovered["detected_at"] if recovered else None,
        recovered=_read(Trend, recovered["trend"]) if recovered else None,
    )


def _open_alert(row: asyncpg.Record) -> OpenAlert:
    return OpenAlert(
        kind=Kind(row["kind"]),
        severity=Severity(row["severity"]),
        occurred_at=row["occurred_at"],
        rating=row["rating"],
        task_due_at=row["task_due_at"],
        seen=row["seen"],
        followed_up_at=row["followed_up_at"],
    )


def _read(model: type[R], record: object) -> R | None:
    # What another version wrote and this one cannot read is not known here.
    try:
        return None if record is None else model.model_validate(record)
    except ValidationError:
        return None


def _trend_row(record: TrendRecord, trend: CustomerTrend) -> dict[str, Any]:
    return {
        "customer_id": record.customer_id,
        "record": trend.model_dump(mode="json", exclude_none=True),
        "published_at": record.published_at.isoformat(),
        "source_offset": record.offset,
    }
