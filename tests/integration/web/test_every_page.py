"""Every page, on a phone and on a desk, by day and by night: it fits, and axe-core finds nothing against it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

from schemas.event import Ticket
from tests.integration.web.conftest import serving
from tests.integration.web.rows import GLOBALTECH, Rows, customer, live_through, poor_rating
from tests.outcomes import outcomes_of, year
from tests.signed_in import MANAGER, OPERATOR, let_in
from web.viewer import Role, Viewer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_IMAGES = Path(__file__).parents[3] / "docs" / "images"
_NOW = datetime.now(UTC).replace(microsecond=0)
_SIZES = {"phone": (390, 844), "desk": (1280, 900)}
_SCHEMES: Sequence[Literal["light", "dark"]] = ("light", "dark")
_MARIA = Viewer("maria@example.com", "Maria Santos", Role.CSM)
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# By night only the colours are others.
_RULES = {"light": {"type": "tag", "values": _TAGS}, "dark": {"type": "rule", "values": ["color-contrast"]}}
_AXE = """async rules => (await axe.run(document, {runOnly: rules})).violations.flatMap(
  found => found.nodes.map(node => `${found.id}: ${node.target.join(" ")}: ${node.failureSummary}`))"""
# What stands over the right edge, and no ancestor of which can be scrolled.
_CUT = """() => [...document.querySelectorAll("main *")].filter(each =>
  each.getBoundingClientRect().right > innerWidth + 1 && each.checkVisibility()
  && !each.closest(".unseen, svg, .u-wrap"))
  .map(each => each.className || each.tagName)"""

_NO_FILE = """() => [...document.querySelectorAll("main table")].filter(
  table => !(table.closest("section.panel:has(a.file)") ?? table.closest("main")).querySelector("a.file"))
  .map(table => table.caption?.textContent)"""


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab, and what went wrong in it."""

    page: "Page"
    url: str
    wrong: list[str]


@asynccontextmanager
async def _tab(browser: "Browser", url: str, viewer: Viewer) -> AsyncIterator[Tab]:
    """A person's tab; an error on its console, or a request to anywhere but the pages, fails the test."""
    context = await browser.new_context(timezone_id="UTC", locale="en-GB", reduced_motion="reduce")
    await let_in(context, viewer)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: wrong.append(request.url) if urlsplit(request.url).hostname != "127.0.0.1" else None,
    )
    yield Tab(page, url, wrong)
    assert not wrong
    await context.close()


async def _looked_at(tab: Tab, axe: str, path: str) -> list[str]:
    """What is wrong with a page in each size and by day and by night."""
    page, found = tab.page, list[str]()
    await page.goto(tab.url + path)
    await page.evaluate(axe)
    for part in await page.query_selector_all("details:not([open]) > summary"):
        if await part.is_visible():
            await part.click()
    if "/report/" not in path:  # is a file itself
        found += [f"{path}: a table without a file: {each}" for each in await page.evaluate(_NO_FILE)]
    for name, (width, height) in _SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("scrollTo(0, 0)")
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{path} is too wide for a {name}: {await page.evaluate(_CUT)}")
        for scheme in _SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            violations: list[Any] = await page.evaluate(_AXE, _RULES[scheme])
            found += [f"{path}, {name}, {scheme}: {each}" for each in violations]
    return found


@pytest.mark.timeout(300)
async def test_every_page_fits_and_axe_finds_nothing(browser: "Browser", postgres: str, rows: Rows, axe: str) -> None:
    alerts = await live_through(rows, _NOW)
    long = "a-word-that-has-no-end-" * 12
    wide = poor_rating(customer(long[:100]), Ticket(ticket_id=long[:150], ticket_subject=long), at=_NOW, feedback=long)
    await rows.alert(wide)
    await rows.rating(wide.customer_id, wide.ticket, 1, _NOW, long)
    await rows.outcomes(outcomes_of(year(2, gain=0.5, ratio=0.6)))
    alert, account = f"/alerts/{alerts[0].alert_id}", f"/customers/{GLOBALTECH.customer_id}"
    paths = (
        "/",
        alert,
        f"{alert}/send_email",
        f"{alert}/schedule_call",
        f"{alert}/snooze",
        f"{alert}/not_useful",
        f"{alert}/acknowledge",
        f"/alerts/{alerts[1].alert_id}",
        "/customers",
        "/customers?q=nobody",
        account,
        f"{account}?category=Billing",
        f"{account}/report/{_NOW:%Y-%m}",
        f"/customers/{wide.customer_id}",
        "/tasks",
        "/deliveries?show=all",
        "/support",
        "/outcomes",
        "/nothing",
    )
    async with serving(postgres, assignees=True) as site, _tab(browser, site.url, MANAGER) as tab:
        found = [each for path in paths for each in await _looked_at(tab, axe, path)]
        assert not found, "\n".join(found)
        tab.wrong[:] = [each for each in tab.wrong if "status of 404" not in each]  # what was asked for is not there
        async with _tab(browser, site.url, OPERATOR) as operators:
            assert not await _looked_at(operators, axe, "/operators")
        async with _tab(browser, site.url, OPERATOR) as stranger:
            await stranger.page.context.clear_cookies()
            assert not await _looked_at(stranger, axe, "/signed-out")
            assert not await _looked_at(stranger, axe, "/sign-in?next=/customers")
            stranger.wrong.clear()  # there is no way in here, and the browser says so


async def test_pictures_for_the_documentation(
    browser: "Browser", postgres: str, rows: Rows, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--update-images"):
        pytest.skip("makes docs/images anew with --update-images")
    alerts = await live_through(rows, _NOW)
    await rows.outcomes(outcomes_of(year(2, gain=0.5, ratio=0.6)))
    _IMAGES.mkdir(parents=True, exist_ok=True)
    account = f"/customers/{GLOBALTECH.customer_id}"
    async with serving(postgres) as site:
        async with _tab(browser, site.url, MANAGER) as tab:
            await tab.page.set_viewport_size({"width": 1280, "height": 900})
            for name, path in (
                ("alerts", "/"),
                ("accounts", "/customers"),
                ("customer", account),
                ("alert", f"/alerts/{alerts[1].alert_id}"),
                ("support", "/support"),
                ("outcomes", "/outcomes"),
                ("report", f"{account}/report/{_NOW:%Y-%m}"),
            ):
                await tab.page.goto(site.url + path)
                if name in {"alerts", "customer", "alert"}:
                    await tab.page.locator('#live[data-state="on"]').wait_for()
                if name == "customer":
                    await tab.page.locator("#chart .u-over").hover()
                await tab.page.screenshot(path=_IMAGES / f"{name}.png")
        async with _tab(browser, site.url, _MARIA) as tab:
            await tab.page.set_viewport_size({"width": 390, "height": 844})
            await tab.page.emulate_media(color_scheme="dark")
            for name, path in (
                ("accounts-phone", "/customers"),
                ("email-phone", f"/alerts/{alerts[0].alert_id}/send_email"),
            ):
                await tab.page.goto(site.url + path)
                await tab.page.screenshot(path=_IMAGES / f"{name}.png")
