"""A database as large as csatwatch is made for: years of ratings, written by Postgres itself."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from tests.alerts import alert


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is; `csms` share the customers evenly."""

    customers: int = 100_000
    ratings: int = 2_000_000
    alerts: int = 200_000
    csms: int = 200


def customer_id(number: int) -> UUID:
    """Of the customer of that number, from 1."""
    return UUID(int=(0x4000 << 64) | (0x8000 << 48) | number)


def csm_email(number: int) -> str:
    """Of the CSM of that number, from 0."""
    return f"csm{number}@example.com"


def alert_id(number: int) -> UUID:
    """Of the alert of that number, from 1."""
    return UUID(int=(0xA << 124) | (0x4000 << 64) | (0x8000 << 48) | number)


async def fill(dsn: str, size: Size, now: datetime) -> None:
    """Fill a migrated, empty database, as if everything had come over two years up to `now`."""
    record = alert(feedback="The calendar sync lost two meetings again, and nobody could tell us why.")
    settings = {**asdict(size), "now": now.isoformat(), "record": record.to_json().decode()}
    connection = await asyncpg.connect(dsn, timeout=60)
    try:
        # Row by row the triggers would take hours for what one look at all rows does afterwards.
        await connection.execute("set session_replication_role = replica; set work_mem = '256MB'; set jit = off")
        for name, value in settings.items():
            await connection.execute("select set_config($1, $2, false)", f"big.{name}", str(value))
        await connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        await connection.execute("set session_replication_role = origin")
        await connection.execute("select rebuild_figures()")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
