"""No CSM gets at another's accounts, whatever address or form they send: every route, with the other's ids in it."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest
from starlette.routing import Mount, Route

from schemas.alert import Alert
from schemas.event import Contact, Ticket
from tests.acting import Published
from tests.integration.web.conftest import Site, serving
from tests.integration.web.rows import Rows, customer, globaltech, poor_rating
from tests.operations import FakeOperations
from tests.servers.wait import until
from tests.signed_in import CSRF, KEY, OPERATOR, header
from web.app import build
from web.doing import STEPS
from web.signin.link import OneTimeLink
from web.signin.pages import SignIn
from web.signin.rights import ACCESS
from web.signin.session import Cookies
from web.viewer import Role, Viewer

_NOW = datetime.now(UTC).replace(microsecond=0)
_MARIA = Viewer("maria@example.com", "Maria Santos", Role.CSM)
_JONAS = Viewer("jonas@example.com", "Jonas Weber", Role.CSM)
_THEIRS = customer("Wintermute Ltd", csm="Jonas Weber", tier="enterprise")
_WORDS = "Nobody called me back about the invoice"
_DRAFT = "the words of the draft"
_SECRETS = (
    "Wintermute",
    "wintermute",
    _WORDS,
    "Ottoline Ashdown",
    "ottoline@wintermute.example",
    _DRAFT,
    "TKT-THEIRS",
)
_ASKING = (
    "",
    "csm=jonas@example.com",
    "owner=jonas@example.com",
    "q=Wintermute",
    "show=all",
    "status=done",
    "status=cancelled",
    "status=alerts",
    "tier=enterprise",
    f"before={(_NOW + timedelta(days=1)).isoformat().replace('+', '%2B')}~ffffffff-ffff-ffff-ffff-ffffffffffff",
)
"""Queries that choose something; what a page does not know it leaves."""


@dataclass(frozen=True, slots=True)
class House:
    """The pages, with Maria's account and Jonas's; `alert` is on his."""

    site: Site
    alert: Alert
    published: Published


@pytest.fixture
async def house(postgres: str, rows: Rows) -> AsyncIterator[House]:
    await rows.alert(globaltech(_NOW))
    contact = Contact(name="Ottoline Ashdown", email="ottoline@wintermute.example")
    ticket = Ticket(ticket_id="TKT-THEIRS", ticket_subject="the invoice", ticket_category="Billing")
    alert = poor_rating(_THEIRS, ticket, at=_NOW, feedback=_WORDS, contact=contact)
    await rows.account(_THEIRS)
    await rows.rating(_THEIRS.customer_id, ticket, 1, _NOW, _WORDS)
    await rows.alert(alert)
    await rows.delivered(alert)
    await rows.settle(alert, "notify_csm", "failed")
    await rows.connection.execute("update email_drafts set body = $1 where alert_id = $2", _DRAFT, str(alert.alert_id))
    published = Published()
    async with serving(postgres, acting=published.acting()) as site:
        yield House(site, alert, published)


def _addresses(alert: Alert) -> Iterator[tuple[str, str]]:
    """The method and an address of every route, with the ids of what is another's in it."""
    ids = {
        "customer_id": _THEIRS.customer_id,
        "alert_id": str(alert.alert_id),
        "month": f"{_NOW:%Y-%m}",
        "table": "done",
    }
    app = build("postgresql://nobody@127.0.0.1:9/none", acting=Published().acting(), operations=FakeOperations())
    for route in app.routes:
        if isinstance(route, Mount) or route.name in {"live", "sign_out"}:  # type: ignore[attr-defined]
            continue
        assert isinstance(route, Route)
        path = route.path
        for name, value in ids.items():
            path = path.replace(f"{{{name}:uuid}}", value).replace(f"{{{name}}}", value)
        for step in STEPS if "{step}" in path else ("",):
            full = path.replace("{step}", step)
            assert "{" not in full, f"{route.name} takes something that this test does not know"
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, full


