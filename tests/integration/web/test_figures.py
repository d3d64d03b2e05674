"""The pages of accounts and of support, the files, the report, and what a CSM gets to see of them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from html import unescape

import aiohttp
import pytest

from agents.needs import fall_rules
from schemas.alert import Alert, Evidence, Severity, Status
from schemas.event import Ticket
from schemas.policy import Policy, load_policy
from sinks.needs import put_in_force, refresh
from sinks.postgres import connect
from streams.outcome_words import figures
from tests.integration.web.conftest import Site
from tests.integration.web.rows import FEEDBACK, GLOBALTECH, Rows, customer, live_through, poor_rating
from tests.outcomes import outcomes_of, year
from tests.signed_in import header
from web.viewer import Role, Viewer

_NOW = datetime.now(UTC).replace(microsecond=0)
_MARIA = Viewer("maria@example.com", "Maria Santos", Role.CSM)
_JONAS = Viewer("jonas@example.com", "Jonas Weber", Role.CSM)


async def _text(http: aiohttp.ClientSession, path: str, viewer: Viewer | None = None, status: int = 200) -> str:
    async with http.get(path, headers=header(viewer) if viewer else None) as answer:
        assert answer.status == status, path
        return await answer.text()


async def _table(http: aiohttp.ClientSession, path: str, viewer: Viewer | None = None) -> list[dict[str, str]]:
    async with http.get(path, headers=header(viewer) if viewer else None) as answer:
        assert answer.status == 200, path
        assert answer.content_type == "text/csv"
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        return list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"), newline="")))


def _named(page: str) -> list[str]:
    rows = page.split('<th scope="row"><a href="/customers/')[1:]
    return [row.partition(">")[2].partition("<")[0] for row in rows]


async def test_accounts_are_in_the_order_in_which_they_need_somebody(http: aiohttp.ClientSession, rows: Rows) -> None:
    await live_through(rows, _NOW)
    page = await _text(http, "/customers")
    names = _named(page)
    assert names[0] == "GlobalTech", "a critical alert that nobody has"
    assert set(names[1:4]) == {f"Harbour {number}" for number in range(3)}, "high ones"
    assert names[4:6] == ["Meridian Health Group", "Northwind Robotics"], "in hand, with a follow-up by its due time"
    assert names[6:] == ["Atlas Freight", "Brightside Logistics", "Harbour 3", "Élan Médical"], "nothing, or a snooze"
    for shown in ("falling, strong evidence", "critical</span>", "1 snoozed until", "10 ratings", 'class="spark"'):
        assert shown in page
    assert names == [row["name"] for row in await _table(http, "/customers.csv")]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=follow-ups", {"GlobalTech", "Meridian Health Group", "Northwind Robotics"}),
        ("status=falling", {"GlobalTech"}),
        ("status=overdue", set()),
        ("status=snoozed", {"Harbour 3"}),
        ("tier=growth&q=harbour%203", {"Harbour 3"}),
        ("csm=maria@example.com", {"GlobalTech", "Meridian Health Group"}),
    ],
)
async def test_accounts_are_chosen(http: aiohttp.ClientSession, rows: Rows, query: str, names: set[str]) -> None:
    await live_through(rows, _NOW)
    assert set(_named(await _text(http, f"/customers?{query}"))) == names
    assert {row["name"] for row in await _table(http, f"/customers.csv?{query}")} == names


async def test_the_need_of_an_account_follows_what_happens(http: aiohttp.ClientSession, rows: Rows) -> None:
    at = _NOW - timedelta(days=2)
    for name in ("Alpha", "Beta"):
        of = poor_rating(customer(name), Ticket(ticket_id=f"T-{name}"), at=at)
        await rows.alert(of)
        await rows.delivered(of)
    assert _named(await _text(http, "/customers?status=overdue")) == ["Alpha", "Beta"]
    alpha = poor_rating(customer("Alpha"), Ticket(ticket_id="T-Alpha"), at=at)
    await rows.action(alpha, "acknowledged", "Ana", _NOW)
    assert _named(await _text(http, "/customers")) == ["Beta", "Alpha"]
    assert _named(await _text(http, "/customers?status=alerts")) == ["Beta"]
    await rows.connection.execute("update tasks set status = 'done' where alert_id = $1", alpha.alert_id)
    assert _named(await _text(http, "/customers?status=follow-ups")) == ["Beta"]
    beta = poor_rating(customer("Beta"), Ticket(ticket_id="T-Beta"), at=at, status="retracted", revision=2)
    await rows.alert(beta)
    assert _named(await _text(http, "/customers?status=alerts")) == []


async def test_what_waits_comes_lower_and_a_snooze_is_lower_until_it_ends(
    http: aiohttp.ClientSession, rows: Rows
) -> None:
    def of(name: str, days: float, severity: Severity = Severity.CRITICAL) -> Alert:
        ticket = Ticket(ticket_id=f"T-{name}")
        return poor_rating(customer(name), ticket, at=_NOW - timedelta(days=days), severity=severity)

    late = of("Critical a month ago", 29)
    for each in (
        of("Critical now", 0.1),
        of("Critical a week ago", 8),
        of("High now", 0.2, Severity.HIGH),
        of("Low now", 0.3, Severity.LOW),
        late,
    ):
        await rows.alert(each)
    await rows.delivered(late)
    snoozed = of("Snoozed", 0.4)
    await rows.alert(snoozed)
    await rows.delivered(snoozed)
    await rows.action(snoozed, "snoozed", "Ana", _NOW, snoozed_until=_NOW + timedelta(hours=4))
    await rows.account(customer("Nothing"))
    order = ["Critical now", "Critical a week ago", "High now", "Low now", "Critical a month ago", "Nothing", "Snoozed"]
    assert _named(await _text(http, "/customers")) == order
    assert "Snoozed" in _named(await _text(http, "/customers?status=follow-ups"))
    assert "Critical a month ago" in _named(await _text(http, "/customers?status=overdue"))
    assert "Critical a month ago" in _named(await _text(http, "/customers?status=alerts"))
    # The snooze is over: nothing was done, only time has passed.
    await rows.connection.execute("update actions set snoozed_until = now() - interval '1 second'")
    await rows.connection.execute("alter table alerts disable trigger user")
    await rows.connection.execute(
        "update alerts set snoozed_until = now() - interval '1 second' where $1 = alert_id", snoozed.alert_id
    )
    await rows.connection.execute("alter table alerts enable trigger user")
    await rows.connection.execute("update account_needs set next_at = now() where snoozed > 0")
    assert _named(await _text(http, "/customers"))[-1] == "Snoozed"
    assert not await refresh(rows.connection)
    assert set(_named(await _text(http, "/customers"))[:2]) == {"Critical now", "Snoozed"}


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ({}, {"Gold", "Silver", "Bronze"}),
        ({"drop": 0.35}, set()),
        ({"drop": 0.35, "gold": 0.25}, {"Gold"}),
        ({"gold": 0.35, "silver": 0.4}, {"Bronze"}),
    ],
)
async def test_a_fall_is_one_by_the_policys_measure(
    http: aiohttp.ClientSession, rows: Rows, postgres: str, policy: dict[str, float], names: set[str]
) -> None:
    for name in ("Gold", "Silver", "Bronze"):
        account = customer(name, tier=name.lower())
        await rows.account(account)
        await rows.trend(account, _NOW - timedelta(days=1), drop=0.3)
    for name, days, more in (("Long ago", 61, {}), ("Too few", 1, {"evidence": Evidence.INSUFFICIENT})):
        await rows.account(customer(name))
        await rows.trend(customer(name), _NOW - timedelta(days=days), drop=0.5, **more)
    shipped = load_policy(None).model_dump(mode="json", by_alias=True)
    shipped["declining_trend"]["drop"] = policy.get("drop", 0.2)
    shipped["overrides"] = [
        {"tier": tier, "declining_trend": {"drop": policy[tier]}} for tier in ("gold", "silver") if tier in policy
    ]
    async with await connect(postgres, size=1) as pool, pool.acquire() as connection:
        async with connection.transaction():
            await put_in_force(connection, list(fall_rules(Policy.model_validate(shipped))))
        await refresh(connection)
    assert set(_named(await _text(http, "/customers?status=falling"))) == names
    assert set(_named(await _text(http, "/customers"))[: len(names)]) == names


async def test_a_csm_sees_their_own_accounts_alone(http: aiohttp.ClientSession, rows: Rows) -> None:
    alerts = await live_through(rows, _NOW)
    page = await _text(http, "/customers?csm=maria@example.com", _JONAS)
    assert "My accounts" in page
    assert "GlobalTech" not in page
    foreign = f"/customers/{GLOBALTECH.customer_id}"
    for path in (
        foreign,
        f"{foreign}/ratings.csv",
        f"{foreign}/report/{_NOW:%Y-%m}",
        f"/alerts/{alerts[0].alert_id}",
        f"/alerts/{alerts[0].alert_id}/send_email",
    ):
        await _text(http, path, _JONAS, 404)
        await _text(http, path, _MARIA)
    for path in ("/", "/tasks", "/deliveries?show=all"):
        assert "GlobalTech" not in await _text(http, path, _JONAS), path
        assert "Northwind" in await _text(http, path, _JONAS), path
        assert "Northwind" not in await _text(http, path, _MARIA), path
    for path in ("/alerts.csv", "/customers.csv", "/tasks.csv", "/deliveries.csv?show=all"):
        names = {row.get("customer_name") or row["name"] for row in await _table(http, path, _MARIA)}
        assert names == {"GlobalTech", "Meridian Health Group"}, path
    for path in ("/outcomes", "/support", "/support/categories.csv", "/support/unanswered.csv"):
        await _text(http, path, _MARIA, 403)


async def test_the_page_of_outcomes_says_what_was_worked_out(http: aiohttp.ClientSession, rows: Rows) -> None:
    assert "Nothing was worked out yet" in await _text(http, "/outcomes")
    found = outcomes_of(year(2, gain=0.5, ratio=0.6))
    await rows.outcomes(found)
    page = unescape(await _text(http, "/outcomes"))
    figures_ = tuple(figures(found))
    for each in figures_:
        for shown in (each.title, each.says, each.method, *(value for _, value in each.rows)):
            assert shown in page
    lines = await _table(http, "/outcomes.csv")
    assert [(row["label"], row["value"]) for row in lines if row["figure"] == figures_[0].title][2:-1] == [
        *figures_[0].rows
    ]


async def test_the_page_of_support_counts_and_names_what_is_said_alike(http: aiohttp.ClientSession, rows: Rows) -> None:
    await live_through(rows, _NOW)
    page = await _text(http, "/support?months=12")
    for shown in ("calendar sync", "3 ratings", "1 of 6", "Integrations", "nobody has in hand"):
        assert shown in page
    assert "Sam Hill" not in page, "who had the tickets is nobody's business by default"
    lines = {row["category"]: row for row in await _table(http, "/support/categories.csv?months=12")}
    assert (lines["Integrations"]["low"], lines["Integrations"]["average"]) == ("4", "2")
    assert (lines["Billing"]["tickets"], lines["Billing"]["answers"]) == ("28", "10")
    months = await _table(http, "/support/months.csv?months=12")
    assert sum(int(row["low"]) for row in months) == sum(int(row["low"]) for row in lines.values())
    assert months[0]["month"] == f"{_NOW:%Y-%m-01}"
    await _text(http, "/support/assignees.csv", status=404)
    account = f"/customers/{GLOBALTECH.customer_id}"
    months = await _table(http, f"{account}/months.csv", _MARIA)
    assert sum(int(row["answers"]) for row in months) == 71
    categories = await _table(http, f"{account}/categories.csv", _MARIA)
    assert sum(int(row["ratings"]) for row in categories) == 71
    waiting = await _table(http, "/support/unanswered.csv")
    assert [row["customer_name"] for row in waiting] == [*(f"Harbour {n}" for n in (3, 2, 1, 0)), "GlobalTech"]
    await _text(http, "/support?months=2", status=400)


async def test_every_rating_of_a_customer_is_in_the_file_and_no_cell_is_a_formula(
    http: aiohttp.ClientSession, rows: Rows
) -> None:
    await live_through(rows, _NOW)
    hostile = Ticket(ticket_id="T-hostile", ticket_subject="=HYPERLINK(1)", ticket_category="@x")
    await rows.rating(GLOBALTECH.customer_id, hostile, 3, _NOW, '-2+3\n"quoted"')
    table = await _table(http, f"/customers/{GLOBALTECH.customer_id}/ratings.csv")
    assert len(table) == 72
    assert (table[0]["ticket_subject"], table[0]["ticket_category"]) == ("'=HYPERLINK(1)", "'@x")
    assert table[0]["feedback"] == '\'-2+3\n"quoted"'
    chosen = await _table(http, f"/customers/{GLOBALTECH.customer_id}/ratings.csv?category=Billing")
    assert {row["ticket_category"] for row in chosen} == {"Billing"}


async def test_a_file_goes_on_through_many_pages(
    http: aiohttp.ClientSession, rows: Rows, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setattr("web.export.AT_ONCE", 3)
    await live_through(rows, _NOW)
    for path, column, many in (
        ("/customers.csv", "customer_id", 10),
        ("/alerts.csv", "alert_id", 15),
        ("/tasks.csv", "task_id", 3),
        ("/deliveries.csv?show=all", "step", 10),
        ("/support/unanswered.csv?months=12", "alert_id", 5),
    ):
        table = await _table(http, path)
        assert len(table) >= many, path
        keys = [(row[column], row.get("alert_id")) for row in table]
        assert len(keys) == len(set(keys)), path


async def test_a_month_is_one_page_that_needs_nothing_else(http: aiohttp.ClientSession, rows: Rows) -> None:
    await live_through(rows, _NOW)
    path = f"/customers/{GLOBALTECH.customer_id}/report/{_NOW:%Y-%m}"
    page = await _text(http, path)
    for shown in ("GlobalTech", "Rated 1 of 5", FEEDBACK.partition("'")[0], "nobody has it in hand"):
        assert shown in page
    assert "<script" not in page
    assert "<link" not in page
    assert "src=" not in page
    async with http.get(f"{path}?download=1") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    for month in ("2026-13", "2026-1", "9999-01", "x", "0001-01"):
        await _text(http, path.replace(f"{_NOW:%Y-%m}", month), status=404)


async def test_the_story_of_a_customer_is_told_in_the_order_of_time(http: aiohttp.ClientSession, rows: Rows) -> None:
    alerts = await live_through(rows, _NOW)
    page = await _text(http, f"/alerts/{alerts[1].alert_id}")
    told = page.partition('id="story"')[2]
    places = [
        told.index(words)
        for words in (
            "Alert: medium, rated 2 of 5",
            "acknowledged it",
            "asked for an e-mail to be sent",
            "E-mail sent",
            "Support was told",
            "Called them: a fix is promised for Friday.",
        )
    ]
    assert places == sorted(places)
    await rows.alert(alerts[1].model_copy(update={"revision": 3, "status": Status.RETRACTED}))
    assert "Alert retracted: the customer changed the rating" in await _text(http, f"/alerts/{alerts[1].alert_id}")
