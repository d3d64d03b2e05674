"""Dead letters: listed without words, replayed once, from where they were where they are too large."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agents.dead_letters import BY, REPLAYED, read, replay
from agents.settings import Settings
from schemas.event import CsatReceived
from streams.dead_letter import letter
from streams.topology import DEAD_LETTERS, EVENTS
from streams.validate import Invalid, InvalidEvent
from tests.servers.processes import csatwatch
from tests.servers.topics import Record, produce, read_all

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

_CUSTOMER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
_ORIGINAL = CsatReceived(
    event_id="e-1",
    customer_id=_CUSTOMER,
    ticket_id="T-1",
    rating=1,
    responded_at=datetime(2026, 1, 1, tzinfo=UTC),
    feedback="my own words",
).to_json()


async def test_a_dead_letter_goes_back_as_it_was_and_once(
    kafka: "KafkaServer", topic_prefix: str, tmp_path: Path
) -> None:
    environment = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
    }
    settings = Settings(kafka_url=kafka.url, topic_prefix=topic_prefix, partitions=2)
    events, letters = settings.topic(EVENTS), settings.topic(DEAD_LETTERS)

    async def run(*arguments: str, code: int = 0) -> str:
        done = await csatwatch(*arguments, settings=environment, directory=tmp_path)
        assert done.code == code, done.stderr
        return done.stdout + done.stderr

    await run("topics", "create")
    assert "no dead letters" in await run("dead-letters", "list")
    record = Record(key=_CUSTOMER.encode(), value=_ORIGINAL, headers=[("content-type", b"application/json")])
    await produce(kafka.bootstrap, events, [record])
    (stored,) = await read_all(kafka.bootstrap, events)
    error = InvalidEvent(Invalid.IN_FUTURE, "responded_at is in the future: correct the sender's clock")
    place = {"topic": events, "partition": stored.partition}
    for limit in (1 << 20, 10):  # whole, and without what did not fit
        made = letter(stored, error, limit=limit, **place)  # type: ignore[arg-type]
        await produce(kafka.bootstrap, letters, [Record(key=made.key, value=made.value, headers=made.headers)])

    found = [json.loads(line) for line in (await run("dead-letters", "list", "--json")).splitlines()]
    assert [(each["error"], each["topic"], each["offset"]) for each in found] == [("in_future", events, 0)] * 2
    shown = await run("dead-letters", "show", found[0]["id"])
    assert "my own words" not in json.dumps(found) + shown
    assert "nothing to replay" in await run("dead-letters", "replay", "--error", "empty", code=1)
    assert "is no dead letter" in await run("dead-letters", "replay", "9:9", code=2)

    assert "replayed 2" in await run("dead-letters", "replay", "--all")
    again = [each for each in await read_all(kafka.bootstrap, events) if each.header(REPLAYED)]
    assert [(each.key, each.value, each.partition) for each in again] == [
        (_CUSTOMER.encode(), _ORIGINAL, stored.partition)
    ] * 2
    assert {each.header("content-type") for each in again} == {b"application/json"}
    assert {(each.header(REPLAYED) or b"").decode() for each in again} == {each["id"] for each in found}
    assert all(each.header("csatwatch-error") is None for each in again)
    assert "no dead letters" in await run("dead-letters", "list")
    assert ", replayed by " in await run("dead-letters", "list", "--all")
    assert "nothing to replay" in await run("dead-letters", "replay", "--all", code=1)

    newest = await read(settings, newest=1)
    assert all(each.replayed_at is not None for each in newest), "a note without its letter is none"
    (one, *_) = await read(settings, newest=100)
    await replay(settings, [one], by="olga@csatwatch.example")
    notes = [each.header(BY) for each in await read_all(kafka.bootstrap, letters)]
    assert b"olga@csatwatch.example" in notes


async def test_which_ones_has_to_be_said(tmp_path: Path) -> None:
    for arguments in ((), ("0:1", "--all")):
        done = await csatwatch("dead-letters", "replay", *arguments, settings={}, directory=tmp_path)
        assert done.code == 2
        assert "say which" in done.stderr
