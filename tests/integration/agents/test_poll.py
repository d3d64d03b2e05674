"""`csatwatch poll` against the sources' APIs, page by page, with their faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner

from agents.cli import program
from agents.polls import POLLS, Api
from schemas.event import CsatReceived
from sinks.backoff import Backoff
from sinks.base import Permanent, Retriable
from sinks.postgres import queries
from streams.topology import DEAD_LETTERS, EVENTS
from tests.servers.fake_http import Call, Said
from tests.servers.fake_sources import TOKEN, USER, FakeSources
from tests.servers.slack_faults import Fault, Kind
from tests.servers.topics import create_topics, read_all
from tests.sources import CUSTOMER, answers, body

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

WORDS = "my own words"
NOW = datetime.now(UTC).replace(microsecond=0)
RATINGS = "GET /api/v2/satisfaction_ratings.json"


def _iso(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unix(hours: float) -> int:
    return int((NOW - timedelta(hours=hours)).timestamp())


def _three(source: str) -> list[dict[str, Any]]:
    """Three answers of the last hours, as the source's API says them: two pages of them."""
    match source:
        case "zendesk":
            said = body("zendesk", "record")["satisfaction_ratings"][0]
            return [
                said | {"ticket_id": n, "score": "bad", "comment": WORDS, "created_at": _iso(n), "updated_at": _iso(n)}
                for n in (1, 2, 3)
            ]
        case "freshdesk":
            said = body("freshdesk", "record")[0]
            return [
                said | {"id": n, "ticket_id": n, "feedback": WORDS, "created_at": _iso(n), "updated_at": _iso(n)}
                for n in (1, 2, 3)
            ]
        case "intercom":
            said = body("intercom", "record")["conversations"][0]
            rating = said["conversation_rating"] | {"remark": WORDS}
            return [said | {"id": str(n), "conversation_rating": rating | {"updated_at": _unix(n)}} for n in (1, 2, 3)]
        case "chatwoot":
            said = body("chatwoot", "record")[0]
            return [said | {"message_id": n, "feedback_message": WORDS, "created_at": _unix(n)} for n in (1, 2, 3)]
    said = body("formbricks", "record")["data"][0]
    return [said | {"id": f"r{n}", "createdAt": _iso(n), "updatedAt": _iso(n)} for n in (1, 2, 3)]


_BESIDE: Mapping[str, Any] = {
    "/api/v2/tickets/show_many.json": {
        "tickets": [{"id": n, "subject": f"Ticket {n}", "organization_id": 5} for n in (1, 2, 3)],
        "users": [{"id": 7881, "name": "Rosa Ruiz", "email": "rosa@globaltech.example"}],
        "organizations": [{"id": 5, "external_id": CUSTOMER}],
    },
    **{
        f"/api/v2/tickets/{n}": {
            "subject": f"Ticket {n}",
            "type": "Billing",
            "company_id": 8,
            "requester": {"name": "Rosa Ruiz", "email": "rosa@globaltech.example"},
        }
        for n in (1, 2, 3)
    },
    "/api/v2/companies/8": {"id": 8, "custom_fields": {"csatwatch_customer_id": CUSTOMER}},
}


@dataclass(frozen=True, slots=True)
class House:
    """The sources' APIs, a Kafka and a database."""

    vendor: FakeSources
    kafka: "KafkaServer"
    prefix: str
    settings: dict[str, str]
    database: asyncpg.Connection

    async def poll(self, source: str, *arguments: str, code: int = 0) -> str:
        runner = CliRunner(env=self.settings)
        done = await asyncio.to_thread(runner.invoke, program, ["poll", source, *arguments], prog_name="csatwatch")
        assert done.exit_code == code, (done.output, done.exception)
        assert WORDS not in done.output
        assert TOKEN not in done.output
        return done.output

    async def events(self) -> list[CsatReceived]:
        return [CsatReceived.from_json(each.value or b"") for each in await self.read(EVENTS)]

    async def read(self, topic: str) -> list[Any]:
        return list(await read_all(self.kafka.bootstrap, self.prefix + topic))

    async def read_to(self, source: str) -> datetime | None:
        found: datetime | None = await self.database.fetchval(queries("sources")["read_to"], source)
        return found


