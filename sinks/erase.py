"""Forgets what customers and their people said, in every table, and proves it by a search."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sinks.postgres import Connection, queries

SHORTEST = 4
"""Characters of a text that is searched for: a shorter one is found anywhere."""

_AT_ONCE = 2_000
_OF_CUSTOMER = (
    "forget_answers",
    "forget_accounts",
    "forget_alerts",
    "forget_actions",
    "forget_digests",
    "forget_sent_digests",
)
_AGING = ("age_answers", "age_tickets", "age_alerts")


@dataclass(frozen=True, slots=True)
class Person:
    """One of a customer's people, by an id or an e-mail address."""

    kind: Literal["id", "email"]
    value: str


async def note_people(connection: Connection, people: Iterable[tuple[str, Person, datetime]]) -> None:
    """Remember that these customers' people were erased at these times of the broker's."""
    rows = list(people)
    await connection.execute(
        queries("erase")["note_people"],
        [customer for customer, _, _ in rows],
        [person.kind for _, person, _ in rows],
        [person.value for _, person, _ in rows],
        [at for _, _, at in rows],
    )


async def forget(connection: Connection, customers: Sequence[str]) -> None:
    """Take out what was said by those of these customers and their people who are noted as erased.

    Within a transaction of the caller's; done again it changes nothing.
    """
    sql = queries("erase")
    if await connection.fetchval(sql["any_erased"], customers):
        for name in _OF_CUSTOMER:
            await connection.execute(sql[name], customers)


async def forget_old(connection: Connection, before: datetime) -> int | None:
    """Take out the words of some rows that are older; how many rows, or None where another worker has the turn.

    To be called until it returns 0; each time is a transaction.
    """
    sql = queries("erase")
    async with connection.transaction():
        if not await connection.fetchval(sql["take_turn"]):
            return None
        done = [await connection.execute(sql[name], before, _AT_ONCE) for name in _AGING]
        await connection.execute(sql["age_digests"], before)
    return sum(int(status.rpartition(" ")[2]) for status in done)


async def customers_of(connection: Connection, person: Person) -> list[str]:
    """The customers that this person spoke for."""
    rows = await connection.fetch(queries("erase")["customers_of_person"], person.kind, person.value)
    return sorted(row["customer_id"] for row in rows)


async def words_of(connection: Connection, customer: str, person: Person | None = None) -> list[str]:
    """What the customer said, or one of its people, as texts to search for."""
    sql = queries("erase")
    if person is None:
        rows = await connection.fetch(sql["words_of_customer"], customer, SHORTEST)
    else:
        rows = await connection.fetch(sql["words_of_person"], customer, SHORTEST, person.kind, person.value)
    return [row["word"] for row in rows]


async def search(connection: Connection, words: Sequence[str], customer: str | None) -> Mapping[str, int]:
    """In how many rows of which column any of the words is still found; empty: nowhere.

    Every column of every table that can hold text is looked through: of the tables that know customers the rows of
    this customer and those of none, of the others all. `customer` None: all rows everywhere.
    """
    rows = await connection.fetch(queries("erase")["columns"])
    of_customers = {row["table_name"] for row in rows} & await _with_customer(connection)
    # In JSON a text stands with its escapes.
    needles = sorted({each for word in words for each in (word, json.dumps(word, ensure_ascii=False)[1:-1])})
    found: dict[str, int] = {}
    for row in rows:
        table, column = row["table_name"], row["column_name"]
        mine = customer is not None and table in of_customers
        count = await connection.fetchval(
            f'select count(*) from "{table}" '  # noqa: S608 (names from Postgres's own catalogue)
            f'where exists (select from unnest($1::text[]) as w where strpos("{column}"::text, w) > 0)'
            + (" and coalesce(customer_id = $2, true)" if mine else ""),
            needles,
            *((customer,) if mine else ()),
        )
        if count:
            found[f"{table}.{column}"] = count
    return found


async def _with_customer(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        "select table_name from information_schema.columns "
        "where table_schema = current_schema() and column_name = 'customer_id'"
    )
    return {row["table_name"] for row in rows}
