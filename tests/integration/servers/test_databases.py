import asyncpg

from tests.servers.databases import Databases


async def _tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


async def test_each_database_is_migrated_and_its_own(databases: Databases, postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE TABLE only_here (id int)")
    await connection.close()

    async with databases.fresh() as other:
        assert await _tables(postgres) - await _tables(other) == {"only_here"}
        assert {"customers", "support_satisfaction"} <= await _tables(other)
