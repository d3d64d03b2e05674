"""A CSM's way through an alert in Chromium: by the keyboard alone, and seen in another browser as it happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.action import ActionKind
from schemas.event import Contact
from sinks.slack import action_ids as ids
from tests.acting import Published
from tests.integration.web.conftest import serving
from tests.integration.web.rows import GLOBALTECH, Rows, globaltech, live_through
from tests.operations import FakeOperations
from tests.outcomes import outcomes_of, year
from tests.signed_in import KEY, MANAGER, OPERATOR, let_in
from web.doing import AT_ONCE, STEPS
from web.signin.link import OneTimeLink
from web.signin.pages import SignIn
from web.signin.session import Cookies
from web.viewer import Role, Viewer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_NOW = datetime.now(UTC).replace(microsecond=0)
_MARIA = Viewer("maria@example.com", "Maria Santos", Role.CSM)
_MOST_TABS = 60


@asynccontextmanager
async def _tab(browser: "Browser", viewer: Viewer, *, width: int = 1280) -> AsyncIterator["Page"]:
    """A person's tab; an error on its console fails the test."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, timezone_id="UTC", reduced_motion="reduce"
    )
    await let_in(context, viewer)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert not wrong
    await context.close()


async def _live(page: "Page") -> None:
    await page.locator('#live[data-state="on"]').wait_for()


