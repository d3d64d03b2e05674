"""A Slack that a test can look into: its Web API over HTTP, as slack-sdk's clients call it.

`python -m tests.servers.fake_slack --port 8090` runs one to try things by hand.
"""

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import web

from tests.servers.background import in_background
from tests.servers.ports import free_ports
from tests.servers.slack_faults import Fault, Faults, Kind
from tests.servers.slack_sockets import Sockets
from tests.servers.slack_workspace import Answer, Message, RefusedError, View, Workspace

TOKEN = "xoxb-test-token"
APP_TOKEN = "xapp-test-token"
USERS = {"ana@example.com": "U0ANA", "bo@example.com": "U0BO", "cleo@example.com": "U0CLEO"}
CHANNELS = {"C0ALERTS": "csat-alerts"}

_HELD_FOREVER = 3600.0  # seconds; longer than any client waits


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived.

    Attributes:
        at: when it arrived, by this machine's clock.
        outcome: "ok", Slack's error code, or the kind of the fault.
    """

    at: datetime
    method: str
    arguments: Mapping[str, Any]
    outcome: str


class FakeSlack:
    """The server; a context manager, and `stop` and `start` make an outage of it.

    What it holds outlives an outage, as does its port. `users` is user id by e-mail, `channels` name
    by channel id; direct messages open by themselves. `seconds_a_message` is the least time between two
    messages in one channel, under which it answers 429; 0 takes them as they come.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        channels: Mapping[str, str] | None = None,
        *,
        token: str = TOKEN,
        port: int | None = None,
        seconds_a_message: float = 0.0,
    ) -> None:
        self.token = token
        self.faults = Faults()
        self.port = port or free_ports(1)[0]
        self._pace = seconds_a_message
        self._last: dict[str, float] = {}  # channel → monotonic seconds of its last message
        self._lock = threading.Lock()
        self._sockets = Sockets()
        self._calls: list[Call] = []
        self._workspace = Workspace(users or USERS, channels or CHANNELS, lambda: datetime.now(UTC))
        self._running: AbstractContextManager[None] | None = None

    @property
    def url(self) -> str:
        """The API's address, with the slash at its end that slack-sdk's `base_url` wants."""
        return f"http://127.0.0.1:{self.port}/api/"

    def start(self) -> Self:
        """Listen. Blocks until it does."""
        running = in_background(self._served())
        running.__enter__()
        self._running = running
        return self

    def stop(self) -> None:
        """Close the port and every connection. Does nothing while it is down."""
        if self._running is not None:
            running, self._running = self._running, None
            running.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def messages(self, channel: str | None = None) -> list[Message]:
        """The messages as they stand, oldest first: of a channel (id, name, or user id), or all."""
        with self._lock:
            wanted = None if channel is None else self._workspace.channel(channel)
            found = [each for each in self._workspace.messages.values() if wanted in {None, each.channel}]
        return sorted(found, key=lambda each: each.ts)

    def doubled(self) -> list[dict[str, Any]]:
        """The metadata of messages that came while another one with their alert and step was standing."""
        with self._lock:
            return list(self._workspace.doubled)

    def views(self) -> list[View]:
        """The modals as they stand, oldest first."""
        with self._lock:
            return list(self._workspace.views.values())

    def interact(self, payload: Mapping[str, Any], *, times: int = 1) -> list[Mapping[str, Any]]:
        """Send an interaction down the open socket, so many times, and wait for what each is answered with.

        Raises AssertionError where no socket is open, or an answer takes longer than Slack's three seconds.
        """
        return self._sockets.send(payload, times)

    @property
    def sockets(self) -> int:
        """How many Socket Mode connections are open."""
        return self._sockets.open

    def calls(self, method: str | None = None) -> list[Call]:
        """The requests so far in their order: of one method, or all."""
        with self._lock:
            return [each for each in self._calls if method in {None, each.method}]

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=8 << 20)
        app.router.add_route("*", "/api/{method}", self._handle)
        app.router.add_get("/socket", self._sockets.serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
            yield
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method, arguments, at = request.match_info["method"], await _arguments(request), datetime.now(UTC)
        fault = self.faults.take(method) or self._too_fast(method, arguments)
        answer: Answer = {"ok": False}
        with self._lock:
            if fault is None or fault.kind is Kind.LOST:
                answer = self._answer(request, method, arguments)
            outcome = fault.kind.value if fault else "ok" if answer["ok"] else str(answer["error"])
            self._calls.append(Call(at, method, arguments, outcome))
        return await _respond(request, answer, fault)

    def _answer(self, request: web.Request, method: str, arguments: Mapping[str, Any]) -> Answer:
        try:
            if method == "apps.connections.open":
                self._authorize(request, APP_TOKEN)
                return {"ok": True, "url": f"ws://127.0.0.1:{self.port}/socket"}
            self._authorize(request, self.token)
            return {"ok": True, **self._workspace.call(method, arguments)}
        except RefusedError as refused:
            more: Answer = {"response_metadata": {"messages": refused.messages}} if refused.messages else {}
            return {"ok": False, "error": refused.error, **more}

    @staticmethod
    def _authorize(request: web.Request, expected: str) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise RefusedError("not_authed")
        if token != expected:
            raise RefusedError("invalid_auth")

    def _too_fast(self, method: str, arguments: Mapping[str, Any]) -> Fault | None:
        if not self._pace or method != "chat.postMessage":
            return None
        channel, now = str(arguments.get("channel")), asyncio.get_running_loop().time()
        if now - self._last.get(channel, now - self._pace) < self._pace:
            return Fault(Kind.RATE_LIMITED)
        self._last[channel] = now
        return None


async def _arguments(request: web.Request) -> dict[str, Any]:
    """From the query and the body, JSON or a form; in a form, Slack takes the structured ones as JSON."""
    if request.content_type == "application/json":
        return {**request.query, **await request.json()}
    given: dict[str, Any] = {**request.query, **await request.post()}
    for name in ("blocks", "metadata", "view"):
        if isinstance(given.get(name), str):
            given[name] = json.loads(given[name])
    return given


async def _respond(request: web.Request, answer: Answer, fault: Fault | None) -> web.StreamResponse:
    match fault.kind if fault else None:
        case Kind.RATE_LIMITED if fault:
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        case Kind.SERVER_ERROR:
            return web.Response(status=500, text="Internal Server Error", content_type="text/html")
        case Kind.HANG:
            await asyncio.sleep(_HELD_FOREVER)
        case Kind.LOST | Kind.DROPPED:
            if request.transport:
                request.transport.abort()
        case Kind.REFUSED if fault:
            return web.json_response({"ok": False, "error": fault.error})
    return web.json_response(answer)


def main(arguments: Iterable[str]) -> None:
    """Serve until interrupted, and print each message that arrives as a line of JSON."""
    parser = argparse.ArgumentParser(description="A stand-in for Slack's Web API on this machine.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--user", action="append", metavar="EMAIL=ID", help="who it knows; may be repeated")
    given = parser.parse_args(list(arguments))
    users = dict(each.split("=", 1) for each in given.user or ()) or None
    with FakeSlack(users, token=given.token, port=given.port) as slack:
        sys.stdout.write(f"CSATWATCH_SLACK_API_URL={slack.url} CSATWATCH_SLACK_BOT_TOKEN={slack.token}\n")
        sys.stdout.flush()
        shown: set[tuple[str, str, int]] = set()
        try:
            while True:
                for each in slack.messages():
                    if (key := (each.channel, each.ts, each.edits)) not in shown:
                        shown.add(key)
                        sys.stdout.write(json.dumps(each.as_slack(metadata=True) | {"channel": each.channel}) + "\n")
                        sys.stdout.flush()
                threading.Event().wait(0.2)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
