"""What holds for every survey source: who is let in, what is answered, and that nothing of a customer gets out."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from streams.sources.answer import Answer
from tests.signed_in import KEY
from tests.sources import SECRETS, SOURCES, body, raw, signed
from web.app import build
from web.database import Unavailable
from web.signin.limit import Limit
from web.signin.pages import SignIn
from web.signin.session import Cookies
from web.source_hook import Believed, SourceHook, Taken

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
SIGNED_WITH_TIME = ("zendesk", "chatwoot", "formbricks")


class House:
    """The endpoint behind the pages, and what it took."""

    def __init__(self, limit: Limit | None = None) -> None:
        self.now = NOW
        self.taken: list[Answer] = []
        self.becomes: Taken | Exception = Taken.PUBLISHED
        self.counted: list[str] = []
        hook = SourceHook(
            _believed(), self._take, lambda _, result: self.counted.append(result), lambda: self.now, limit
        )
        app = build("postgresql://nobody@127.0.0.1:9/none", sources=hook.receive, sign_in=SignIn(Cookies(KEY)))
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")

    async def _take(self, answer: Answer) -> Taken:
        if isinstance(self.becomes, Exception):
            raise self.becomes
        self.taken.append(answer)
        return self.becomes

    async def post(
        self, source: str, sent: bytes | None = None, headers: dict[str, str] | None = None, at: datetime = NOW
    ) -> httpx2.Response:
        sent = raw(source, "webhook") if sent is None else sent
        headers = signed(source, sent, at) if headers is None else headers
        return await self.client.post(f"/sources/{source}", content=sent, headers=headers)


def _believed() -> dict[str, Believed]:
    found = {}
    for name, source in SOURCES.items():
        assert source.signature is not None
        assert source.webhook is not None
        found[name] = Believed(source, source.signature, source.webhook, SECRETS[name])
    return found


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    async with made.client:
        yield made


@pytest.mark.parametrize("source", SOURCES)
class TestEverySource:
    async def test_a_signed_answer_is_taken(self, house: House, source: str) -> None:
        answered = await house.post(source)
        assert (answered.status_code, answered.text) == (204, "")
        assert [each.source for each in house.taken] == [source]
        assert house.counted == ["published"]

    async def test_one_that_comes_again_is_the_same_event(self, house: House, source: str) -> None:
        await house.post(source)
        house.now += timedelta(minutes=3)
        await house.post(source, at=house.now)
        first, again = (each.unowned for each in house.taken)
        assert (first.event_id, first.survey, first.rating) == (again.event_id, again.survey, again.rating)

    @pytest.mark.parametrize("secret", ["", "another secret that is long", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"])
    async def test_another_secret_is_refused(self, house: House, source: str, secret: str) -> None:
        sent = raw(source, "webhook")
        wrong = {name: value for name, value in SECRETS.items() if value != secret}
        assert source in wrong
        usable = secret if source != "formbricks" or secret.startswith("whsec_") else "whsec_" + "A" * 32
        headers = signed(source, sent, NOW, usable or "x") if secret else {}
        answered = await house.post(source, sent, headers)
        assert answered.status_code == 401
        assert answered.text.startswith("not signed: ")
        assert SECRETS[source] not in answered.text
        assert (house.taken, house.counted) == ([], ["refused"])

    async def test_a_body_that_was_tampered_with_is_refused(self, house: House, source: str) -> None:
        sent = raw(source, "webhook")
        answered = await house.post(source, sent + b" ", signed(source, sent, NOW))
        # Freshdesk signs nothing: its secret goes over TLS alone.
        assert answered.status_code == (204 if source == "freshdesk" else 401)
        assert len(house.taken) == (source == "freshdesk")

    @pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=-6)])
    async def test_an_old_one_is_refused_where_the_time_is_signed(
        self, house: House, source: str, late: timedelta
    ) -> None:
        answered = await house.post(source, at=NOW - late)
        if source in SIGNED_WITH_TIME:
            assert (answered.status_code, answered.text) == (
                401,
                "not signed: the message is older or newer than 5 minutes",
            )
        else:
            assert answered.status_code == 204

    async def test_signatures_that_are_none_are_refused(self, house: House, source: str) -> None:
        sent = raw(source, "webhook")
        names = [name for name in signed(source, sent, NOW) if "signature" in name.lower() or "secret" in name.lower()]
        name = next(each for each in names if "timestamp" not in each.lower())
        for value in ("", "sha256=", "v1,", "\xff", "x" * 10_000):
            given = {**signed(source, sent, NOW), name: value}
            headers = {name.encode(): text.encode("latin-1") for name, text in given.items()}
            answered = await house.client.post(f"/sources/{source}", content=sent, headers=headers)
            assert answered.status_code == 401, value

    @pytest.mark.parametrize("sent", [b"", b"{", b"\xff", b"[" * 200_000, b"{}x"])
    async def test_what_is_no_json_is_said_to_be_none(self, house: House, source: str, sent: bytes) -> None:
        answered = await house.post(source, sent)
        assert (answered.status_code, answered.text) == (400, "cannot be read: the body is no JSON")
        assert house.counted == ["unreadable"]

    @pytest.mark.parametrize("said", [[], {}, None, 1, "text", [None], [[]], {"event": "ping"}, {"topic": "ping"}])
    async def test_anything_else_it_says_is_left_alone(self, house: House, source: str, said: object) -> None:
        answered = await house.post(source, json.dumps(said).encode())
        assert answered.status_code == 204
        assert house.taken == []

    async def test_too_much_is_refused(self, house: House, source: str) -> None:
        answered = await house.post(source, b" " * (1 << 20) + raw(source, "webhook"))
        assert (answered.status_code, house.taken) == (413, [])

    async def test_kafka_away_means_come_again(self, house: House, source: str) -> None:
        house.becomes = OSError("the address and the password of the broker")
        answered = await house.post(source)
        assert (answered.status_code, answered.headers["Retry-After"]) == (503, "10")
        assert "password" not in answered.text
        house.becomes = Unavailable("The database does not answer.")
        assert (await house.post(source)).status_code == 503
        assert house.counted == ["away", "away"]

    async def test_an_answer_of_nobody_known_is_kept(self, house: House, source: str) -> None:
        house.becomes = Taken.UNRESOLVED
        assert (await house.post(source)).status_code == 202
        assert house.counted == ["unresolved"]

    async def test_somebody_may_ask_whether_it_is_there(self, house: House, source: str) -> None:
        assert (await house.client.head(f"/sources/{source}")).status_code == 200
        assert (await house.client.get(f"/sources/{source}")).status_code in {401, 405}


async def test_a_source_that_is_not_set_up_is_not_there(house: House) -> None:
    for name in ("other", "zendesk/x", "..", "%00"):
        assert (await house.client.post(f"/sources/{name}", content=b"{}")).status_code in {401, 404}
    assert (await house.client.head("/sources/other")).status_code == 404


async def test_the_field_is_named_and_no_word_of_the_customer(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, Any] = body("zendesk", "webhook") | {"rated_at": "when I was asked", "comment": "my own words"}
    answered = await house.post("zendesk", json.dumps(said).encode())
    assert answered.status_code == 400
    assert answered.text.startswith("cannot be read: responded_at is no time")
    told = answered.text + caplog.text + "".join(capsys.readouterr())
    assert "my own" not in told
    assert "when I" not in told


async def test_of_several_answers_all_are_taken_or_none(house: House) -> None:
    (said,) = body("formbricks", "webhook")
    other = {**said, "data": {**said["data"], "id": "another"}}
    broken = {**said, "data": {**said["data"], "data": {"csat": 9}}}
    assert (await house.post("formbricks", json.dumps([said, broken]).encode())).status_code == 400
    assert house.taken == []
    assert (await house.post("formbricks", json.dumps([said, other]).encode())).status_code == 204
    assert len({each.unowned.survey for each in house.taken}) == 2


@pytest.mark.parametrize("source", SIGNED_WITH_TIME)
@pytest.mark.parametrize("value", ["now", "", "soon", "9" * 30, "\xb2", "-1"])
async def test_a_time_that_was_moved_is_refused(house: House, source: str, value: str) -> None:
    sent = raw(source, "webhook")
    old, new = (signed(source, sent, at) for at in (NOW - timedelta(hours=1), NOW))
    stamp = next(name for name in new if "timestamp" in name.lower())
    moved = {name: text.encode("latin-1") for name, text in old.items()}
    moved[stamp] = (new[stamp] if value == "now" else value).encode("latin-1")
    headers = {name.encode(): text for name, text in moved.items()}
    answered = await house.client.post(f"/sources/{source}", content=sent, headers=headers)
    assert (answered.status_code, house.taken) == (401, [])


async def test_nobody_asks_too_often() -> None:
    house = House(Limit(3, 60.0))
    async with house.client:
        statuses = [(await house.post("freshdesk", b"{}", {})).status_code for _ in range(3)]
        answered = await house.post("freshdesk")
        assert (*statuses, answered.status_code) == (401, 401, 401, 429)
        assert int(answered.headers["Retry-After"]) >= 1
        assert (await house.post("zendesk")).status_code == 204, "each source by itself"
    assert house.counted == ["refused"] * 3 + ["slowed", "published"]
