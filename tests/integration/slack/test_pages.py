"""The same from the pages: from a button in a browser over Kafka to its effect, and back onto every open page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from schemas.action import ActionKind
from sinks.customers import Account, store_customers
from tests.alerts import AT, CUSTOMER, alert
from tests.integration.slack.house import House
from tests.servers.ports import free_ports
from tests.servers.wait import until
from tests.signed_in import KEY, MANAGER, header, let_in
from web.viewer import Role, Viewer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ALERT = alert(customer=CUSTOMER)
ANA = Viewer("ana@example.com", "Ana Diaz", Role.CSM)
_SECONDS = 60_000  # milliseconds that a page has to show it: the machine may be busy


@asynccontextmanager
async def _tab(browser: "Browser", viewer: Viewer, url: str, *, width: int = 1280) -> AsyncIterator["Page"]:
    """A browser of this person's on a page that follows along; an error on its console fails the test."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, timezone_id="UTC")
    context.set_default_timeout(_SECONDS)
    await let_in(context, viewer)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(url)
    await page.locator('#live[data-state="on"]').wait_for()
    yield page
    assert not wrong
    await context.close()


@pytest.mark.timeout(300)
async def test_what_is_done_on_a_page_is_kept_carried_out_and_shown_on_every_page(
    house: House, browser: "Browser"
) -> None:
    house.settings["CSATWATCH_SESSION_KEY"] = KEY
    async with house.pool.acquire() as connection:  # as `store` has written it
        await store_customers(connection, [Account(CUSTOMER.customer_id, CUSTOMER, AT)])
    (port,) = free_ports(1)
    second = house.process("web", CSATWATCH_WEB_BIND=f"127.0.0.1:{port}")
    other = f"http://127.0.0.1:{port}"
    async with (
        house.open() as (deliver, web),
        second,
        _tab(browser, ANA, house.web_url) as ana,
        _tab(browser, MANAGER, other, width=390) as max_,
    ):
        await house.publish(ALERT)
        for page in (ana, max_):  # in both processes' browsers, without loading anything
            await page.locator(f"#alert-{ALERT.alert_id}").wait_for()
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        await max_.goto(f"{other}/alerts/{ALERT.alert_id}")
        await max_.locator('#live[data-state="on"]').wait_for()
        told = max_.locator("#story")

        await ana.goto(f"{house.web_url}/alerts/{ALERT.alert_id}")
        await ana.get_by_role("button", name="Acknowledge").click()
        await ana.get_by_text("“Acknowledge” is recorded").wait_for()
        await told.get_by_text("acknowledged it").wait_for()
        await ana.locator("#story").get_by_text("acknowledged it").wait_for()

        await ana.get_by_role("link", name="Send follow-up e-mail").click()
        await ana.get_by_label("Subject").fill("About your case")
        await ana.get_by_label("Message").fill("I am sorry.\n\nAna")
        await ana.get_by_role("button", name="Send").click()
        await told.get_by_text("E-mail sent").wait_for()
        await told.get_by_text("About your case").click()
        await told.get_by_text("I am sorry.").wait_for()
        (message,) = house.mail.box.messages
        assert (message["To"], message["Subject"].strip()) == ("Pat Lee <pat@globaltech.example>", "About your case")
        text = message.get_body(("plain",))
        assert text is not None
        assert text.get_content().replace("\r\n", "\n").strip() == "I am sorry.\n\nAna"
        await house.message(saying="Follow-up e-mail sent by Ana")

        # Signed out in one process is signed out in the other.
        await ana.get_by_role("button", name="Sign out").click()
        await ana.get_by_text("You are signed out").wait_for()

        async def is_out() -> bool:
            async with aiohttp.ClientSession(headers=header(ANA)) as copy, copy.get(f"{other}/customers") as answer:
                return answer.status == 401

        await until(is_out, what="the session is over there too")
        await max_.goto(f"{other}/customers")
        assert await max_.inner_text("h1") == "Accounts"
    kinds = [action.kind for action in await house.actions()]
    assert kinds == [ActionKind.ACKNOWLEDGED, ActionKind.EMAIL_REQUESTED, ActionKind.EMAIL_SENT]
    for process in (deliver, web, second):
        assert "globaltech.example" not in process.log
        assert "I am sorry" not in process.log
