"""The pages of tasks and deliveries, without scripts and in a browser."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid5

import aiohttp
import pytest

from schemas.action import ActionKind
from schemas.alert import NAMESPACE, Alert
from schemas.event import Ticket
from tests.acting import Published
from tests.integration.web.conftest import Site, serving
from tests.integration.web.rows import Rows, customer, poor_rating
from tests.signed_in import CSM, CSRF, header, let_in

if TYPE_CHECKING:
    from playwright.async_api import Page

NOW = datetime.now(UTC).replace(microsecond=0)
HOSTILE = '</a><script>alert(1)</script>"onmouseover="alert(2)'


async def add_task(
    rows: Rows,
    number: int,
    *,
    due: timedelta,
    owner: str | None = "ana@example.com",
    status: str = "open",
    title: str | None = None,
    url: str | None = None,
) -> None:
    """A task of a customer of its own."""
    of = poor_rating(customer(f"Customer {number}"), Ticket(ticket_id=f"T-{number}"), at=NOW)
    await rows.alert(of)
    await rows.step(of, "create_task", "tasks", "done")
    await rows.connection.execute(
        "insert into tasks (task_id, alert_id, step, customer_id, title, priority, owner_email, due_at, status, "
        "system, external_id, external_url, closed_at) "
        "values ($1, $2, $3, $4, $5, 'high', $6, $7, $8, $9, $10, $11, $12)",
        uuid5(NAMESPACE, f"task {number}"),
        of.alert_id,
        "support_satisfaction_response/create_task",
        of.customer_id,
        title or f"Task {number:03}",
        owner,
        NOW + due,
        status,
        "jira" if url else None,
        f"CSM-{number}" if url else None,
        url,
        NOW if status == "done" else None,
    )


@pytest.fixture
async def filled(rows: Rows) -> Rows:
    await add_task(rows, 1, due=timedelta(days=2))
    await add_task(rows, 2, due=timedelta(days=-1))
    await add_task(rows, 3, due=timedelta(days=1), owner="bo@example.com", url="https://jira.example.com/browse/CSM-3")
    await add_task(rows, 4, due=timedelta(days=-3), owner=None)
    await add_task(rows, 5, due=timedelta(days=-4), status="done")
    return rows


async def text(http: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with http.get(path) as answer:
        assert answer.status == status, path
        return await answer.text()


def named(page: str) -> list[int]:
    """The tasks on the page in its order."""
    places = {number: page.find(f"Task {number:03}") for number in range(1, 6)}
    return [number for number in sorted(places, key=lambda each: places[each]) if places[number] >= 0]


@pytest.mark.parametrize(
    ("path", "tasks"),
    [
        ("/tasks", [4, 2, 3, 1]),
        ("/tasks?overdue=1", [4, 2]),
        ("/tasks?status=done", [5]),
        ("/tasks?status=cancelled", []),
        ("/tasks?owner=ana@example.com", [2, 1]),
        ("/tasks?owner=ana%40example.com&overdue=1", [2]),
        ("/tasks?owner=", [4]),
        ("/tasks?owner=nobody@example.com", []),
    ],
)
@pytest.mark.usefixtures("filled")
async def test_tasks_are_chosen_and_stand_by_due_time(http: aiohttp.ClientSession, path: str, tasks: list[int]) -> None:
    assert named(await text(http, path)) == tasks


@pytest.mark.usefixtures("filled")
async def test_a_task_says_what_there_is_to_know(http: aiohttp.ClientSession) -> None:
    page = await text(http, "/tasks")
    for shown in ("4 open tasks", "2 overdue", "bo@example.com", "nobody", "https://jira.example.com/browse/CSM-3"):
        assert shown in page
    main = page.partition("<main")[2]
    assert main.count("<form") == main.count("<button") == 0


async def test_the_list_goes_on_through_every_task(http: aiohttp.ClientSession, rows: Rows) -> None:
    for number in range(120):
        await add_task(rows, number, due=timedelta(hours=number // 2))
    seen: list[str] = []
    path: str | None = "/tasks?owner=ana@example.com"
    while path:
        page = await text(http, path)
        seen += [line.split("<th")[1] for line in page.splitlines() if 'th scope="row"' in line]
        rest = page.partition('rel="next" href="')[2]
        path = rest.partition('"')[0].replace("&amp;", "&") if rest else None
    assert len(seen) == len(set(seen)) == 120


async def test_nothing_to_do_is_said(http: aiohttp.ClientSession) -> None:
    assert "Nothing is left to do." in await text(http, "/tasks")
    assert "No task is overdue." in await text(http, "/tasks?overdue=1")
    assert "No delivery has failed." in await text(http, "/deliveries")
    assert "Nothing waits." in await text(http, "/deliveries?show=waiting")


@pytest.mark.parametrize(
    "path",
    [
        "/tasks?status=fired",
        "/tasks?after=x",
        "/tasks?owner=%00",
        "/deliveries?show=x",
        "/deliveries?before=x",
        "/deliveries?before=2026-01-01T00:00:00Z~x~y",
        "/deliveries?sink=%00",
    ],
)
async def test_an_address_that_means_nothing_is_refused(http: aiohttp.ClientSession, path: str) -> None:
    await text(http, path, 400)


async def test_hostile_titles_are_words(http: aiohttp.ClientSession, rows: Rows) -> None:
    await add_task(rows, 1, due=timedelta(0), title=HOSTILE, owner=HOSTILE)
    page = await text(http, "/tasks")
    assert "<script>alert" not in page
    assert '"onmouseover' not in page


async def test_deliveries_are_chosen_and_say_why(http: aiohttp.ClientSession, rows: Rows) -> None:
    of = poor_rating(customer("GlobalTech"), Ticket(ticket_id="T-1"), at=NOW)
    await rows.alert(of)
    later = NOW + timedelta(days=2)
    await rows.step(of, "notify_csm", "slack", "failed", error="no fallback channel is set")
    await rows.step(of, "remind", "slack", "due", not_before=later, due_at=later, unless=["acknowledged"])
    await rows.step(of, "escalate", "slack", "cancelled", unless=["acknowledged"], error="acknowledged")
    await rows.step(of, "quiet", "slack", "due", held="quiet hours", due_at=later)
    await rows.step(of, "mail", "mail", "unknown", error="the sending was cut off")
    await rows.step(of, "create_task", "tasks", "done")
    await rows.step(of, "tell_room", "tell_room", "due", attempts=1, error="HTTP 500")
    failed = await text(http, "/deliveries")
    for shown in ("failed: no fallback channel is set", "unknown whether it was done: the sending was cut off"):
        assert shown in failed
    assert "csatwatch deliveries retry --all" in failed
    assert "quiet hours" not in failed
    waiting = await text(http, "/deliveries?show=waiting")
    for shown in (
        "waiting until ",
        "unless acknowledged before",
        "held back until ",
        "quiet hours",
        "waiting, 1 failed try: HTTP 500",
        "Tell room",
    ):
        assert shown in waiting
    assert "quiet hours" not in await text(http, "/deliveries?show=waiting&sink=tell_room")
    assert "cancelled: acknowledged meanwhile" in await text(http, "/deliveries?show=cancelled")
    assert (await text(http, "/deliveries?show=all")).count('th scope="row"') == 7
    card = await text(http, "/")
    assert "unless acknowledged before" in card
    assert "cancelled: acknowledged meanwhile" in card


async def test_the_list_goes_on_through_every_delivery(http: aiohttp.ClientSession, rows: Rows) -> None:
    for number in range(60):
        of = poor_rating(customer(f"Customer {number}"), Ticket(ticket_id=f"T-{number}"), at=NOW)
        await rows.alert(of)
        for name in ("a", "b"):
            await rows.step(of, name, "slack", "failed", created_at=NOW - timedelta(seconds=number // 7))
    seen = 0
    path: str | None = "/deliveries"
    while path:
        page = await text(http, path)
        seen += page.count('th scope="row"')
        rest = page.partition('rel="next" href="')[2]
        path = rest.partition('"')[0].replace("&amp;", "&") if rest else None
    assert seen == 120


async def test_a_step_that_was_given_up_is_retried_by_who_sees_it(rows: Rows, postgres: str) -> None:
    mine = poor_rating(customer("Mine", csm="Sarah Chen"), Ticket(ticket_id="T-1"), at=NOW)
    other = poor_rating(customer("Other"), Ticket(ticket_id="T-2"), at=NOW)
    for each in (mine, other):
        await rows.alert(each)
        await rows.step(each, "notify_csm", "slack", "failed")
    await rows.step(mine, "create_task", "tasks", "done")
    await rows.connection.execute("update customers set csm_email = $1 where name = 'Mine'", CSM.email)
    published = Published()

    def form(of: Alert, step: str = "notify_csm") -> dict[str, str]:
        return {"csrf": CSRF, "alert_id": str(of.alert_id), "step": f"support_satisfaction_response/{step}"}

    async with (
        serving(postgres, acting=published.acting()) as site,
        aiohttp.ClientSession(site.url, headers=header(CSM)) as http,
    ):
        page = await text(http, "/deliveries")
        assert page.count("Try again") == 1
        assert f'value="{mine.alert_id}"' in page
        for sent, words in (
            (form(mine), "It is tried again"),
            (form(mine), "It is tried again"),  # a double click is one action
            (form(other), "Nothing was done"),  # another's account
            (form(mine, "create_task"), "Nothing was done"),  # not given up
        ):
            async with http.post("/deliveries/retry", data=sent) as answer:
                assert words in await answer.text()
        published.away = True
        async with http.post("/deliveries/retry", data=form(mine)) as answer:
            assert "Kafka does not answer" in await answer.text()
        async with http.post("/deliveries/retry", data=form(mine) | {"alert_id": "1"}) as answer:
            assert answer.status == 400
    assert len({each.action_id for each in published.actions}) == 1
    (first, _) = published.actions
    assert (first.kind, first.by, first.step) == (
        ActionKind.RETRIED,
        CSM.email,
        "support_satisfaction_response/notify_csm",
    )


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_pages_are_reached_and_used_by_keyboard(page: "Page", site: Site, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await let_in(page.context)
    await page.goto(site.url)
    await page.get_by_role("link", name="Tasks", exact=True).press("Enter")
    await page.get_by_role("heading", name="Tasks", exact=True).wait_for()
    assert await page.locator("tbody tr").count() == 4
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("link", name="overdue", exact=True).press("Enter")
    await page.locator("tbody tr").nth(1).wait_for()
    assert await page.locator("tbody tr").count() == 2
    await page.get_by_role("link", name="ana@example.com").press("Enter")
    await page.wait_for_url("**/tasks?**owner=**")
    assert await page.locator('nav[aria-label="Whose tasks"] [aria-current]').inner_text() == (
        "ana@example.com 2, 1 overdue"
    )
    await page.get_by_role("link", name="Deliveries", exact=True).press("Enter")
    await page.get_by_role("heading", name="Deliveries", exact=True).wait_for()
    await page.get_by_role("link", name="all", exact=True).press("Enter")
    await page.locator("tbody tr").nth(4).wait_for()
    assert await page.locator("tbody tr").count() == 5
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