async def test_by_no_address_does_a_csm_see_anything_of_anothers(house: House) -> None:
    seen_by_jonas: set[str] = set()
    async with AsyncExitStack() as stack:
        maria, jonas = [
            await stack.enter_async_context(aiohttp.ClientSession(house.site.url, headers=header(viewer)))
            for viewer in (_MARIA, _JONAS)
        ]
        for path in [path for method, path in _addresses(house.alert) if method == "GET"]:
            for asking in _ASKING:
                address = f"{path}?{asking}" if asking else path
                async with maria.get(address, allow_redirects=False) as answer:
                    text = await answer.text()
                # What she asked for may be said back to her.
                text = text.replace("q=Wintermute", "").replace('value="Wintermute"', "").replace("“Wintermute”", "")
                assert [secret for secret in _SECRETS if secret in text] == [], address
                if _THEIRS.customer_id in path or str(house.alert.alert_id) in path:
                    assert answer.status in {403, 404}, address
                async with jonas.get(address, allow_redirects=False) as answer:
                    text = await answer.text()
                    seen_by_jonas |= {secret for secret in _SECRETS if answer.status == 200 and secret in text}
    assert seen_by_jonas == set(_SECRETS), "he sees all of it, so there is something not to see"


async def test_by_no_form_does_a_csm_do_anything_to_anothers(house: House) -> None:
    forms = [path for method, path in _addresses(house.alert) if method == "POST"]
    given = {
        "csrf": CSRF,
        "form_id": "00000000-0000-0000-0000-000000000009",
        "alert_id": str(house.alert.alert_id),
        "step": "support_satisfaction_response/notify_csm",
        "subject": "Hello",
        "body": "Words",
        "letter": "all",
    }
    async with aiohttp.ClientSession(house.site.url, headers=header(_MARIA)) as maria:
        for path in forms:
            async with maria.post(path, data=given, allow_redirects=False) as answer:
                told = answer.headers.get("Location", "")
                assert answer.status in {403, 404} or told == "/deliveries?said=not", (path, answer.status, told)
    assert house.published.actions == []
    async with aiohttp.ClientSession(house.site.url, headers=header(_JONAS)) as jonas:
        path = f"/alerts/{house.alert.alert_id}/acknowledge"
        async with jonas.post(path, data=given, allow_redirects=False) as answer:
            assert answer.status == 303
        async with jonas.post("/deliveries/retry", data=given, allow_redirects=False) as answer:
            assert answer.status == 303
    assert [action.by for action in house.published.actions] == [_JONAS.email] * 2


async def test_nothing_of_anothers_comes_with_the_changes(house: House, rows: Rows) -> None:
    await until(lambda: not house.site.live.position.endswith("-0"), what="live updates are on")
    ids = ("", "?of=all", f"?of={house.alert.alert_id}", f"?of={_THEIRS.customer_id}")
    async with AsyncExitStack() as stack:
        maria = await stack.enter_async_context(aiohttp.ClientSession(house.site.url, headers=header(_MARIA)))
        streams = []
        for asking in ids:
            position = house.site.live.position
            address = f"/live{asking}{'&' if asking else '?'}since={position}"
            streams.append(await stack.enter_async_context(maria.get(address)))
        await rows.settle(house.alert, "notify_csm", "done")
        later = globaltech(_NOW + timedelta(seconds=1), feedback="her own, the last of all")
        await rows.alert(later.model_copy(update={"revision": 2}))
        # What comes to the first stream is in order: once her own is there, his would have been.
        told = b""
        async with asyncio.timeout(20):
            async for line in streams[0].content:
                told += line
                if b"her own, the last of all" in told:
                    break
        for stream in streams[1:]:
            stream.content.feed_eof()
            told += await stream.content.read()
    assert [secret for secret in _SECRETS if secret.encode() in told] == []
    assert str(house.alert.alert_id).encode() not in told


def test_every_role_but_the_csms_sees_all() -> None:
    assert {role.value for role in Role if Viewer("a@b", "A", role).only is None} == {"manager", "operator"}
    assert set(ACCESS.values()) >= set(Role)


