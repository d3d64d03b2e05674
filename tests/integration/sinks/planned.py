"""Has a statement planned, with its tables, columns and rights looked up, and not run."""

import re

import asyncpg
import pytest


async def explain(connection: asyncpg.Connection, name: str, text: str) -> None:
    """Fail the test where Postgres would refuse it for what it names, or to this role."""
    bare = re.sub(r"^\s*--.*\n?", "", text, flags=re.MULTILINE)
    for part in filter(None, (each.strip() for each in bare.split(";\n"))):
        try:
            if part.startswith("lock table"):  # has no plan
                async with connection.transaction():
                    await connection.execute(part)
                continue
            await connection.execute(f"prepare it as {part.rstrip(';')}")
            types = await connection.fetchval("select parameter_types from pg_prepared_statements where name = 'it'")
            nulls = ", ".join(["null"] * len(types))
            await connection.execute(f"explain execute it{f'({nulls})' if nulls else ''}")
        except asyncpg.PostgresError as error:
            pytest.fail(f"{name}: {error}")
        await connection.execute("deallocate it")