@pytest.fixture
async def house(kafka: "KafkaServer", topic_prefix: str, postgres: str) -> AsyncIterator[House]:
    await create_topics(kafka.bootstrap, {topic_prefix + name: 1 for name in (EVENTS, DEAD_LETTERS)})
    database = await asyncpg.connect(postgres)
    vendor = FakeSources()
    vendor.beside = dict(_BESIDE)
    async with vendor.running():
        settings = {
            "CSATWATCH_KAFKA_URL": kafka.url,
            "CSATWATCH_TOPIC_PREFIX": topic_prefix,
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_SOURCE_ZENDESK_USER": USER,
            **{f"CSATWATCH_SOURCE_{name.upper()}_URL": vendor.url for name in POLLS},
            **{f"CSATWATCH_SOURCE_{name.upper()}_TOKEN": TOKEN for name in POLLS},
            "CSATWATCH_SOURCE_CHATWOOT_URL": f"{vendor.url}/api/v1/accounts/1",
        }
        yield House(vendor, kafka, topic_prefix, settings, database)
    await database.close()


async def test_every_source_is_read_to_its_end_and_what_is_known_is_left_alone(house: House) -> None:
    for source in POLLS:
        house.vendor.ratings[source] = _three(source)
        said = await house.poll(source)
        assert f"{source}: 3 answers since" in said
        assert "3 published, 0 known already, 0 wait" in said
    events = await house.events()
    assert len(events) == 3 * len(POLLS)
    assert {each.customer_id for each in events} == {CUSTOMER}
    by_survey = {each.survey: each for each in events}
    assert len(by_survey) == len(events)
    zendesk, freshdesk = by_survey["zendesk-2"], by_survey["freshdesk-2"]
    assert (zendesk.ticket_subject, zendesk.rating, zendesk.feedback) == ("Ticket 2", 1, WORDS)
    assert (freshdesk.ticket_subject, freshdesk.rating) == ("Ticket 2", 5)
    assert freshdesk.ticket_url == f"{house.vendor.url}/a/tickets/2"
    assert zendesk.contact is not None
    assert zendesk.contact.email == "rosa@globaltech.example"

    # As store has them by now, but for one that was lost on its way.
    await house.database.execute("insert into customers (customer_id) values ($1)", CUSTOMER)
    for each in events:
        if each.survey != "zendesk-2":
            await _store(house.database, each)
    assert "1 published, 2 known already" in await house.poll("zendesk")
    assert "0 published, 3 known already" in await house.poll("intercom")
    assert (await house.events())[-1] == zendesk


async def _store(database: asyncpg.Connection, event: CsatReceived) -> None:
    await database.execute(
        "insert into tickets (customer_id, ticket_id) values ($1, $2) on conflict do nothing",
        event.customer_id,
        event.ticket_id,
    )
    await database.execute(
        "insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, responded_at) "
        "values ($1, $2, $3, $4, $5, $6)",
        event.customer_id,
        event.survey,
        event.event_id,
        event.ticket_id,
        event.rating,
        event.responded_at,
    )


async def test_it_goes_on_a_day_behind_where_it_was(house: House) -> None:
    house.vendor.ratings["zendesk"] = _three("zendesk")
    begun = datetime.now(UTC)
    await house.poll("zendesk")
    read_to = await house.read_to("zendesk")
    assert read_to is not None
    assert read_to >= begun
    await house.poll("zendesk")
    await house.poll("zendesk", "--since", _iso(2.5))
    calls = [call for call in house.vendor.named(RATINGS) if "page[after]" not in call.query]
    first, second, asked = (int(call.query["start_time"]) for call in calls)
    assert first == pytest.approx(int((begun - timedelta(days=7)).timestamp()), abs=60)
    assert second == int((read_to - timedelta(days=1)).timestamp())
    assert asked == _unix(2.5)
    assert "must be RFC 3339" in await house.poll("zendesk", "--since", "yesterday", code=2)
    assert "must be RFC 3339" in await house.poll("zendesk", "--since", "2026-01-01", code=2)


async def test_the_same_answer_is_one_by_webhook_and_by_poll(house: House) -> None:
    (webhook,) = answers("intercom", "webhook")
    house.vendor.ratings["intercom"] = body("intercom", "record")["conversations"][:1]
    await house.poll("intercom", "--since", "2026-05-01T00:00:00Z")
    (event,) = await house.events()
    assert event == webhook.event(CUSTOMER).model_copy(update={"ticket_url": event.ticket_url})


