"""Every query of the pages finds its rows by an index in a database of the size that csatwatch is made for."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agents.outcomes import worked_out
from schemas.delivery import State
from schemas.outcome import Outcomes
from schemas.policy import load_policy
from sinks.outcomes import keep
from sinks.postgres import set_codecs
from tests.servers.big import Size, alert_id, csm_email, customer_id, fill
from tests.servers.databases import Databases
from web.deliveries import SHOWN
from web.months import back, following

_NOW = datetime.now(UTC)
_SQL = Path(__file__).parents[3] / "web" / "sql"
_BIG = {
    "account_needs",
    "actions",
    "alert_revisions",
    "alerts",
    "customers",
    "deliveries",
    "email_drafts",
    "support_satisfaction",
    "tasks",
    "tickets",
    "trends",
}
_CSM, _CUSTOMER, _ALERT = csm_email(7), customer_id(4711), alert_id(199_990)
_IDS = [alert_id(number) for number in range(199_981, 200_001)]
_LONG_AGO, _SINCE = _NOW - timedelta(days=500), _NOW - timedelta(days=365)
_PLACE = (0, _LONG_AGO, "customer", customer_id(1))
_NOWHERE = (None,) * 4
_FIRST, _NEXT = back(_NOW.date(), 11), following(_NOW.date())

# What the pages ask, from their first page and from a later one; see who calls each.
_ASKED: list[tuple[str, tuple[object, ...]]] = [
    ("accounts_csms", ()),
    ("accounts_page", (None, None, None, None, _NOW, *_NOWHERE, 51)),
    ("accounts_page", (None, None, None, None, _NOW, *_PLACE, 51)),
    ("accounts_page", (_CSM, None, None, None, _NOW, *_NOWHERE, 51)),
    ("accounts_page", (_CSM, None, "overdue", None, _NOW, *_PLACE, 51)),
    ("accounts_page", (None, None, "snoozed", None, _NOW, *_NOWHERE, 51)),
    ("accounts_page", (None, "growth", None, None, _NOW, *_NOWHERE, 51)),
    ("accounts_page", (None, None, "falling", None, _NOW, *_NOWHERE, 51)),
    ("accounts_page", (None, None, "alerts", "%4711%", _NOW, *_NOWHERE, 51)),
    ("accounts_page", (None, None, None, "%customer c4ca%", _NOW, *_NOWHERE, 51)),
    ("accounts_tiers", (None,)),
    ("accounts_tiers", (_CSM,)),
    ("actions_of", (_IDS,)),
    ("alerted_responses", (_CUSTOMER,)),
    ("alerts_between", (_CUSTOMER, _SINCE, _NOW)),
    ("alerts_named", (_IDS,)),
    ("alerts_newest", (None, None, 21)),
    ("alerts_newest", (_LONG_AGO, _ALERT, 21)),
    ("alerts_newest_of_csm", (None, None, 21, _CSM)),
    ("alerts_newest_of_csm", (_LONG_AGO, _ALERT, 21, _CSM)),
    ("alerts_of_customer", (_CUSTOMER, 20)),
    ("customer", (_CUSTOMER, _NOW, None)),
    ("customer", (_CUSTOMER, _NOW, _CSM)),
    ("answer_traces", ("TKT-4711", "dana@customer-4711.example", "customer-4711.example")),
    ("customer_categories", (_CUSTOMER,)),
    ("customer_months", (_CUSTOMER, _FIRST, _NEXT)),
    ("deliveries", (_IDS,)),
    ("deliveries_counts", (None,)),
    ("deliveries_counts", (_CSM,)),
    *(
        ("deliveries_page", ([str(state) for state in states], sink, *place, 51))
        for states in SHOWN.values()
        for sink in (None, "slack")
        for place in ((None, None, None), (_LONG_AGO, _ALERT, "x"))
    ),
    ("deliveries_page_of_csm", ([str(State.DONE)], None, None, None, None, 51, _CSM)),
    ("drafts_of", (_IDS,)),
    ("outcomes", ()),
    ("ratings_between", (_CUSTOMER, _SINCE, _NOW, 2000)),
    ("ratings_drawn", (_CUSTOMER, 2000, None)),
    ("ratings_page", (_CUSTOMER, None, None, 51, None)),
    ("ratings_page", (_CUSTOMER, _LONG_AGO, _ALERT, 51, "Billing")),
    ("revisions", (_IDS,)),
    ("session_over", ("a hash",)),
    ("slack_alert", (_ALERT,)),
    ("support_assignees", (_SINCE, _NOW)),
    ("support_feedback", (_SINCE, 1000)),
    ("support_follow_up", (_SINCE, _NOW)),
    ("support_months", (_FIRST, _NEXT)),
    ("support_unanswered", (_SINCE, None, None, 21)),
    ("support_unanswered", (_SINCE, _NOW - timedelta(days=100), _ALERT, 21)),
    ("system_actions", (20,)),
    ("task_open", (_ALERT, "CSM-1")),
    ("tasks_of", (_IDS,)),
    ("tasks_owners", (_NOW, None)),
    ("tasks_owners", (_NOW, _CSM)),
    ("tasks_page", ("open", None, None, None, None, 51)),
    ("tasks_page", ("done", _CSM, None, _LONG_AGO, _ALERT, 51)),
    ("tasks_page", ("open", None, _NOW, None, None, 51)),
    ("tasks_page_of_csm", ("open", None, None, None, None, 51, _CSM)),
    ("tasks_page_of_csm", ("done", None, None, _LONG_AGO, _ALERT, 51, _CSM)),
]


@pytest.fixture
async def big(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    async with databases.fresh() as dsn:
        await fill(dsn, Size(), _NOW)
        # As the pages' own connections are, see `web.database`.
        connection = await asyncpg.connect(
            dsn, server_settings={"plan_cache_mode": "force_custom_plan", "jit": "off", "statement_timeout": "5000"}
        )
        try:
            yield connection
        finally:
            await connection.close()


def _scans(plan: dict[str, Any]) -> Iterator[str]:
    """The big tables that a plan reads from end to end."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in _BIG:
        yield plan["Relation Name"]
    for each in plan.get("Plans", ()):
        yield from _scans(each)


async def _worked_out(big: asyncpg.Connection) -> Outcomes:
    """The outcomes, which `deliver` works out once a day from end to end; their page is one row of what it kept."""
    await set_codecs(big)
    await big.execute("set statement_timeout = '60s'")  # as its connections have it
    found = await worked_out(big, load_policy(None), _NOW)
    assert found.detection.drops > 50_000
    await keep(big, found)
    await big.execute("set statement_timeout = '5s'")
    return found


def test_every_query_of_the_pages_is_looked_at() -> None:
    # Those on what operators mend are of few rows at a time, by key.
    assert {file.stem for file in _SQL.glob("*.sql")} - {"delivery_given_up"} == {name for name, _ in _ASKED}


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_no_query_reads_a_big_table_from_end_to_end(big: asyncpg.Connection) -> None:
    found = await _worked_out(big)
    read: list[str] = []
    for name, arguments in _ASKED:
        text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
        (row,) = await big.fetch(f"explain (analyze, format json) {text}", *arguments)
        plan = json.loads(row[0])[0]
        read += [f"{name} {arguments}: {table}" for table in _scans(plan["Plan"])]
    assert not read, "\n".join(read)
    (row,) = await big.fetch((_SQL / "outcomes.sql").read_text(encoding="utf-8"))
    assert Outcomes.model_validate(row["record"]) == found
