"""What each answer of a task system means for the step, and that a task is there once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from schemas import signature
from schemas.action import ActionKind
from schemas.alert import Status
from schemas.delivery import Sink
from schemas.life import Deed, Life
from sinks.base import Permanent, Retriable, SendError
from sinks.tasks import Jira, Linear, TaskSystem, Webhook
from sinks.tasks.card import Card, State, card
from sinks.tasks.system import Filed
from tests.alerts import AT, alert
from tests.deliveries import delivery
from tests.servers import fake_jira, fake_linear
from tests.servers.fake_http import FakeHttp, Said
from tests.servers.fake_jira import FakeJira
from tests.servers.fake_linear import FakeLinear
from tests.servers.fake_receiver import SECRET, FakeReceiver
from tests.servers.slack_faults import Fault, Kind

TIMEOUT = 0.3
HOSTILE = "*bold* [x](javascript:alert(1)) <@U1> <!channel>\n\n\u202e" + "x" * 10_000
CREATE = {"jira": "POST /issue", "linear": "Create", "webhook": "POST"}
SECRETS = (fake_jira.TOKEN, fake_linear.TOKEN, SECRET)


@dataclass
class Wired:
    """A task system on its fake."""

    system: TaskSystem
    fake: FakeHttp

    @property
    def tasks(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = getattr(self.fake, "issues", None) or getattr(self.fake, "tasks", {})
        return found

    @property
    def create(self) -> str:
        return CREATE[self.system.name]

    def state(self) -> str:
        """Of the only task."""
        (task,) = self.tasks.values()
        if isinstance(task, fake_jira.Issue):
            return "done" if task.category == "done" else "open"
        if isinstance(task, fake_linear.Issue):
            return {"completed": "done", "canceled": "cancelled"}.get(task.state, "open")
        return str(task["state"])

    def title(self) -> str:
        (task,) = self.tasks.values()
        if isinstance(task, dict):
            return str(task["title"])
        return str(task.fields.get("summary") or task.fields.get("title"))


def task(**changes: Any) -> Card:
    return card(delivery(alert(**changes), sink=Sink.TASKS, step="w/create_task"))


@pytest.fixture(params=["jira", "linear", "webhook"])
async def wired(request: pytest.FixtureRequest) -> AsyncIterator[Wired]:
    fakes = {"jira": FakeJira, "linear": FakeLinear, "webhook": FakeReceiver}
    fake: FakeHttp = fakes[request.param]()
    async with fake.running(), aiohttp.ClientSession() as session:
        yield Wired(made(request.param, session, fake), fake)


def made(name: str, session: aiohttp.ClientSession, fake: FakeHttp, *, token: str | None = None) -> TaskSystem:
    if name == "jira":
        return Jira(
            session,
            url=fake.url + "/",
            user=fake_jira.USER,
            token=token or fake_jira.TOKEN,
            project=fake_jira.PROJECT,
            timeout=TIMEOUT,
        )
    if name == "linear":
        url = fake.url + "/graphql"
        return Linear(session, token=token or fake_linear.TOKEN, team=fake_linear.TEAM, url=url, timeout=TIMEOUT)
    return Webhook(session, url=fake.url + "/hook", secret=signature.key(SECRET), timeout=TIMEOUT)


async def put(wired: Wired, what: Card, known: str | None = None, *, uncertain: bool = False) -> Filed:
    filed = await wired.system.put(what, known, uncertain=uncertain)
    assert filed is not None
    return filed


async def failing(wired: Wired, what: Card, known: str | None = None) -> SendError:
    with pytest.raises(SendError) as failed:
        await wired.system.put(what, known, uncertain=False)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    assert not any(secret in str(failed.value) for secret in SECRETS)
    assert "Took too long" not in str(failed.value)
    assert wired.fake.url.removeprefix("http://") not in str(failed.value)
    return failed.value


async def test_a_task_is_opened_and_named(wired: Wired) -> None:
    filed = await put(wired, task())
    assert wired.state() == "open"
    assert wired.title() == "Follow up: GlobalTech"
    assert filed.url
    assert filed.url.startswith("http")


async def test_a_revision_changes_the_same_task(wired: Wired) -> None:
    filed = await put(wired, task())
    changed = replace(task(revision=2, status=Status.UPDATED), title="Another title")
    again = await put(wired, changed, filed.external_id)
    assert again.external_id == filed.external_id
    assert len(wired.tasks) == 1
    assert wired.title() == "Another title"


async def test_a_follow_up_closes_it_and_a_repeat_is_harmless(wired: Wired) -> None:
    filed = await put(wired, task())
    done = replace(task(), state=State.DONE, why="Followed up.")
    for _ in range(2):
        await put(wired, done, filed.external_id)
    assert wired.state() == "done"
    comments = [comment for each in wired.tasks.values() for comment in getattr(each, "comments", ())]
    assert len(comments) <= 1


async def test_a_retraction_ends_what_is_there_and_opens_nothing(wired: Wired) -> None:
    over = task(status=Status.RETRACTED, revision=2)
    assert over.state is State.CANCELLED
    assert await wired.system.put(over, None, uncertain=False) is None
    assert wired.tasks == {}
    filed = await put(wired, task())
    await put(wired, over, filed.external_id)
    assert wired.state() in {"done", "cancelled"}
    back = task(status=Status.UPDATED, revision=3)
    await put(wired, replace(back, reopened=True), filed.external_id)
    assert wired.state() == "open"


async def test_what_a_person_closed_stays_closed(wired: Wired) -> None:
    filed = await put(wired, task())
    if isinstance(wired.fake, FakeJira | FakeLinear):
        wired.fake.close(filed.external_id)
        await put(wired, task(revision=2, status=Status.UPDATED), filed.external_id)
        assert wired.state() == "done"
        found = await wired.system.closed(datetime.now(UTC) - timedelta(minutes=5))
        assert [each.external_id for each in found] == [filed.external_id]
        assert found[0].at.tzinfo is not None
    else:
        assert await wired.system.closed(AT) == ()


async def test_what_was_closed_is_read_page_by_page(wired: Wired) -> None:
    if not isinstance(wired.fake, FakeJira | FakeLinear):
        return
    ids = [(await put(wired, task(response=f"r{number}"))).external_id for number in range(3)]
    for each in ids[:2]:
        wired.fake.close(each)
    if isinstance(wired.fake, FakeJira):
        wired.fake.page = 1
    found = await wired.system.closed(datetime.now(UTC) - timedelta(minutes=5))
    assert sorted(each.external_id for each in found) == sorted(ids[:2])


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.DROPPED, Kind.HANG, Kind.SERVER_ERROR])
async def test_a_try_without_an_answer_is_found_again(wired: Wired, kind: Kind) -> None:
    wired.fake.faults.next(wired.create, Fault(kind))
    error = await failing(wired, task())
    assert isinstance(error, Retriable)
    assert error.uncertain
    assert len(wired.tasks) == (1 if kind is Kind.LOST else 0)
    filed = await put(wired, task(), uncertain=True)
    assert len(wired.tasks) == 1
    assert filed.external_id


async def test_a_rate_limit_says_how_long_and_nothing_was_done(wired: Wired) -> None:
    wired.fake.faults.next(wired.create, Fault(Kind.RATE_LIMITED, retry_after=7))
    error = await failing(wired, task())
    assert isinstance(error, Retriable)
    assert (error.after, error.uncertain, error.counts) == (7.0, False, False)
    assert wired.tasks == {}


async def test_each_task_is_there_once_whatever_goes_wrong(wired: Wired) -> None:
    kinds = [Fault(Kind.RATE_LIMITED, retry_after=0), *map(Fault, (Kind.SERVER_ERROR, Kind.LOST, Kind.DROPPED))]
    names = ("POST /issue", "POST /search/jql", "PUT /issue/KEY", "Create", "Issue", "Update", "POST", "Team", "User")
    wired.fake.faults.at_random(11, 0.3, kinds, names)

    async def file(number: int) -> str:
        uncertain = False
        for _ in range(60):
            try:
                filed = await wired.system.put(task(response=f"r{number}"), None, uncertain=uncertain)
            except Retriable as error:
                uncertain = uncertain or error.uncertain
            else:
                assert filed
                return filed.external_id
        raise AssertionError

    ids = await asyncio.gather(*(file(number) for number in range(15)))
    assert len(wired.tasks) == 15
    if not isinstance(wired.fake, FakeReceiver):
        assert len(set(ids)) == 15
    assert any(call for call in wired.fake.calls)


async def test_a_system_that_is_away_is_tried_again(wired: Wired) -> None:
    async with aiohttp.ClientSession() as session:
        gone = FakeReceiver()
        async with gone.running():
            pass
        system = made(wired.system.name, session, gone)
        error = await failing(Wired(system, gone), task())
    assert isinstance(error, Retriable)
    assert (error.away, error.uncertain) == (True, False)


async def test_a_refused_token_waits_for_the_operator(wired: Wired) -> None:
    if wired.system.name == "webhook":
        return
    async with aiohttp.ClientSession() as session:
        system = made(wired.system.name, session, wired.fake, token="wrong-token")
        error = await failing(Wired(system, wired.fake), task())
    assert isinstance(error, Retriable)
    assert error.after == 60.0
    assert "wrong-token" not in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 422])
async def test_what_no_repeat_mends_fails(wired: Wired, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    async def refuse(_: object) -> Said:
        return Said(status, {"errorMessages": ["Took too long"]}, {"Location": "http://127.0.0.1:1/elsewhere"})

    monkeypatch.setattr(wired.fake, "answer", refuse)
    error = await failing(wired, task())
    if wired.system.name == "linear" and status == 400:
        assert isinstance(error, Retriable)
    else:
        assert isinstance(error, Permanent)
    assert len(wired.fake.calls) <= 2


async def test_hostile_words_are_words(wired: Wired) -> None:
    await put(wired, task(feedback=HOSTILE))
    (sent,) = wired.fake.named(wired.create)
    text = sent.raw.decode()
    assert len(text) < 8_000
    assert "\\u202e" not in text
    assert "\u202e" not in text
    if wired.system.name == "linear":
        description = sent.body["variables"]["input"]["description"]
        assert "[x]" not in description
        assert "\\*bold\\*" in description


async def test_a_task_without_anything_known(wired: Wired) -> None:
    await put(wired, task(customer=None, feedback=None, ticket={"ticket_id": "1"}))
    assert "None" not in wired.fake.named(wired.create)[0].raw.decode()


def test_a_task_is_the_same_one_whenever_it_is_made() -> None:
    assert task() == task()
    assert task().task_id != task(response="other").task_id


def test_what_people_did_decides_over_the_alert() -> None:
    deed = Deed(ActionKind.FOLLOWED_UP, "ana@example.com", AT)
    followed = delivery(alert(), sink=Sink.TASKS, life=Life((deed,)))
    assert card(followed).state is State.DONE
    seen = delivery(alert(), sink=Sink.TASKS, life=Life((replace(deed, kind=ActionKind.ACKNOWLEDGED),)))
    assert card(seen).state is State.OPEN


async def test_without_looking_first_there_would_be_two_issues(wired: Wired) -> None:
    """Shows that the tests above can fail."""
    if not isinstance(wired.fake, FakeJira):
        return
    wired.fake.faults.next(wired.create, Fault(Kind.LOST))
    await failing(wired, task())
    await put(wired, task(), uncertain=False)
    assert len(wired.tasks) == 2
    await put(wired, task(), uncertain=True)
    assert len(wired.tasks) == 1


async def test_what_a_projects_screens_lack_is_left_out(wired: Wired) -> None:
    if not isinstance(wired.fake, FakeJira):
        return
    wired.fake.refused = {"priority", "duedate"}
    filed = await put(wired, task())
    assert set(wired.fake.issues[filed.external_id].fields).isdisjoint(wired.fake.refused)
    wired.fake.refused = {"summary"}
    error = await failing(wired, task(response="other"))
    assert str(error) == "jira: HTTP 400: refuses summary"


async def test_the_owner_is_who_the_system_knows_by_the_address(wired: Wired) -> None:
    await put(wired, task())
    if isinstance(wired.fake, FakeJira):
        assert next(iter(wired.fake.issues.values())).fields["assignee"] == {"accountId": "account-ana"}
    elif isinstance(wired.fake, FakeLinear):
        assert next(iter(wired.fake.issues.values())).fields["assigneeId"] == "user-ana"
    else:
        assert next(iter(wired.tasks.values()))["owner_email"] == "ana@example.com"


async def test_linears_errors_are_known_by_their_type_alone(wired: Wired) -> None:
    if not isinstance(wired.fake, FakeLinear):
        return
    wired.fake.bare = True
    await put(wired, task(), uncertain=True)  # it is asked for, and not there
    await put(wired, task())  # its id is taken
    assert len(wired.fake.issues) == 1
    wired.fake.limited = 1
    error = await failing(wired, task(response="other"))
    assert isinstance(error, Retriable)
    assert not error.counts


async def test_linears_own_rate_limit_is_honoured(wired: Wired) -> None:
    if not isinstance(wired.fake, FakeLinear):
        return
    wired.fake.limited = 1
    error = await failing(wired, task())
    assert isinstance(error, Retriable)
    assert 1 <= (error.after or 0) <= 7
    assert not error.counts
