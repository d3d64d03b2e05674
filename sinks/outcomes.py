"""What is known of alerts and their customers, out of Postgres; and the figures that were made of it, into it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from schemas.alert import Kind
from schemas.outcome import Around, Fired, Outcomes, Spell, Window
from sinks.postgres import Connection, queries

_WINDOWS = 2_000  # a statement
_KEPT = timedelta(days=400)


async def fired(connection: Connection, since: datetime, until: datetime) -> list[Fired]:
    """The alerts that first fired within this time and were not taken back."""
    rows = await connection.fetch(queries("outcomes")["fired"], since, until)
    # A year of them: whoever asks has other things to do meanwhile.
    return await asyncio.to_thread(lambda: [Fired(**{**row, "kind": Kind(row["kind"])}) for row in rows])


async def around(connection: Connection, windows: Sequence[Window]) -> list[Around]:
    """What each of them holds."""
    found = []
    for start in range(0, len(windows), _WINDOWS):
        part = windows[start : start + _WINDOWS]
        columns = zip(*((w.customer_id, w.since, w.began_at, w.after, w.until) for w in part), strict=True)
        rows = await connection.fetch(queries("outcomes")["around"], *(list(column) for column in columns))
        found += [Around(**row) for row in rows]
    return found


async def missed(connection: Connection, since: datetime, until: datetime, at_most: int) -> int:
    """How many ratings of at most that have no alert."""
    return int(await connection.fetchval(queries("outcomes")["missed"], since, until, at_most))


async def spells(connection: Connection, begin: datetime, middle: datetime, end: datetime) -> list[Spell]:
    """The ratings of each customer, from `begin` to `middle` and from there to `end`."""
    rows = await connection.fetch(queries("outcomes")["spells"], begin, middle, end)
    return await asyncio.to_thread(lambda: [Spell(**row) for row in rows])


async def last(connection: Connection) -> datetime | None:
    """When figures were last kept; None: never."""
    found: datetime | None = await connection.fetchval(queries("outcomes")["last"])
    return found


async def is_mine(connection: Connection) -> bool:
    """Whether nobody else is working them out; to the end of the transaction."""
    return bool(await connection.fetchval(queries("outcomes")["lock"]))


async def keep(connection: Connection, found: Outcomes) -> None:
    """Keep figures for the pages."""
    record = found.model_dump(mode="json", exclude_none=True)
    await connection.execute(queries("outcomes")["keep"], found.as_of, record, found.as_of - _KEPT)
