"""csatwatch's `deliver` and `web` between a broker, Postgres, Slack and a mail server, and people who click."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from streams.topology import ACTIONS, ALERTS
from tests.conftest import Broker
from tests.servers.fake_slack import FakeSlack
from tests.servers.mail import MailServer
from tests.servers.processes import Csatwatch, running
from tests.servers.slack_person import click, signed, submit
from tests.servers.slack_workspace import Message, View
from tests.servers.topics import Record, produce
from tests.servers.wait import until

ANA, BO, CLEO = "U0ANA", "U0BO", "U0CLEO"
PEOPLE = {"ana@example.com": ANA, "bo@example.com": BO, "cleo@example.com": CLEO}
CHANNELS = {"C0ALERTS": "csat-alerts", "C0SUPPORT": "support"}
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass
class House:
    """Everything, and what tests do with it."""

    broker: Broker
    prefix: str
    pool: asyncpg.Pool
    slack: FakeSlack
    mail: MailServer
    settings: dict[str, str]
    directory: Path
    web_url: str

    @asynccontextmanager
    async def open(self) -> AsyncIterator[list[Csatwatch]]:
        """Both processes, connected to Slack."""
        async with running(self.settings, self.directory, "deliver", "web") as processes:
            yield processes

    def process(self, command: str, **more: str) -> Csatwatch:
        return Csatwatch(command, self.settings | more, self.directory)

    async def publish(self, *alerts: Alert) -> None:
        records = [Record(key=each.customer_id.encode(), value=each.to_json()) for each in alerts]
        await produce(self.broker.bootstrap, self.prefix + ALERTS, records)

    async def message(self, of: str = ANA, *, saying: str = "") -> Message:
        """The newest of somebody's messages, once it says so."""

        def found() -> Message | None:
            messages = [each for each in self.slack.messages(of) if saying in str(each.blocks) and each.metadata]
            return messages[-1] if messages else None

        message = await until(found, what=f"a message to {of} that says {saying!r}", within=40.0)
        assert message is not None
        return message

    async def click(self, words: str, by: str = ANA, *, times: int = 1, message: Message | None = None) -> Message:
        """Click in the alert's message, over the socket."""
        clicked = message or await self.message()
        answers = await self.interact(click(clicked, words, by), times=times)
        assert answers == [{}] * times
        return clicked

    async def form(self, words: str, by: str = ANA) -> View:
        """The form that a click opens."""
        before = len(self.slack.views())
        await self.click(words, by)
        await until(lambda: len(self.slack.views()) > before, what=f"a form for {words!r}")
        return self.slack.views()[-1]

    async def submit(self, view: View, by: str = ANA, *, times: int = 1, **given: str) -> list[Mapping[str, Any]]:
        """Send a form off."""
        return await self.interact(submit(view, by, **given), times=times)

    async def interact(self, payload: Mapping[str, Any], *, times: int = 1) -> list[Mapping[str, Any]]:
        await until(lambda: self.slack.sockets, what="a socket is open")
        return await asyncio.to_thread(self.slack.interact, payload, times=times)

    async def post(
        self, payload: Mapping[str, Any], *, secret: str = SECRET, at: float | None = None
    ) -> tuple[int, str]:
        """The same over HTTP: status and body of the answer."""
        body, headers = signed(payload, secret, at=at)
        url = f"{self.web_url}/slack/interactions"
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def told(self, by: str) -> str:
        """What only that person sees."""

        def found() -> str:
            return " ".join(each.text for each in self.slack.messages() if each.ephemeral_to == by)

        return await until(found, what=f"{by} is told something")

    async def actions(self) -> list[Action]:
        """All actions on alerts on `csm-actions` as it stands, each once."""
        topic = self.prefix + ACTIONS
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(2)]
            consumer.assign(partitions)
            found: list[Action] = []
            while records := await consumer.getmany(timeout_ms=500):
                read = [Action.from_json(record.value) for each in records.values() for record in each]
                found += [each for each in read if not each.kind.is_of_the_system]
        finally:
            await consumer.stop()
        return sorted({each.action_id: each for each in found}.values(), key=lambda each: each.at)

    async def stored(self, *kinds: ActionKind) -> list[str]:
        """Wait until actions of these kinds are in Postgres, each once; all that are there."""

        async def seen() -> list[str]:
            rows = await self.pool.fetch("select kind from actions order by at, kind")
            found = [str(row["kind"]) for row in rows]
            return found if set(kinds) <= set(found) else []

        return await until(seen, what=f"{kinds} are stored", within=40.0)
