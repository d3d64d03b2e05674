"""Whoever takes signed webhooks and keeps tasks: it opens one a task's id, and takes each message once."""

from datetime import UTC, datetime
from typing import Any

from schemas import signature
from tests.servers.fake_http import Call, FakeHttp, Said

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class FakeReceiver(FakeHttp):
    """`tasks` by id, as last said; `messages` by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}

    def name_of(self, method: str, path: str, body: bytes) -> str:
        del path, body
        return method

    async def answer(self, call: Call) -> Said:
        given = {name.lower(): value for name, value in call.headers.items()}
        message = signature.verify(signature.key(SECRET), given, call.raw, datetime.now(UTC))
        assert given["idempotency-key"] == message
        if message not in self.messages:
            self.messages[message] = call.body
            if isinstance(call.body.get("data"), dict):
                self.tasks[call.body["data"]["id"]] = call.body["data"] | {"type": call.body["type"]}
        return Said(200, {"id": 42, "url": "https://tasks.example.com/42"})
