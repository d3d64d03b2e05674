"""A local server that stands in for a vendor's API, with faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.servers.slack_faults import Faults, Kind


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came; `body` is its JSON, `raw` its bytes."""

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw or b"null")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int = 200
    data: object = None
    headers: Mapping[str, str] | None = None


class FakeHttp:
    """Answers by `answer`; `name_of` names a call for the faults and for `calls`."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls: list[Call] = []
        self.url = ""

    def name_of(self, method: str, path: str, body: bytes) -> str:
        del body
        return f"{method} {path}"

    async def answer(self, call: Call) -> Said:
        raise NotImplementedError

    def named(self, name: str) -> list[Call]:
        return [call for call in self.calls if call.name == name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeHttp"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        name = self.name_of(request.method, request.path, raw)
        call = Call(name, request.method, request.path, dict(request.query), request.headers, raw)
        self.calls.append(call)
        fault = self.faults.take(name)
        if fault is None:
            said = await self.answer(call)
            return web.json_response(said.data, status=said.status, headers=said.headers)
        match fault.kind:
            case Kind.RATE_LIMITED:
                return web.json_response({}, status=429, headers={"Retry-After": str(fault.retry_after)})
            case Kind.SERVER_ERROR:
                return web.Response(status=500, text="<html>a page of theirs</html>")
            case Kind.HANG:
                await asyncio.sleep(3600)
            case Kind.LOST:
                await self.answer(call)
            case _:
                pass
        assert request.transport is not None
        request.transport.close()
        return web.Response()
