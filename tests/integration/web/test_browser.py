"""The pages as people use them: in Chromium, on a phone and on a desk, by day and by night."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from schemas.event import Ticket
from tests.integration.web.conftest import Site
from tests.integration.web.rows import FEEDBACK, GLOBALTECH, Rows, customer, fill, globaltech, poor_rating
from tests.servers.wait import until
from tests.signed_in import let_in
from web.alerts import PAGE

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_NOW = datetime.now(UTC).replace(microsecond=0)
_PHONE, _DESK = (390, 844), (1280, 900)


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and what went wrong in it."""

    page: "Page"
    wrong: list[str]


@asynccontextmanager
async def _tab(
    browser: "Browser", size: tuple[int, int] = _DESK, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Tab]:
    """A tab of its own; an error on its console, or a request to anywhere but the pages, fails the test."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, timezone_id="UTC", locale="en-GB"
    )
    await let_in(context)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: wrong.append(request.url) if urlsplit(request.url).hostname != "127.0.0.1" else None,
    )
    yield Tab(page, wrong)
    assert not wrong
    await context.close()


async def _cards(page: "Page") -> Sequence[str]:
    found: list[str] = await page.eval_on_selector_all("#alerts article", "cards => cards.map(card => card.id)")
    return found


async def _live(page: "Page") -> None:
    """Wait until the page follows along."""
    await page.locator('#live[data-state="on"]').wait_for()


async def test_the_message_is_shown_on_a_desk_and_one_tap_away_on_a_phone(
    browser: "Browser", site: Site, rows: Rows
) -> None:
    await rows.alert(globaltech(_NOW))
    message = f'"{FEEDBACK}"'
    async with _tab(browser, _DESK) as desk:
        await desk.page.goto(site.url)
        assert await desk.page.locator(".slack").get_by_text(message).is_visible()
    async with _tab(browser, _PHONE) as phone:
        await phone.page.goto(site.url)
        shown = phone.page.locator(".slack").get_by_text(message)
        assert not await shown.is_visible()
        await phone.page.get_by_text("Slack message", exact=True).click()
        assert await shown.is_visible()


async def test_a_new_alert_and_its_changes_appear_in_every_browser(browser: "Browser", site: Site, rows: Rows) -> None:
    await rows.alert(poor_rating(GLOBALTECH, Ticket(ticket_id="T-1"), at=_NOW - timedelta(hours=1)))
    await until(lambda: not site.live.position.endswith("-0"), what="live updates are on")
    async with _tab(browser) as one, _tab(browser, _PHONE, "dark") as other:
        tabs = (one, other)
        for tab in tabs:
            await tab.page.goto(site.url)
            await _live(tab.page)
        alert = globaltech(_NOW)
        await rows.alert(alert)
        await rows.step(alert, "notify_csm", "slack", "due")
        for tab in tabs:
            card = tab.page.locator(f"#alert-{alert.alert_id}")
            await card.get_by_text("waiting", exact=True).wait_for()
            assert (await _cards(tab.page))[0] == f"alert-{alert.alert_id}", "the newest is on top"
            assert await tab.page.inner_text("#news") == "New alert: GlobalTech, Rated 1 of 5"
            # What somebody opened and where they are stays, when the card changes under them.
            why = card.locator("details.why")
            if await why.get_attribute("open") is None:
                await why.locator("summary").click()
            await why.locator("summary").focus()
        await rows.settle(alert, "notify_csm", "done")
        for tab in tabs:
            card = tab.page.locator(f"#alert-{alert.alert_id}")
            await card.get_by_text("done", exact=True).wait_for()
            assert await card.locator("details.why").get_attribute("open") is not None
            assert await tab.page.evaluate("document.activeElement.textContent") == "Why this alert"
            assert len(await _cards(tab.page)) == 2


async def test_the_first_alert_takes_the_place_of_the_instructions(browser: "Browser", site: Site, rows: Rows) -> None:
    async with _tab(browser) as tab:
        await tab.page.goto(site.url)
        await _live(tab.page)
        assert await tab.page.get_by_text("No alerts yet").is_visible()
        await rows.alert(globaltech(_NOW))
        await tab.page.locator("article").wait_for()
        assert not await tab.page.get_by_text("No alerts yet").is_visible()


async def test_a_page_catches_up_after_an_outage(browser: "Browser", site: Site, rows: Rows) -> None:
    async with _tab(browser) as tab:
        await tab.page.goto(site.url)
        await _live(tab.page)
        # While nobody listens: the trigger's announcement reaches no one.
        await rows.connection.execute("alter table alerts disable trigger announce_alert")
        alerts = [
            poor_rating(GLOBALTECH, Ticket(ticket_id=f"T-{number}"), at=_NOW - timedelta(minutes=number))
            for number in range(25)
        ]
        for alert in alerts:
            await rows.alert(alert)
        assert await _cards(tab.page) == []
        await rows.connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'csatwatch web live'"
        )
        await tab.page.locator(f"#alert-{alerts[0].alert_id}").wait_for()
        assert await _cards(tab.page) == [f"alert-{alert.alert_id}" for alert in alerts[:PAGE]]
        await tab.page.get_by_role("link", name="Older alerts").click()
        await tab.page.locator(f"#alert-{alerts[PAGE].alert_id}").wait_for()
        assert await _cards(tab.page) == [f"alert-{alert.alert_id}" for alert in alerts[PAGE : 2 * PAGE]]


async def test_an_older_alert_takes_its_place_in_time(browser: "Browser", site: Site, rows: Rows) -> None:
    newest, oldest = globaltech(_NOW), poor_rating(GLOBALTECH, Ticket(ticket_id="T-1"), at=_NOW - timedelta(hours=2))
    for alert in (newest, oldest):
        await rows.alert(alert)
    async with _tab(browser) as tab:
        await tab.page.goto(site.url)
        await _live(tab.page)
        between = poor_rating(GLOBALTECH, Ticket(ticket_id="T-2"), at=_NOW - timedelta(hours=1))
        await rows.alert(between)
        await tab.page.locator(f"#alert-{between.alert_id}").wait_for()
        assert await _cards(tab.page) == [f"alert-{alert.alert_id}" for alert in (newest, between, oldest)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_chart_is_drawn_and_names_the_ticket_under_the_pointer(
    browser: "Browser", site: Site, rows: Rows, scheme: Literal["light", "dark"]
) -> None:
    await fill(rows, _NOW)
    async with _tab(browser, _DESK, scheme) as tab:
        await tab.page.goto(f"{site.url}/customers/{GLOBALTECH.customer_id}")
        drawn = await tab.page.evaluate(
            """() => {
              const canvas = document.querySelector("#chart canvas");
              const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              const colours = new Set();
              for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] === 255) colours.add(data.slice(i, i + 3).join());
              }
              return colours.size;
            }"""
        )
        assert drawn >= 4, "a grid, a line, dots and rings"
        over = tab.page.locator("#chart .u-over")
        box = await over.bounding_box()
        assert box is not None
        await over.hover(position={"x": box["width"] * 0.985, "y": box["height"] * 0.5})
        tooltip = tab.page.locator("#chart .tooltip")
        assert await tooltip.locator("p").all_inner_texts() == [
            "1 of 5, poor-rating alert",
            "#TKT-2026-4521 API returning 500 errors intermittently",
            (await tooltip.locator("p").nth(2).inner_text()),
        ]
        inside = await tooltip.bounding_box()
        assert inside is not None
        assert inside["x"] + inside["width"] <= box["x"] + box["width"] + 1


async def test_the_keyboard_alone_reaches_everything(browser: "Browser", site: Site, rows: Rows) -> None:
    await rows.alert(globaltech(_NOW))
    async with _tab(browser) as tab:
        await tab.page.goto(site.url)
        seen: list[str] = []
        for _ in range(30):
            await tab.page.keyboard.press("Tab")
            seen.append(await tab.page.evaluate("document.activeElement.textContent.trim()"))
        for name in ("Skip to the content", "Alerts", "Accounts", "GlobalTech", "#TKT-2026-4521", "Why this alert"):
            assert name in seen
        assert seen.index("Skip to the content") == 0
        await tab.page.get_by_role("link", name="GlobalTech").press("Enter")
        await tab.page.wait_for_url("**/customers/*")


async def test_a_search_finds_its_account(browser: "Browser", site: Site, rows: Rows) -> None:
    await fill(rows, _NOW)
    async with _tab(browser, _PHONE) as tab:
        await tab.page.goto(f"{site.url}/customers")
        await tab.page.get_by_label("Search by customer or CSM").fill("globalt")
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**?q=globalt&**")
        await tab.page.get_by_role("link", name="GlobalTech").click()
        assert await tab.page.inner_text("h1") == "GlobalTech"


async def test_hostile_text_runs_nothing(browser: "Browser", site: Site, rows: Rows) -> None:
    hostile = '"><script>document.title = "taken"</script><img src=x onerror="document.title=\'taken\'">'
    account = customer(hostile)
    ticket = Ticket(ticket_id=hostile, ticket_subject=hostile)
    alert = poor_rating(account, ticket, at=_NOW, feedback=hostile)
    await rows.account(account)
    await rows.rating(account.customer_id, ticket, 1, _NOW, hostile)
    async with _tab(browser) as tab:
        await tab.page.goto(site.url)
        await _live(tab.page)
        await rows.alert(alert)  # comes in live, as HTML
        await tab.page.locator("article").wait_for()
        assert await tab.page.title() == "Alerts · csatwatch"
        await tab.page.goto(f"{site.url}/customers/{account.customer_id}")
        await tab.page.locator("#chart .u-over").hover()
        assert "taken" not in await tab.page.evaluate("document.title.slice(0, 5)")
        assert await tab.page.locator("img[src=x]").count() == 0
