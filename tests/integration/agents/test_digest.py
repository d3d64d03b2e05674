"""`csatwatch digest` on a real Postgres."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.customer import Customer, Person
from sinks.customers import Account, store_customers
from sinks.digests import TrendRecord, store_trends
from sinks.postgres import connect
from tests.digests import customer, fallen
from tests.servers.processes import Finished, csatwatch


@pytest.fixture
async def settings(postgres: str) -> dict[str, str]:
    now = datetime.now(UTC)
    people = [Person(name="Ana Diaz", email="Ana@example.com"), Person(name="Bo Chen", email="bo@example.com")]
    async with await connect(postgres, size=1) as pool, pool.acquire() as connection:
        accounts = [Customer(customer_id=customer(n), name=f"C{n}", csm=csm) for n, csm in enumerate(people)]
        await store_customers(connection, [Account(each.customer_id, each, now) for each in accounts])
        await store_trends(connection, [TrendRecord(customer(0), fallen(0, as_of=now), now, 1)])
    return {"CSATWATCH_POSTGRES_DSN": postgres}


async def ran(settings: dict[str, str], directory: Path, *arguments: str) -> Finished:
    return await csatwatch("digest", *arguments, settings=settings, directory=directory)


async def test_each_csms_digest_as_slack_would_show_it(settings: dict[str, str], tmp_path: Path) -> None:
    done = await ran(settings, tmp_path)
    assert done.code == 0
    ana, bo = done.stdout.index("── Ana Diaz <ana@example.com> ──"), done.stdout.index("── Bo Chen <bo@example.com> ──")
    assert "*Falling* (1)\n• C0: Down 27%" in done.stdout[ana:bo]
    assert "Nothing to report" in done.stdout[bo:]


async def test_one_as_a_record_and_nothing_is_kept(settings: dict[str, str], tmp_path: Path) -> None:
    done = await ran(settings, tmp_path, "--csm", "ANA@example.com", "--json")
    (record,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (record["kind"], record["csm"]["email"], len(record["items"])) == ("weekly_digest", "ana@example.com", 1)
    async with await connect(settings["CSATWATCH_POSTGRES_DSN"], size=1) as pool:
        assert await pool.fetchval("select count(*) from digests") == 0


async def test_nobody_of_this_name(settings: dict[str, str], tmp_path: Path) -> None:
    done = await ran(settings, tmp_path, "--csm", "eve@example.com")
    assert (done.code, done.stdout) == (2, "")
    assert "--csm is 'eve@example.com': no account has a CSM with this e-mail" in done.stderr


async def test_no_postgres(tmp_path: Path) -> None:
    done = await ran({"CSATWATCH_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}, tmp_path)
    assert done.code == 1
    assert "Postgres cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
