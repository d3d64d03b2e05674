"""The operators' page, over a stand-in for Kafka and the processes, without a database."""

import httpx2
import pytest

from schemas.action import ActionKind
from tests.acting import Published
from tests.operations import HOSTILE, FakeOperations
from tests.signed_in import CSRF, KEY, OPERATOR, header
from web.app import build
from web.signin.pages import SignIn
from web.signin.session import Cookies


def _client(operations: FakeOperations, published: Published | None = None) -> httpx2.AsyncClient:
    app = build(
        "postgresql://nobody@127.0.0.1:9/none",
        sign_in=SignIn(Cookies(KEY)),
        acting=published.acting() if published else None,
        operations=operations,
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1", headers=header(OPERATOR)
    )


async def test_it_shows_everything_even_without_postgres() -> None:
    async with _client(FakeOperations()) as client:
        answer = await client.get("/operators")
    assert answer.status_code == 200
    page = answer.text
    for said in ("1.2.3", "events 12.3", "not ready", "postgres: away", "1,234", "csat-events[1]@42", "default 1"):
        assert said in page
    assert "The database is not connected yet." in page
    assert HOSTILE not in page
    assert page.count("Replay all 1") == 2, "one of each list"
    assert (
        page.index("Answers of unknown customers") < page.index("ticket T-8: no account") < page.index("Dead letters")
    )
    assert "replayed by olga@csatwatch.example" in page
    assert "A link for another browser" not in page, "people sign in with a provider here"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("processes", "store,http://b:1,postgres: away"),
        ("lag", "detect,csat-events,1234"),
        ("dead-letters", "csat-events[1]@42"),
    ],
)
async def test_each_table_is_a_file(table: str, said: str) -> None:
    async with _client(FakeOperations()) as client:
        answer = await client.get(f"/operators/{table}.csv")
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert said in answer.text
        assert (await client.get("/operators/secrets.csv")).status_code == 404


async def test_a_dead_letter_is_replayed_by_who_asked() -> None:
    operations, published = FakeOperations(), Published()
    async with _client(operations, published) as client:
        for letter in ("0:7", "all"):
            answer = await client.post("/operators/replay", data={"csrf": CSRF, "letter": letter})
            assert (answer.status_code, answer.headers["location"]) == (303, "/operators?replayed=1")
        assert "Replayed: 1." in (await client.get("/operators?replayed=1")).text
        assert "<b>" not in (await client.get("/operators?replayed=<b>")).text
        for wrong in ("", "7", "0:x", "0:7:1", "../x"):
            answer = await client.post("/operators/replay", data={"csrf": CSRF, "letter": wrong})
            assert answer.status_code == 400, wrong
    assert operations.asked == [(["0:7"], OPERATOR.email), (None, OPERATOR.email)]
    assert [(each.kind, each.by, each.letter) for each in published.system] == [
        (ActionKind.REPLAY_REQUESTED, OPERATOR.email, "0:7"),
        (ActionKind.REPLAY_REQUESTED, OPERATOR.email, "all"),
    ]
    assert operations.asked_waiting == 0


async def test_answers_of_unknown_customers_are_replayed_apart() -> None:
    operations = FakeOperations()
    async with _client(operations) as client:
        await client.post("/operators/replay", data={"csrf": CSRF, "letter": "waiting"})
        assert (operations.asked, operations.asked_waiting) == ([(None, OPERATOR.email)], 1)
        customer = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
        answer = await client.post(
            "/operators/replay", data={"csrf": CSRF, "letter": "0:8", "customer": f" {customer.upper()} "}
        )
        assert (answer.status_code, operations.customers) == (303, [None, customer])
        for letter, wrong in (("0:8", "ACME"), ("waiting", customer), ("all", customer)):
            answer = await client.post("/operators/replay", data={"csrf": CSRF, "letter": letter, "customer": wrong})
            assert answer.status_code == 400


async def test_nothing_is_replayed_that_cannot_be_recorded() -> None:
    operations, published = FakeOperations(), Published(away=True)
    async with _client(operations, published) as client:
        answer = await client.post("/operators/replay", data={"csrf": CSRF, "letter": "all"})
        assert answer.status_code == 503
    assert operations.asked == []


async def test_kafka_away_is_said() -> None:
    async with _client(FakeOperations(away="127.0.0.1:9 does not answer")) as client:
        assert "127.0.0.1:9 does not answer" in (await client.get("/operators")).text
        answer = await client.post("/operators/replay", data={"csrf": CSRF, "letter": "all"})
        assert answer.status_code == 503
        assert "Nothing is lost" in answer.text
