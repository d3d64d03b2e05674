"""`csatwatch deliveries` on a real ledger."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner, Result

from agents.cli import program
from schemas.alert import Alert
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest
from schemas.workflow_files import load_workflows
from sinks.ledger import Failure, Ledger, Retry, Revision, Settlement
from sinks.tasks import Tasks
from streams.route import changes
from tests.alerts import AT, CUSTOMER, GLOBALTECH, alert

GOLDEN = Path(__file__).parents[2] / "golden" / "deliveries"
NOTIFY, TASK, DRAFT = (
    f"support_satisfaction_response/{step}" for step in ("notify_csm", "create_task", "draft_follow_up")
)
ALERT = str(alert().alert_id)
OTHER = str(alert(response="other").alert_id)
_WORKFLOWS = load_workflows(None)


def decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
    return changes(of, _WORKFLOWS, rows)


@pytest.fixture
async def ledger(pool: asyncpg.Pool) -> Ledger:
    """Two alerts: one whose message failed and whose task is there, one that waits."""
    made = Ledger(pool, lease=timedelta(minutes=5))
    await pool.execute("insert into customers (customer_id, name) values ($1, 'GlobalTech')", GLOBALTECH)
    await made.record([Revision(alert(), AT)], decide)
    (slack,) = await made.claim(Sink.SLACK, 1)
    await made.settle([Settlement(slack, Failure("no fallback channel is set"))])
    (task,) = await made.claim(Sink.TASKS, 1)
    (receipt,) = await Tasks(pool).send_all([task])
    assert receipt
    await made.settle([Settlement(task, receipt)])  # type: ignore[arg-type]
    (draft,) = await made.claim(Sink.EMAIL, 1)
    await made.settle([Settlement(draft, Retry(60.0, "HTTP 500", uncertain=False))])
    await made.record([Revision(alert(response="other"), AT)], decide)
    return made


async def run(postgres: str, *arguments: str) -> Result:
    """The command, beside the test's own event loop."""
    env = {"CSATWATCH_POSTGRES_DSN": postgres}
    return await asyncio.to_thread(CliRunner().invoke, program, ["deliveries", *arguments], env=env)


