"""The order in which accounts need somebody: as time passes, and as the policy says what a fall is."""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sinks.postgres import Connection, queries

_AT_ONCE = 1_000  # accounts a statement


@dataclass(frozen=True, slots=True)
class FallRule:
    """When a trend counts as a fall.

    Attributes:
        customer_id: for this customer alone; None: for all without a rule of their own.
        tier: the same of a tier.
        drop: the share of the baseline that must be lost.
        quiet_days: so long after the customer's last rating it is one.
    """

    customer_id: str | None
    tier: str | None
    drop: float
    quiet_days: int


async def is_mine(connection: Connection) -> bool:
    """Whether nobody else sees to it; to the end of the transaction."""
    return bool(await connection.fetchval(queries("needs")["is_mine"]))


async def put_in_force(connection: Connection, rules: Collection[FallRule]) -> bool:
    """Make these the rules, within a transaction; `refresh` sees to what follows. Whether they were others before."""
    await connection.execute(queries("needs")["hold"])
    known = {FallRule(**row) for row in await connection.fetch(queries("needs")["rules"])}
    if known == set(rules):
        return False
    await connection.execute(queries("needs")["set_rules"], [asdict(rule) for rule in rules])
    return True


async def refresh(connection: Connection) -> bool:
    """See to the accounts that have changed by time alone, some at once; whether there may be more of them."""
    return bool(await connection.fetchval(queries("needs")["refresh_by_time"], _AT_ONCE) == _AT_ONCE)
