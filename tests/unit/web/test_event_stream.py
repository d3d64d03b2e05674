import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from web import event_stream
from web.event_stream import EventStream


async def test_a_browser_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "_SEND_SECONDS", 0.01)
    ended = asyncio.Event()
    sent: list[Message] = []

    async def events() -> AsyncGenerator[str, None]:
        try:
            while True:
                yield "data: x\n\n"
        finally:
            ended.set()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:
            await asyncio.Event().wait()  # its window is full

    async def receive() -> Message:
        return await asyncio.Future()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET"}
    async with asyncio.timeout(10):
        await EventStream(events())(scope, receive, send)
    assert ended.is_set()
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
