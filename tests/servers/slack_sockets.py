"""Socket Mode, from Slack's side: https://docs.slack.dev/apis/events-api/using-socket-mode."""

import asyncio
import itertools
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from aiohttp import WSMsgType, web

_ANSWER = 3.0  # seconds


class Sockets:
    """The connections that are open."""

    def __init__(self) -> None:
        self._sockets: list[web.WebSocketResponse] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, Future[Mapping[str, Any]]] = {}
        self._numbers = itertools.count(1)

    @property
    def open(self) -> int:
        """How many."""
        return len(self._sockets)

    def send(self, payload: Mapping[str, Any], times: int) -> list[Mapping[str, Any]]:
        """The payload, in so many envelopes at once; the payloads of their answers. Blocks."""
        assert self._sockets, "no socket is open"
        assert self._loop is not None
        answers = []
        for _ in range(times):
            envelope = f"envelope-{next(self._numbers)}"
            answer = self._waiting[envelope] = Future()
            answers.append(answer)
            message = {
                "type": "interactive",
                "envelope_id": envelope,
                "payload": dict(payload),
                "accepts_response_payload": True,
            }
            asyncio.run_coroutine_threadsafe(self._sockets[-1].send_json(message), self._loop).result(_ANSWER)
        try:
            return [answer.result(_ANSWER) for answer in answers]
        except TimeoutError:
            raise AssertionError("no answer within three seconds") from None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, to its end."""
        self._loop = asyncio.get_running_loop()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": self.open + 1})
        self._sockets.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._answered(message.json())
        finally:
            self._sockets.remove(socket)
        return socket

    def _answered(self, response: Mapping[str, Any]) -> None:
        waiting = self._waiting.pop(str(response["envelope_id"]), None)
        if waiting is not None:
            waiting.set_result(response.get("payload") or {})
