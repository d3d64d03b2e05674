"""What people do on an alert's page: the forms, and what is published by them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import pytest

from schemas.action import ActionKind
from schemas.event import Contact
from tests.acting import Published
from tests.integration.web.conftest import serving
from tests.integration.web.rows import Rows, globaltech
from tests.signed_in import CSRF, header
from web.viewer import Role, Viewer

_NOW = datetime.now(UTC).replace(microsecond=0)
_MARIA = Viewer("maria@example.com", "Maria Santos", Role.CSM)
_JONAS = Viewer("jonas@example.com", "Jonas Weber", Role.CSM)
_FORM_ID = str(UUID(int=9))


@dataclass(slots=True)
class Desk:
    """Maria before the alert on her account."""

    http: aiohttp.ClientSession
    path: str
    published: Published = field(default_factory=Published)

    async def page(self, step: str, status: int = 200) -> str:
        async with self.http.get(f"{self.path}/{step}") as answer:
            assert answer.status == status
            return await answer.text()

    async def send(self, step: str, status: int = 303, **given: str) -> str:
        form = {"csrf": CSRF, "form_id": _FORM_ID, **given}
        async with self.http.post(f"{self.path}/{step}", data=form, allow_redirects=False) as answer:
            assert answer.status == status, await answer.text()
            return answer.headers.get("Location", "") or await answer.text()


@pytest.fixture
async def desk(postgres: str, rows: Rows) -> AsyncIterator[Desk]:
    alert = globaltech(_NOW, contact=Contact(name="Dana Wu", email="dana@example.com"))
    await rows.alert(alert)
    await rows.delivered(alert)
    published = Published()
    async with (
        serving(postgres, acting=published.acting()) as site,
        aiohttp.ClientSession(site.url, headers=header(_MARIA)) as http,
    ):
        yield Desk(http, f"/alerts/{alert.alert_id}", published)


async def test_what_asks_nothing_is_one_button_and_twice_is_one_action(desk: Desk) -> None:
    for step, kind in (("acknowledge", ActionKind.ACKNOWLEDGED), ("followed_up", ActionKind.FOLLOWED_UP)):
        for _ in range(2):
            assert (await desk.send(step)).startswith(f"{desk.path}?done={step}")
        first, again = desk.published.actions[-2:]
        assert (first.kind, first.by, first.by_name) == (kind, "maria@example.com", "Maria Santos")
        assert first.action_id == again.action_id
    assert "“Acknowledge” is recorded" in await (await desk.http.get(f"{desk.path}?done=acknowledge")).text()


async def test_what_was_done_already_is_said(desk: Desk, rows: Rows) -> None:
    await rows.action(globaltech(_NOW), "acknowledged", "Jonas Weber", _NOW)
    assert "Jonas Weber acknowledged this" in await desk.send("acknowledge", 409)
    assert desk.published.actions == []


async def test_the_draft_is_edited_and_sent_word_for_word_to_whom_it_is_for(desk: Desk) -> None:
    page = await desk.page("send_email")
    for shown in ("Dana Wu (dana@example.com)", "Your support case TKT-2026-4521", "Hello Dana,"):
        assert shown in page
    (version,) = re.findall(r'name="draft_version" value="(\d+)"', page)
    await desk.send(
        "send_email",
        subject="About your case",
        body="Hello,\r\n\r\nsorry.",
        draft_version=version,
        to="eve@evil.example",
    )
    (action,) = desk.published.actions
    assert action.kind is ActionKind.EMAIL_REQUESTED
    assert (action.subject, action.body, action.draft_version) == ("About your case", "Hello,\n\nsorry.", 1)
    assert action.to is not None
    assert (action.to.name, action.to.email) == ("Dana Wu", "dana@example.com")
    await desk.send("send_email", subject="About your case", body="Hello", draft_version=version)
    assert desk.published.actions[1].action_id == action.action_id, "the same form, sent twice"


async def test_what_is_wrong_in_a_form_is_said_and_what_was_written_stays(desk: Desk) -> None:
    page = await desk.send("send_email", 422, body="My own words")
    assert "Write a subject." in page
    assert "My own words" in page
    yesterday = (_NOW - timedelta(days=1)).date().isoformat()
    assert "choose a later day" in await desk.send("snooze", 422, until="4h", date=yesterday)
    assert "Choose a time and a length." in await desk.send("schedule_call", 422, subject="A call")
    assert desk.published.actions == []


async def test_a_call_at_an_offered_time_a_snooze_and_a_judgement(desk: Desk) -> None:
    page = await desk.page("schedule_call")
    at = re.findall(r'<option value="(\d{4}-[^"]+)"', page)[0]
    await desk.send("schedule_call", starts_at=at, minutes="30", subject="A call", place="https://meet.example.com/1")
    await desk.send("snooze", until="4h")
    await desk.send("not_useful", useful="yes", note="Found it myself")
    call, snooze, useful = desk.published.actions
    assert (call.kind, call.starts_at, call.minutes) == (ActionKind.CALL_REQUESTED, datetime.fromisoformat(at), 30)
    assert snooze.snoozed_until is not None
    assert snooze.snoozed_until > _NOW
    assert (useful.kind, useful.note) == (ActionKind.USEFUL, "Found it myself")


async def test_support_is_told_only_where_its_channel_is_known(desk: Desk) -> None:
    assert "names no Slack channel of Support" in await desk.send("coordinate", 409)


async def test_an_alert_that_is_over_cannot_be_acted_on_but_judged(desk: Desk, rows: Rows) -> None:
    await rows.alert(globaltech(_NOW, status="retracted", revision=2))
    assert "This alert is over" in await desk.page("send_email", 409)
    assert "This alert is over" in await desk.send("acknowledge", 409)
    await desk.send("followed_up")
    assert [action.kind for action in desk.published.actions] == [ActionKind.FOLLOWED_UP]


async def test_kafka_away_is_said_and_nothing_that_was_written_is_lost(desk: Desk) -> None:
    desk.published.away = True
    page = await desk.send("send_email", 503, subject="About your case", body="My own words")
    assert "It could not be recorded just now" in page
    assert "My own words" in page
    assert "It could not be recorded just now" in await desk.send("acknowledge", 503)


async def test_another_csms_alert_is_not_there(desk: Desk) -> None:
    for method, step in (("GET", ""), ("GET", "/send_email"), ("POST", "/acknowledge"), ("POST", "/send_email")):
        async with desk.http.request(
            method, f"{desk.path}{step}", data={"csrf": CSRF} if method == "POST" else None, headers=header(_JONAS)
        ) as answer:
            assert answer.status == 404, step
    assert desk.published.actions == []


async def test_a_form_without_the_token_a_step_that_is_none_and_a_form_without_an_id(desk: Desk) -> None:
    async with desk.http.post(f"{desk.path}/acknowledge", data={}) as answer:
        assert answer.status == 403
    await desk.page("dance", 404)
    await desk.send("snooze", 400, form_id="none", until="4h")
    assert desk.published.actions == []
