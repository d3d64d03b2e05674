"""Signing in with a real OpenID provider."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest

from schemas.action import ActionKind
from sinks.actions import Actions
from sinks.ledger import Ledger
from sinks.postgres import connect
from tests.acting import Published
from tests.integration.web.conftest import Site, serving
from tests.integration.web.rows import Rows, customer, globaltech
from tests.servers.oidc import OidcProvider, installed, oidc_provider, say_who
from tests.servers.ports import free_ports
from tests.servers.unavailable import UnavailableError
from tests.signed_in import CSM, CSRF, KEY, MANAGER, by_link, header
from web.signin.oidc import Client, Provider
from web.signin.pages import SignIn
from web.signin.people import Roles
from web.signin.session import Cookies

if TYPE_CHECKING:
    from playwright.async_api import Browser

_CI = os.environ.get("CI", "").lower() in {"1", "true"}
_HTML = {"Accept": "text/html"}
_ACCOUNTS: dict[str, dict[str, Any]] = {
    # The account's CSM in `rows`, by another spelling.
    "maria": {"email": "Maria@Example.com", "email_verified": True, "name": "Maria Santos"},
    "max": {"email": "max@csatwatch.example", "email_verified": True, "name": "Max", "groups": ["Support Leads"]},
    "mallory": {"email": "maria@example.com", "email_verified": False, "name": "Mallory"},
    "nemo": {"name": "Nemo"},
}


@dataclass(frozen=True, slots=True)
class House:
    """The pages, and where people prove who they are."""

    site: Site
    provider: OidcProvider


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return installed(tmp_path_factory.mktemp("oidc"))
    except UnavailableError as missing:
        return (pytest.fail if _CI else pytest.skip)(str(missing))


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=2) as connected:
        yield connected


@asynccontextmanager
async def _house(postgres: str, program: Path) -> AsyncIterator[House]:
    (port,) = free_ports(1)
    async with oidc_provider(program, f"http://127.0.0.1:{port}/sign-in/back", _ACCOUNTS) as known:
        roles = Roles(claim="groups", managers=frozenset({"support leads"}))
        client = Client(known.issuer, known.client_id, known.secret, "openid email profile groups", roles)
        async with serving(postgres, sign_in=SignIn(Cookies(KEY), Provider(client)), port=port) as site:
            yield House(site, known)


@pytest.fixture
async def house(postgres: str, program: Path) -> AsyncIterator[House]:
    async with _house(postgres, program) as opened:
        yield opened


async def test_a_csm_signs_in_sees_their_own_accounts_and_signs_out(
    house: House, rows: Rows, browser: "Browser"
) -> None:
    await rows.alert(globaltech(datetime.now(UTC)))
    other = customer("Initech", csm="Ben Ruiz")
    await rows.account(other)
    context = await browser.new_context()
    page = await context.new_page()
    # The provider's own form wants a typeface from elsewhere.
    await context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: route.abort())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        await page.goto(f"{house.site.url}/customers?q=tech")
        assert page.url.startswith(house.provider.issuer)
        await page.fill("input[name=login]", "maria")
        await page.fill("input[name=password]", "any")
        await page.click("button[type=submit]")
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{house.site.url}/customers?q=tech")
        assert await page.get_by_text("Maria Santos", exact=True).first.is_visible()
        assert await page.get_by_role("link", name="GlobalTech").is_visible()
        await page.goto(f"{house.site.url}/customers")
        assert await page.get_by_text("Initech").count() == 0

        begun = len(asked)
        await page.goto(f"{house.site.url}/customers/{other.customer_id}")
        assert await page.get_by_text("There is no such page").is_visible()
        assert {urlsplit(url).hostname for url in asked[begun:]} == {"127.0.0.1"}

        cookies = await context.cookies(house.site.url)
        (session,) = [each for each in cookies if each["name"] == "csatwatch"]
        assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")

        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{house.site.url}/signed-out")
        assert not [each for each in await context.cookies(house.site.url) if each["name"] == "csatwatch"]
        async with aiohttp.ClientSession(headers={"Cookie": f"csatwatch={session['value']}"}) as copy:
            assert (await copy.get(f"{house.site.url}/customers")).status == 401, (
                "a copy of the cookie is good no longer"
            )
    finally:
        await context.close()


async def test_a_manager_is_one_by_a_claim_of_the_provider(house: House, rows: Rows) -> None:
    await rows.account(customer("Initech", csm="Ben Ruiz"))
    async with by_link() as http:
        answer = await say_who(http, f"{house.site.url}/customers", "max")
        assert (answer.status, answer.url.path) == (200, "/customers")
        assert "Initech" in await answer.text()


@pytest.mark.parametrize(("account", "why"), [("mallory", "verified"), ("nemo", "e-mail address")])
async def test_without_a_verified_address_nobody_comes_in(house: House, account: str, why: str) -> None:
    async with by_link() as http:
        answer = await say_who(http, f"{house.site.url}/customers", account)
        assert answer.status == 403
        assert why in await answer.text()
        assert (await http.get(f"{house.site.url}/customers")).status == 401


async def test_a_sign_in_counts_in_the_browser_that_began_it_and_once(house: House) -> None:
    async with by_link() as http, by_link() as other:
        answer = await say_who(http, f"{house.site.url}/customers", "maria")
        came_back = next(str(step.url) for step in answer.history if step.url.path == "/sign-in/back")
        assert (await http.get(came_back)).status == 403, "the code was used"
        assert (await other.get(came_back)).status == 403, "another browser"
        assert (await other.get(f"{house.site.url}/customers")).status == 401


async def test_a_flow_has_state_nonce_and_pkce_and_an_answer_that_was_changed_is_refused(house: House) -> None:
    async with by_link() as http:
        begun = await http.get(f"{house.site.url}/sign-in", allow_redirects=False)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["Location"]).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert min(len(asked["state"]), len(asked["nonce"])) >= 20
        for answer in (
            {"code": "x", "state": asked["state"] + "x"},
            {"code": "x"},
            {"error": "access_denied", "error_description": "<b>call 555</b>", "state": asked["state"]},
        ):
            back = await http.get(f"{house.site.url}/sign-in/back", params=answer)
            assert back.status == 403
            assert "555" not in await back.text()


async def test_a_provider_that_is_away_is_said(postgres: str, program: Path) -> None:
    (port,) = free_ports(1)
    client = Client(f"http://127.0.0.1:{port}", "csatwatch")
    async with (
        serving(postgres, sign_in=SignIn(Cookies(KEY), Provider(client))) as site,
        aiohttp.ClientSession(site.url) as http,
    ):
        answer = await http.get("/customers", headers=_HTML)
        assert answer.status == 503
        assert "Nobody can sign in right now" in await answer.text()


async def test_a_provider_of_another_name_is_refused(postgres: str, program: Path) -> None:
    async with oidc_provider(program, "http://127.0.0.1:1/sign-in/back", _ACCOUNTS) as known:
        client = Client(known.issuer.replace("127.0.0.1", "localhost"), known.client_id, known.secret)
        async with (
            serving(postgres, sign_in=SignIn(Cookies(KEY), Provider(client))) as site,
            aiohttp.ClientSession(site.url) as http,
        ):
            assert (await http.get("/customers", headers=_HTML)).status == 503


async def test_a_sign_out_holds_in_every_process_as_soon_as_it_is_kept(postgres: str, pool: asyncpg.Pool) -> None:
    published = Published()
    form = {"csrf": CSRF}
    async with (
        serving(postgres, acting=published.acting()) as asked,
        serving(postgres) as other,
        aiohttp.ClientSession(headers=header(CSM)) as http,
        aiohttp.ClientSession(headers=header(MANAGER)) as somebody,
    ):
        for site in (asked, other):
            assert (await http.get(f"{site.url}/customers")).status == 200
        answer = await http.post(f"{asked.url}/sign-out", data=form, allow_redirects=False)
        assert answer.headers["Location"] == "/signed-out"
        assert (await http.get(f"{asked.url}/customers")).status == 401
        (action,) = published.system
        assert (action.kind, action.by) == (ActionKind.SIGNED_OUT, CSM.email)
        assert CSM.email not in (action.session or "")
        kept = Actions(pool, Ledger(pool, lease=timedelta(minutes=1)))
        assert [await kept.store_system([action]) for _ in range(2)] == [1, 0]
        for path in ("/customers", "/live", "/tasks.csv"):
            assert (await http.get(f"{other.url}{path}")).status == 401, path
        assert (await http.post(f"{other.url}/sign-out", data=form)).status == 401
        assert (await somebody.get(f"{other.url}/customers")).status == 200


async def test_a_sign_out_that_cannot_be_recorded_says_so_and_holds_here(postgres: str) -> None:
    published = Published(away=True)
    async with (
        serving(postgres, acting=published.acting()) as site,
        aiohttp.ClientSession(headers=header(CSM)) as http,
    ):
        answer = await http.post(f"{site.url}/sign-out", data={"csrf": CSRF}, allow_redirects=False)
        assert answer.headers["Location"] == "/signed-out?here=1"
        async with aiohttp.ClientSession() as nobody:
            text = await (await nobody.get(f"{site.url}/signed-out?here=1")).text()
        assert "could not be recorded" in text
        assert (await http.get(f"{site.url}/customers")).status == 401