async def steps(postgres: str, *arguments: str) -> list[tuple[str, str, str]]:
    result = await run(postgres, "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return sorted((each["alert_id"], each["step"], each["state"]) for each in found)


@pytest.mark.usefixtures("ledger")
class TestList:
    async def test_all_of_them(self, postgres: str) -> None:
        assert await steps(postgres) == sorted(
            [(ALERT, NOTIFY, "failed"), (ALERT, TASK, "done"), (ALERT, DRAFT, "due")]
            + [(OTHER, step, "due") for step in (NOTIFY, TASK, DRAFT)]
        )

    @pytest.mark.parametrize(
        ("arguments", "count"),
        [
            (["--state", "failed"], 1),
            (["--state", "waiting"], 4),
            (["--state", "failed", "--state", "done"], 2),
            (["--sink", "slack"], 2),
            (["--sink", "slack", "--sink", "tasks", "--state", "due"], 2),
            (["--alert", OTHER], 3),
            (["--customer", GLOBALTECH], 6),
            (["--customer", "globaltech"], 6),
            (["--customer", str(uuid4())], 0),
            (["--limit", "2"], 2),
        ],
    )
    async def test_those_that_are_asked_for(self, postgres: str, arguments: list[str], count: int) -> None:
        assert len(await steps(postgres, *arguments)) == count

    async def test_a_line_says_what_there_is_to_say(self, postgres: str) -> None:
        result = await run(postgres, "list", "--alert", ALERT)
        lines = result.stdout.splitlines()
        assert len(lines) == 3
        assert any(f"{NOTIFY}  GlobalTech: no fallback channel is set" in line for line in lines)
        assert any(": 1 failed try, again at " in line and line.endswith(": HTTP 500") for line in lines)

    async def test_nothing_and_more_than_was_asked_for_are_said(self, postgres: str) -> None:
        assert (await run(postgres, "list", "--state", "unknown")).stdout == "no such deliveries\n"
        assert "… and more" in (await run(postgres, "list", "--limit", "1")).stderr


@pytest.mark.usefixtures("ledger")
class TestShow:
    async def test_everything_of_an_alert(self, postgres: str, pool: asyncpg.Pool) -> None:
        await pool.execute(
            "insert into actions (action_id, alert_id, customer_id, kind, by, at) "
            "values ($1, $2, $3, 'acknowledged', 'ana@example.com', $4)",
            str(uuid4()),
            ALERT,
            CUSTOMER.customer_id,
            AT,
        )
        at = datetime(2026, 5, 12, 9, 31, tzinfo=UTC)
        await pool.execute(
            "update deliveries set created_at = $1, due_at = $1, "
            "settled_at = case when settled_at is null then null else $1::timestamptz end",
            at,
        )
        await pool.execute("update deliveries set external_id = 'T1' where external_id is not null")
        result = await run(postgres, "show", ALERT)
        assert result.exit_code == 0
        assert result.stdout == (GOLDEN / "show.txt").read_text()
        whole = json.loads((await run(postgres, "show", ALERT, "--json")).stdout)
        assert {each["step"] for each in whole["steps"]} == {NOTIFY, TASK, DRAFT}
        assert whole["tasks"][0]["status"] == "open"
        assert whole["actions"][0]["by"] == "ana@example.com"

    async def test_one_that_is_not_there(self, postgres: str) -> None:
        result = await run(postgres, "show", str(uuid4()))
        assert result.exit_code == 1
        assert "there is no alert" in result.stderr

    async def test_what_is_no_id(self, postgres: str) -> None:
        result = await run(postgres, "show", "globaltech")
        assert result.exit_code == 2
        assert "ALERT is 'globaltech': must be an alert's id" in result.stderr


class TestRetry:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["--all"],
            ["--alert", ALERT],
            ["--alert", ALERT, "--step", NOTIFY],
            ["--sink", "slack"],
            ["--customer", "GlobalTech"],
            ["--state", "failed"],
        ],
    )
    async def test_what_failed_is_due_again(
        self, postgres: str, ledger: Ledger, pool: asyncpg.Pool, arguments: list[str]
    ) -> None:
        result = await run(postgres, "retry", *arguments)
        assert (result.exit_code, result.stdout) == (0, f"{ALERT} {NOTIFY}: due again\n")
        row = await pool.fetchrow("select * from deliveries where alert_id = $1 and step = $2", ALERT, NOTIFY)
        assert row
        assert (row["state"], row["attempts"], row["uncertain"]) == ("due", 0, False)

    async def test_one_of_which_nobody_knows_is_looked_for_first(
        self, postgres: str, ledger: Ledger, pool: asyncpg.Pool
    ) -> None:
        await pool.execute("update deliveries set state = 'unknown' where alert_id = $1 and step = $2", ALERT, NOTIFY)
        assert (await run(postgres, "retry", "--state", "failed")).exit_code == 1
        assert (await run(postgres, "retry", "--state", "unknown", "--json")).exit_code == 0
        assert await pool.fetchval("select uncertain from deliveries where alert_id = $1 and step = $2", ALERT, NOTIFY)

    async def test_what_a_person_asked_for_is_left_alone(
        self, postgres: str, ledger: Ledger, pool: asyncpg.Pool
    ) -> None:
        await pool.execute(
            "update deliveries set workflow = 'csm-actions', sink = 'mail' where alert_id = $1 and step = $2",
            ALERT,
            NOTIFY,
        )
        result = await run(postgres, "retry", "--all")
        assert result.exit_code == 1
        assert "1 left alone: a person asked for them" in result.stderr
        assert "nothing to try again" in result.stderr

    @pytest.mark.parametrize("arguments", [["--sink", "fax"], ["--alert", OTHER], ["--customer", str(uuid4())]])
    async def test_nothing_to_try_again_is_said(self, postgres: str, ledger: Ledger, arguments: list[str]) -> None:
        result = await run(postgres, "retry", *arguments)
        assert result.exit_code == 1
        assert "nothing to try again" in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "say which: --alert"),
            (["--alert", "x"], "--alert is 'x': must be an alert's id"),
            (["--customer", "Nobody"], "--customer is 'Nobody': no customer has this id or name"),
            (["--state", "done"], "'done' is not one of 'failed', 'unknown'"),
        ],
    )
    async def test_what_cannot_be_meant_is_bad_input(
        self, postgres: str, ledger: Ledger, arguments: list[str], says: str
    ) -> None:
        result = await run(postgres, "retry", *arguments)
        assert result.exit_code == 2
        assert says in result.stderr


async def test_a_database_that_is_away_is_named_without_its_password() -> None:
    result = await run("postgresql://nobody:hunter2@127.0.0.1:1/none", "list")
    assert result.exit_code == 1
    assert "Postgres cannot be used (ConnectionRefusedError)" in result.stderr
    assert "hunter2" not in result.output
