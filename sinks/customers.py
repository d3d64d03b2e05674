"""Accounts to their rows, a batch at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.customer import Customer
from sinks.postgres import Connection, queries


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's record as it stands on the topic.

    Attributes:
        customer_id: UUID text in lower case.
        customer: None where the record deletes the account.
        published_at: the broker's time of the record.
    """

    customer_id: str
    customer: Customer | None
    published_at: datetime


async def store_customers(connection: Connection, accounts: Iterable[Account]) -> None:
    """Write a batch, in the order of its offsets, in one statement: of one customer the last by broker's time counts.

    A deleted account becomes a stub: its ratings stay. `connection` is one of `sinks.postgres.connect`. Raises
    asyncpg's errors; `sinks.postgres.is_passing` tells which of them go away by themselves.
    """
    if rows := customer_rows(accounts):
        await connection.execute(queries("store")["upsert_customers"], rows)


def customer_rows(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """The last account of each customer in the batch, as rows of customers in plain JSON."""
    last: dict[str, Account] = {}
    for account in accounts:
        known = last.get(account.customer_id)
        if known is None or account.published_at >= known.published_at:
            last[account.customer_id] = account
    return [_row(account) for account in last.values()]


def _row(account: Account) -> dict[str, Any]:
    row: dict[str, Any] = {
        "customer_id": account.customer_id,
        "published_at": account.published_at.isoformat(),
        "record": {},
    }
    customer = account.customer
    if customer is None:
        return row
    row |= {
        "name": customer.name,
        "arr": customer.arr,
        "currency": customer.currency,
        "record": customer.model_dump(mode="json", exclude_none=True),
    }
    if customer.csm is not None:
        row |= {
            "csm_name": customer.csm.name,
            "csm_email": customer.csm.email,
            "csm_slack_user_id": customer.csm.slack_user_id,
        }
    return row