async def _tab_to(page: "Page", words: str, *, back: bool = False) -> None:
    """Press the key until what has the focus says this; where it is must be seen."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        found = await page.evaluate(
            """() => { const at = document.activeElement; return [
              (at.labels?.[0] ?? at).textContent.trim(), getComputedStyle(at).outlineStyle] }"""
        )
        if found[0].startswith(words):
            assert found[1] != "none", words
            return
    raise AssertionError(f"no {words}")


async def test_an_alert_is_answered_by_keyboard_alone(browser: "Browser", postgres: str, rows: Rows) -> None:
    alert = globaltech(_NOW, contact=Contact(name="Dana Wu", email="dana@example.com"))
    await rows.alert(alert)
    await rows.delivered(alert)
    published = Published()
    async with serving(postgres, acting=published.acting()) as site, _tab(browser, _MARIA) as page:
        await page.goto(site.url)
        await _tab_to(page, "My accounts")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/customers")
        await _tab_to(page, "GlobalTech")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/customers/*")
        await _tab_to(page, "Send follow-up e-mail")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/send_email")
        await _tab_to(page, "Subject")
        await page.keyboard.press("Control+a")
        await page.keyboard.type("About your case")
        await _tab_to(page, "Send")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?done=send_email*")
        assert "“Send follow-up e-mail” is recorded" in await page.inner_text("#done")
        await _tab_to(page, "Acknowledge")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?done=acknowledge*")
    assert [(each.kind, each.subject) for each in published.actions] == [
        (ActionKind.EMAIL_REQUESTED, "About your case"),
        (ActionKind.ACKNOWLEDGED, None),
    ]


async def test_a_manager_and_an_operator_need_no_mouse(browser: "Browser", postgres: str, rows: Rows) -> None:
    await live_through(rows, _NOW)
    await rows.outcomes(outcomes_of(year(2, gain=0.5, ratio=0.6)))
    operations = FakeOperations()
    async with serving(postgres, operations=operations) as site, _tab(browser, OPERATOR, width=390) as page:
        await page.goto(site.url)
        await _tab_to(page, "Support")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/support")
        await _tab_to(page, "twelve months")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/support?months=12")
        await _tab_to(page, "calendar sync")
        await page.keyboard.press("Enter")
        await page.locator("details[open] blockquote").first.wait_for()
        await _tab_to(page, "Skip to the content", back=True)
        await _tab_to(page, "Outcomes")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/outcomes")
        await _tab_to(page, "How it was found")
        await page.keyboard.press("Enter")
        await page.locator("details[open] p").first.wait_for()
        await _tab_to(page, "Skip to the content", back=True)
        await _tab_to(page, "Operations")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/operators")
        await _tab_to(page, "Replay all")
        await page.keyboard.press("Enter")
        await page.get_by_text("Replayed: 1.").wait_for()
        # It looks again by itself.
        operations.away = "Kafka is gone"
        await page.evaluate("dispatchEvent(new Event('pagehide'))")
        await page.evaluate("document.getElementById('live').dataset.every = 100")
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        await page.get_by_text("Kafka is gone").wait_for()
        await page.get_by_role("heading", name="Operations").wait_for()
        await page.get_by_role("button", name="Sign out").press("Enter")
        await page.wait_for_url("**/signed-out")
    assert operations.asked == [(None, OPERATOR.email)]


async def test_an_alert_is_snoozed_by_keyboard_and_shows_it(browser: "Browser", postgres: str, rows: Rows) -> None:
    await rows.alert(globaltech(_NOW))
    published = Published()
    async with serving(postgres, acting=published.acting()) as site, _tab(browser, _MARIA, width=390) as page:
        await page.goto(f"{site.url}/alerts/{globaltech(_NOW).alert_id}")
        await page.get_by_text("Nobody has it in hand").wait_for()
        await _live(page)
        await _tab_to(page, "Snooze")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/snooze")
        await _tab_to(page, "4 hours")
        await page.keyboard.press("ArrowDown")
        await page.locator("form").get_by_role("button", name="Snooze").press("Enter")
        await page.wait_for_url("**?done=snooze*")
        await _live(page)
        (action,) = published.actions
        assert action.snoozed_until is not None
        await rows.action(globaltech(_NOW), "snoozed", "Maria Santos", _NOW, snoozed_until=action.snoozed_until)
        await page.locator("#card").get_by_text("Snoozed until").wait_for()


async def test_every_step_is_taken_on_a_phone_by_night(browser: "Browser", postgres: str, rows: Rows) -> None:
    contact = Contact(name="Dana Wu", email="dana@example.com")
    account = GLOBALTECH.model_copy(update={"support_channel": "C0SUPPORT"})
    alert = globaltech(_NOW, contact=contact, customer=account)
    await rows.account(account)
    await rows.alert(alert)
    await rows.delivered(alert)
    await rows.settle(alert, "notify_csm", "failed")
    published = Published()
    async with serving(postgres, acting=published.acting()) as site, _tab(browser, _MARIA, width=390) as page:
        await page.emulate_media(color_scheme="dark")
        here = f"{site.url}/alerts/{alert.alert_id}"
        for step in STEPS:
            await page.goto(here)
            await page.locator("#next").get_by_text(STEPS[step], exact=True).click()
            if step not in AT_ONCE:
                await page.wait_for_url(f"**/{step}")
                if step == ids.SCHEDULE_CALL:
                    await page.get_by_label("Where").fill("https://meet.example.com/1")
                assert await page.evaluate("document.documentElement.scrollWidth") <= 390
                await page.locator("form .is-primary").click()
            await page.wait_for_url(f"**?done={step}*")
            assert f"“{STEPS[step]}” is recorded" in await page.inner_text("#done")
        await page.goto(f"{site.url}/deliveries")
        await page.get_by_role("button", name="Try again").click()
        await page.get_by_text("It is tried again").wait_for()
        for path in ("/customers", "/tasks", f"/customers/{GLOBALTECH.customer_id}"):
            await page.goto(f"{site.url}{path}")
            async with page.expect_download() as file:
                await page.get_by_role("link", name="CSV").last.click()
            assert (
                "GlobalTech" in Path(await (await file.value).path()).read_text()
                or "ratings" in (await file.value).suggested_filename
            )
    assert [each.kind for each in published.actions] == [
        ActionKind.EMAIL_REQUESTED,
        ActionKind.CALL_REQUESTED,
        ActionKind.COORDINATE_REQUESTED,
        ActionKind.ACKNOWLEDGED,
        ActionKind.FOLLOWED_UP,
        ActionKind.SNOOZED,
        ActionKind.NOT_USEFUL,
        ActionKind.RETRIED,
    ]
    assert {each.by for each in published.actions} == {_MARIA.email}


async def test_the_link_lets_one_browser_in_and_an_operator_asks_for_another(browser: "Browser", postgres: str) -> None:
    published, link = Published(), OneTimeLink()
    path = link.path
    async with serving(postgres, acting=published.acting(), sign_in=SignIn(Cookies(KEY), link=link)) as site:
        first, second = [await (await browser.new_context()).new_page() for _ in range(2)]
        await first.goto(f"{site.url}{path}")
        await first.get_by_role("heading", name="Alerts", exact=True).wait_for()
        await second.goto(f"{site.url}{path}")
        await second.get_by_text("This link is good no longer").wait_for()
        await first.get_by_role("link", name="Operations").click()
        await first.get_by_role("button", name="A link for another browser").click()
        another = await first.locator("main code, main a, main pre").first.inner_text()
        await second.goto(another)
        await second.get_by_role("heading", name="Alerts", exact=True).wait_for()
        await second.get_by_role("button", name="Sign out").click()
        await second.get_by_text("You are signed out").wait_for()
        await first.goto(f"{site.url}/customers")
        assert await first.inner_text("h1") == "Accounts", "the other browser's end is not this one's"
        for page in (first, second):
            await page.context.close()
    assert [each.kind for each in published.system] == [ActionKind.LINK_REQUESTED, ActionKind.SIGNED_OUT]


async def test_what_is_done_shows_on_every_open_page(browser: "Browser", postgres: str, rows: Rows) -> None:
    alert = globaltech(_NOW)
    await rows.alert(alert)
    await rows.delivered(alert)
    async with (
        serving(postgres) as site,
        _tab(browser, _MARIA) as of_alert,
        _tab(browser, MANAGER, width=390) as of_customer,
        _tab(browser, MANAGER) as of_tasks,
        _tab(browser, _MARIA) as of_accounts,
        _tab(browser, MANAGER) as of_support,
        _tab(browser, MANAGER) as of_deliveries,
    ):
        await of_alert.goto(f"{site.url}/alerts/{alert.alert_id}")
        await of_customer.goto(f"{site.url}/customers/{GLOBALTECH.customer_id}")
        await of_tasks.goto(f"{site.url}/tasks")
        await of_accounts.goto(f"{site.url}/customers")
        await of_support.goto(f"{site.url}/support")
        await of_deliveries.goto(f"{site.url}/deliveries")
        for page in (of_alert, of_customer, of_tasks, of_accounts, of_support, of_deliveries):
            await _live(page)
        assert await of_accounts.locator("#accounts .badge").count() == 1
        # What somebody opened stays open when the part around it is shown anew.
        draft = of_alert.locator("#story details.draft")
        await draft.locator("summary").click()
        assert await of_customer.locator("#figures .bad").count() == 1, "nobody has it in hand"
        await rows.action(alert, "acknowledged", "Maria Santos", _NOW + timedelta(minutes=1))
        for page in (of_alert, of_customer):
            await page.locator("#story").get_by_text("acknowledged it").wait_for()
        await of_customer.locator("#figures .bad").wait_for(state="detached")
        await of_accounts.locator("#accounts .badge").wait_for(state="detached")
        await of_support.get_by_text("Somebody has every one of them in hand.").wait_for()
        await rows.settle(alert, "notify_csm", "failed")
        await of_deliveries.locator("#deliveries tbody tr").wait_for()
        assert await draft.get_attribute("open") is not None
        assert await of_tasks.locator("#tasks tbody tr").count() == 1
        await rows.connection.execute("update tasks set status = 'done', closed_at = now(), closed_by = 'Maria Santos'")
        await of_tasks.get_by_text("Nothing is left to do.").wait_for()
        await of_alert.locator("#story").get_by_text("Task done").wait_for()


async def test_the_list_of_accounts_follows_what_is_typed(browser: "Browser", postgres: str, rows: Rows) -> None:
    await live_through(rows, _NOW)
    async with serving(postgres) as site, _tab(browser, MANAGER) as page:
        await page.goto(f"{site.url}/customers")
        assert await page.locator("tbody tr").count() == 10
        await page.get_by_label("Search by customer or CSM").press_sequentially("harb")
        await page.wait_for_url("**q=harb**")
        await page.locator("tbody tr").nth(4).wait_for(state="detached")
        assert await page.locator("tbody tr").count() == 4
        await page.get_by_label("With").select_option("falling")
        await page.get_by_text("matches “harb”").wait_for()
        await page.get_by_label("Search by customer or CSM").fill("")
        await page.get_by_role("link", name="GlobalTech").wait_for()
        assert "status=falling" in page.url


async def test_a_report_is_printed_on_white_paper_within_its_edges(
    browser: "Browser", postgres: str, rows: Rows
) -> None:
    await live_through(rows, _NOW)
    async with serving(postgres) as site, _tab(browser, MANAGER, width=718) as page:  # A4 without its margins
        await page.emulate_media(media="print", color_scheme="dark")
        await page.goto(f"{site.url}/customers/{GLOBALTECH.customer_id}/report/{_NOW:%Y-%m}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 718
        assert await page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert (await page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")
