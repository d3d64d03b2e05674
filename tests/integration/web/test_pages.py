"""The pages as a browser without scripts gets them."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import aiohttp
import pytest
from markupsafe import escape

from schemas.alert import Severity
from schemas.event import Ticket
from tests.digests import everything
from tests.integration.web.conftest import serving
from tests.integration.web.rows import FEEDBACK, GLOBALTECH, TICKET, Rows, customer, fill, globaltech, poor_rating
from tests.servers.databases import Databases
from tests.servers.ports import free_ports
from tests.signed_in import OPERATOR, header
from web.security import HEADERS

_NOW = datetime.now(UTC).replace(microsecond=0)
_HOSTILE = '</p><script>alert(1)</script><img src=x onerror="alert(2)">\' {{ 7 * 7 }} &lt;b&gt;'


async def _text(http: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with http.get(path) as answer:
        assert answer.status == status, path
        return await answer.text()


async def test_alerts_are_listed_newest_first_with_their_deliveries(http: aiohttp.ClientSession, rows: Rows) -> None:
    newest, northwind, falling, changed = await fill(rows, _NOW)
    page = await _text(http, "/")
    places = [page.index(f'id="alert-{alert.alert_id}"') for alert in (newest, northwind, falling, changed)]
    assert places == sorted(places)
    for shown in (
        "GlobalTech",
        "$175,000 ARR",
        "CSM Maria Santos",
        "Rated 1 of 5",
        str(escape(FEEDBACK)),
        "Follow up on poor support experience: GlobalTech",
        "Your support case TKT-2026-4521",
        "Second low rating in 30 days",
        "This is the second low rating in 30 days.",
        "waiting, 2 failed tries: Retriable: Slack answered ratelimited",
        "failed: Permanent: channel_not_found",
        "Average fell 33%, from 4.5 to 3.0 (6 recent ratings against 14)",
        "Retracted: the customer changed the rating",
    ):
        assert shown in page


async def test_a_digest_is_listed_with_its_accounts(http: aiohttp.ClientSession, rows: Rows) -> None:
    week = everything()
    await rows.alert(week)
    await rows.step(week, "notify_csm", "slack", "done")
    page = await _text(http, "/")
    for shown in (
        "The week of Ana Diaz",
        "Weekly digest 2026-W20",
        "3 falling, 1 maybe falling",
        "Stark &lt;Industries&gt; &amp; Sons",
        "Your Week in Support Satisfaction: 2026-W20",
        "Why this digest",
        f'href="/customers/{week.items[0].customer_id}"',
    ):
        assert shown in page
    assert "None" not in page


async def test_older_pages_show_each_alert_once(http: aiohttp.ClientSession, rows: Rows) -> None:
    # Many at one instant: only the id tells them apart.
    alerts = [
        poor_rating(GLOBALTECH, Ticket(ticket_id=f"T-{number}"), at=_NOW - timedelta(minutes=number // 15))
        for number in range(50)
    ]
    for alert in alerts:
        await rows.alert(alert)
    seen: list[str] = []
    path: str | None = "/"
    while path:
        page = await _text(http, path)
        seen += [part.split('"')[0] for part in page.split('id="alert-')[1:]]
        _, found, rest = page.partition('rel="next" href="/?before=')
        path = f"/?before={rest.split(chr(34))[0]}" if found else None
    assert len(seen) == len(alerts)
    assert set(seen) == {str(alert.alert_id) for alert in alerts}


async def test_an_empty_list_says_how_to_publish_a_first_event(http: aiohttp.ClientSession) -> None:
    page = await _text(http, "/")
    assert "No alerts yet" in page
    assert "csatwatch publish" in page
    assert "support_csat_received" in page


async def test_the_banner_is_on_every_page(postgres: str) -> None:
    async with (
        serving(postgres, banner="Starts <empty>.") as site,
        aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as http,
    ):
        for path, status in (("/", 200), ("/customers", 200), ("/nothing", 404)):
            assert "Starts &lt;empty&gt;." in await _text(http, path, status)


async def test_an_account_shows_its_figures_ratings_and_alerts(http: aiohttp.ClientSession, rows: Rows) -> None:
    await fill(rows, _NOW)
    page = await _text(http, f"/customers/{GLOBALTECH.customer_id}")
    for shown in (
        "<h1>GlobalTech</h1>",
        "maria@example.com",
        "71 ratings",
        "enterprise",
        str(escape(FEEDBACK)),
        "SLA 24 h",
        'href="https://support.example.com/tickets/4521"',
    ):
        assert shown in page
    assert page.count('class="is-when"') == 50
    older = page.partition('rel="next" href="')[2].split("#")[0]
    assert (await _text(http, older.replace("&amp;", "&"))).count('class="is-when"') == 21


async def test_a_customer_without_an_account_or_a_rating_has_a_page(http: aiohttp.ClientSession, rows: Rows) -> None:
    await rows.stub(GLOBALTECH.customer_id)
    page = await _text(http, f"/customers/{GLOBALTECH.customer_id}")
    assert "Customer not known yet" in page
    assert "No ratings yet." in page
    assert ">None" not in page


async def test_customers_are_found_by_their_name_and_their_csm(http: aiohttp.ClientSession, rows: Rows) -> None:
    await fill(rows, _NOW)
    await rows.account(customer("100%_sure \\ Ltd"))
    for search, found, not_found in (
        ("global", "GlobalTech", "Northwind"),
        ("JONAS", "Northwind", "GlobalTech"),
        ("100%25_sure", "100%_sure", "GlobalTech"),
        ("%25", "100%_sure", "GlobalTech"),
        ("%5C", "100%_sure", "GlobalTech"),
        ("%00global", "GlobalTech", "Northwind"),
    ):
        page = await _text(http, f"/customers?q={search}")
        assert found in page, search
        assert not_found not in page, search
    assert "No customer and no CSM matches “nobody”" in await _text(http, "/customers?q=nobody")


async def test_the_list_of_customers_goes_on_through_every_name(http: aiohttp.ClientSession, rows: Rows) -> None:
    names = {f"Same & name ~ {number // 40}" for number in range(120)}
    for number in range(120):
        account = customer(f"account {number}").model_copy(update={"name": f"Same & name ~ {number // 40}"})
        await rows.account(account)
    seen: list[str] = []
    path: str | None = "/customers?q=same"
    while path:
        page = await _text(http, path)
        seen += [part.split('"')[0] for part in page.split('<a href="/customers/')[1:]]
        assert any(str(escape(name)) in page for name in names)
        rest = page.partition('rel="next" href="')[2]
        path = rest.split('"')[0].replace("&amp;", "&") if rest else None
        if path:
            assert "same" in unquote(path)
    assert len(seen) == len(set(seen)) == 120


async def test_hostile_text_is_harmless_in_every_place(http: aiohttp.ClientSession, rows: Rows) -> None:
    account = customer(_HOSTILE[:100], csm="Eve")
    ticket = Ticket(ticket_id=_HOSTILE, ticket_subject=_HOSTILE, ticket_category=_HOSTILE[:100])
    alert = poor_rating(account, ticket, at=_NOW, feedback=_HOSTILE, reasons=(_HOSTILE,))
    await rows.alert(alert)
    await rows.delivered(alert)
    await rows.rating(account.customer_id, ticket, 1, _NOW, _HOSTILE)
    await rows.action(alert, "followed_up", _HOSTILE, _NOW, note=_HOSTILE)
    for number in range(3):
        same = Ticket(ticket_id=f"T-{number}", ticket_subject=_HOSTILE)
        await rows.rating(account.customer_id, same, 1, _NOW, _HOSTILE)
    for path in (
        "/",
        f"/customers/{account.customer_id}",
        "/customers",
        "/customers?q=%3Cscript%3Ealert(1)%3C/script%3E",
        f"/customers/{account.customer_id}/report/{_NOW:%Y-%m}",
        f"/alerts/{alert.alert_id}",
        f"/alerts/{alert.alert_id}/send_email",
        f"/alerts/{alert.alert_id}/schedule_call",
        "/tasks",
        "/deliveries?show=all",
        "/support",
    ):
        page = await _text(http, path)
        assert "<script>" not in page, path
        assert "<img src=x" not in page, path
        assert "49" not in page.partition("&lt;img")[2][:80], path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/customers/not-an-id", 404),
        ("/customers/5f0c1b0e-3a56-4a7b-8a5e-0d5c5d1f7a10", 404),
        ("/static/../app.py", 404),
        ("/static/nothing.css", 404),
        ("/?before=yesterday", 400),
        ("/customers?after=x", 400),
    ],
)
async def test_what_is_not_there_is_said_plainly(http: aiohttp.ClientSession, path: str, status: int) -> None:
    page = await _text(http, path, status)
    assert "There is no such page" in page or "That cannot be done" in page


async def test_every_answer_carries_the_security_headers(http: aiohttp.ClientSession, rows: Rows) -> None:
    await rows.alert(globaltech(_NOW))
    for path in ("/", "/customers", "/nothing", "/?before=x", "/static/csatwatch.css", "/live"):
        async with http.get(path) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
    async with http.post("/") as answer:
        assert answer.status == 403, "without the token of our forms"
        assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_another_hosts_page_that_points_here_gets_nothing(http: aiohttp.ClientSession) -> None:
    for host, status in (("evil.example.com", 400), ("localhost:8080", 200), ("[::1]:8080", 200), ("127.0.0.1", 200)):
        async with http.get("/", headers={"Host": host}) as answer:
            assert answer.status == status, host
            assert "Content-Security-Policy" in answer.headers


async def test_pages_wait_for_postgres_in_plain_words() -> None:
    (port,) = free_ports(1)
    dsn = f"postgresql://csatwatch:secret@127.0.0.1:{port}/csatwatch"
    async with serving(dsn) as site, aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as http:
        for path in ("/", "/customers", f"/customers/{GLOBALTECH.customer_id}"):
            async with http.get(path) as answer:
                page = await answer.text()
                assert answer.status == 503
                assert answer.headers["Retry-After"]
            assert "The database does not answer." in page
            assert "secret" not in page


async def test_tables_that_are_not_there_yet_are_said(databases: Databases) -> None:
    async with serving(databases.dsn) as site, aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as http:
        assert "no tables of csatwatch yet" in await _text(http, "/", 503)


async def test_tables_of_an_older_version_are_said(http: aiohttp.ClientSession, rows: Rows) -> None:
    await rows.connection.execute("alter table alerts drop column snoozed_until")
    assert "tables of an older csatwatch" in await _text(http, "/", 503)


async def test_pages_come_back_with_postgres(http: aiohttp.ClientSession, rows: Rows) -> None:
    await rows.alert(globaltech(_NOW))
    assert "GlobalTech" in await _text(http, "/")
    await rows.connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'csatwatch web'"
    )
    assert "GlobalTech" in await _text(http, "/")


async def test_the_pages_cannot_write(postgres: str) -> None:
    from web.database import Database, Unavailable

    database = Database(postgres)
    await database.open()
    try:
        assert database._pool is not None
        async with database._pool.acquire() as connection:
            with pytest.raises(Exception, match="read-only transaction"):
                await connection.execute("delete from customers")
    finally:
        await database.close()
    with pytest.raises(Unavailable):
        await database.rows("alerts_newest", None, None, 1)


async def test_many_readers_at_once_are_all_answered(http: aiohttp.ClientSession, rows: Rows) -> None:
    for number, severity in enumerate(Severity):
        await rows.alert(poor_rating(GLOBALTECH, Ticket(ticket_id=f"T-{number}"), at=_NOW, severity=severity))
    await rows.rating(GLOBALTECH.customer_id, TICKET, 1, _NOW)
    pages = await asyncio.gather(*(_text(http, "/") for _ in range(40)))
    assert len({page.partition('id="alerts" data-position=')[2][30:] for page in pages}) == 1