async def test_hostile_words_are_harmless_by_every_address(postgres: str, rows: Rows) -> None:
    hostile = '</p><script>alert(1)</script><img src=x onerror="alert(2)">'
    formula = "=HYPERLINK(1)"
    account = customer("Wintermute Ltd", csm="Jonas Weber", tier=formula)
    await rows.account(account)
    for words in (hostile, formula):
        ticket = Ticket(ticket_id=words, ticket_subject=words, ticket_category=words, assignee=words)
        contact = Contact(name=words, email="dana@example.com")
        alert = poor_rating(account, ticket, at=_NOW, feedback=words, contact=contact, reasons=(words,))
        await rows.alert(alert)
        await rows.rating(account.customer_id, ticket, 1, _NOW, words)
        await rows.delivered(alert)
        await rows.action(alert, "useful", words, _NOW, note=words)
    await rows.connection.execute("update customers set name = $1, csm_name = $1", hostile)
    await rows.connection.execute("update tasks set title = $1, owner_email = $1", formula)
    await rows.connection.execute("update tickets set assignee = $1", formula)
    await rows.connection.execute("update email_drafts set subject = $1, body = $1, to_name = $1", hostile)
    await rows.connection.execute("update deliveries set state = 'failed', error = $1 where sink = 'slack'", formula)
    shown: set[str] = set()
    async with (
        serving(postgres, assignees=True) as site,
        aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as http,
    ):
        for path in [path for method, path in _addresses(alert) if method == "GET"]:
            async with http.get(path, allow_redirects=False) as answer:
                text = await answer.text()
                if answer.content_type == "text/csv":
                    for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
                        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))], path
                    shown.add("'=HYPERLINK" if "'=HYPERLINK" in text else "")
                elif answer.content_type == "text/html":
                    assert "<script>alert" not in text, path
                    assert "<img src=x" not in text, path
                    shown |= {part for part in ("&lt;script&gt;", formula) if part in text}
    assert shown >= {"&lt;script&gt;", formula, "'=HYPERLINK"}, "there was something to see"


async def test_whatever_is_sent_off_leaves_a_record_of_who_did_it(postgres: str, rows: Rows) -> None:
    account = customer("Wintermute Ltd", csm="Jonas Weber", support_channel="C0SUPPORT")
    contact = Contact(name="Dana Wu", email="dana@example.com")
    alert = poor_rating(account, Ticket(ticket_id="T-1"), at=_NOW, feedback=_WORDS, contact=contact)
    await rows.account(account)
    await rows.alert(alert)
    await rows.delivered(alert)
    await rows.settle(alert, "notify_csm", "failed")
    published, link = Published(), OneTimeLink()
    given = {
        "csrf": CSRF,
        "alert_id": str(alert.alert_id),
        "step": "support_satisfaction_response/notify_csm",
        "subject": "Hello",
        "body": "Words",
        "starts_at": (_NOW + timedelta(days=3)).isoformat(),
        "minutes": "30",
        "until": "4h",
        "useful": "yes",
        "letter": "all",
    }
    entrance = SignIn(Cookies(KEY), link=link)
    async with (
        serving(postgres, acting=published.acting(), sign_in=entrance) as site,
        aiohttp.ClientSession(site.url, headers=header(OPERATOR)) as http,
    ):
        async with http.get(f"/alerts/{alert.alert_id}/schedule_call") as answer:
            given["starts_at"] = (await answer.text()).partition('<option value="20')[2].partition('"')[0]
            given["starts_at"] = f"20{given['starts_at']}"
        forms = [path for method, path in _addresses(alert) if method == "POST"]
        for number, path in enumerate([*forms, "/sign-in/another", "/sign-out"]):
            before = len(published.actions) + len(published.system)
            sent = given | {"form_id": str(UUID(int=number + 1))}
            async with http.post(path, data=sent, allow_redirects=False) as answer:
                assert answer.status in {200, 303}, (path, answer.status, await answer.text())
            assert len(published.actions) + len(published.system) == before + 1, path
    assert {each.by for each in published.actions} == {each.by for each in published.system} == {OPERATOR.email}