async def test_what_goes_wrong_for_a_while_is_waited_for(house: House) -> None:
    house.vendor.ratings["zendesk"] = _three("zendesk")
    for kind in (Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.DROPPED):
        house.vendor.faults.next(RATINGS, Fault(kind, retry_after=0))
    said = await house.poll("zendesk")
    assert "zendesk: rate limited: once more in" in said
    assert "zendesk: HTTP 500: once more in" in said
    assert "3 published" in said
    assert len(await house.events()) == 3


async def test_one_at_a_time(house: House) -> None:
    house.vendor.ratings["zendesk"] = house.vendor.ratings["chatwoot"] = []
    assert await house.database.fetchval(queries("sources")["begin_poll"], "zendesk")
    assert "another csatwatch poll zendesk is running" in await house.poll("zendesk", code=1)
    assert "0 answers" in await house.poll("chatwoot"), "of each source"
    assert await house.read_to("zendesk") is None


async def test_a_poll_that_fails_begins_again_where_it_began(house: House) -> None:
    house.vendor.ratings["zendesk"] = _three("zendesk")
    settings = house.settings
    settings["CSATWATCH_SOURCE_ZENDESK_TOKEN"] = "another"
    said = await house.poll("zendesk", code=1)
    assert "zendesk: HTTP 401: mend CSATWATCH_SOURCE_ZENDESK_TOKEN" in said
    assert "Nothing is lost" in said
    assert await house.read_to("zendesk") is None
    for missing in ("URL", "TOKEN"):
        settings.pop(f"CSATWATCH_SOURCE_ZENDESK_{missing}")
        assert f"CSATWATCH_SOURCE_ZENDESK_{missing} is not set: set it" in await house.poll("zendesk", code=2)
        settings[f"CSATWATCH_SOURCE_ZENDESK_{missing}"] = house.vendor.url
    assert "SOURCE is 'survey': it must be one of chatwoot" in await house.poll("survey", code=2)


async def test_an_answer_of_nobody_known_waits_once_however_often_it_is_polled(house: House) -> None:
    house.vendor.ratings["zendesk"] = _three("zendesk")
    house.vendor.beside.clear()
    assert "3 wait for their customer" in await house.poll("zendesk")
    assert "3 known already, 0 wait" in await house.poll("zendesk")
    letters = await house.read(DEAD_LETTERS)
    assert len(letters) == 3
    assert {each.header("csatwatch-source") for each in letters} == {b"zendesk"}
    assert "customer_id" not in json.loads(letters[0].value)


async def test_what_cannot_be_read_is_said_and_the_rest_is_published(house: House) -> None:
    good, bad, _ = _three("zendesk")
    house.vendor.ratings["zendesk"] = [good, bad | {"ticket_id": None}]
    said = await house.poll("zendesk", code=1)
    assert "1 published" in said
    assert "response is missing: nothing usable stands at ticket_id" in said
    assert "csatwatch poll zendesk --since" in said


class TestApi:
    """One API's calls."""

    async def test_it_never_hangs_and_is_never_led_elsewhere(self) -> None:
        async with FakeSources().running() as vendor, aiohttp.ClientSession() as http:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            api = Api(http, "zendesk", vendor.url, headers, timeout=0.2, backoff=Backoff(0.01, 0.01, 2))
            vendor.faults.next("GET /slow", Fault(Kind.HANG), times=2)
            with pytest.raises(Retriable, match=r"zendesk: no answer within 0\.2 s"):
                await api.get("/slow")
            assert len(vendor.named("GET /slow")) == 2
            assert await api.get("/nothing", missing=True) is None
            with pytest.raises(Permanent, match="zendesk: HTTP 404"):
                await api.get("/nothing")

    async def test_a_redirect_and_a_page_that_is_none_are_failures(self) -> None:
        class Leading(FakeSources):
            async def answer(self, call: Call) -> Said:
                if call.path == "/large":
                    return Said(200, {"text": "x" * (33 << 20)})
                return Said(302, None, {"Location": f"{self.url}/elsewhere"})

        async with Leading().running() as vendor, aiohttp.ClientSession() as http:
            api = Api(http, "zendesk", vendor.url, {}, backoff=Backoff(0.01, 0.01, 1))
            with pytest.raises(Permanent, match="zendesk: HTTP 302"):
                await api.get("/away")
            assert vendor.named("GET /elsewhere") == []
            with pytest.raises(Retriable, match="an answer is no JSON"):
                await api.get("/large")
