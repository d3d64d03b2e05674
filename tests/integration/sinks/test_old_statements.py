"""What the processes of the release before say to Postgres, it still understands after this release's migrations."""

import re
from pathlib import Path

import asyncpg
import pytest

from tests.integration.sinks.planned import explain

_ROOT = Path(__file__).parents[3]


async def test_every_statement_of_the_release_before_can_be_planned(postgres: str, pytestconfig: pytest.Config) -> None:
    # Without a checkout of it (`--old-release=DIR`) this release's own, which must do as well.
    old = Path(pytestconfig.getoption("--old-release") or _ROOT)
    found = {path.stem: path.read_text(encoding="utf-8") for path in (old / "web" / "sql").glob("*.sql")}
    for path in (old / "sinks" / "sql").glob("*.sql"):
        _, *parts = re.split(r"^-- name: *(\S+) *$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found |= {f"{path.stem}.{name}": text for name, text in zip(parts[::2], parts[1::2], strict=True)}
    assert len(found) > 50
    connection = await asyncpg.connect(postgres)
    try:
        for name, text in sorted(found.items()):
            await explain(connection, name, text)
    finally:
        await connection.close()
