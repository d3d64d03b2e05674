"""A tiny HTTP server beside each process: /metrics, /livez and /readyz."""

import asyncio
import errno
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from agents.metrics import REGISTRY
from agents.settings import PREFIX, BadSettings, Settings

Check = Callable[[], Awaitable[str | None]]
"""None where all is well, else the reason why not."""

_PORTS = 20  # tried in a row: a few processes a machine each find theirs
_PATIENCE = 5.0  # seconds until a check that does not return counts as failed

_log = structlog.get_logger(__name__)


class Health:
    """The server, on `settings.metrics_bind` while it is entered.

    /livez answers 200 as long as the event loop turns, whatever else is away; /readyz 200 where all checks pass, else
    503, with each check's finding as JSON; /metrics what `agents.metrics` counts. Port 0 takes a free one; a port that
    is taken moves on by one.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._checks: dict[str, Check] = {}
        self._runner: web.AppRunner | None = None
        self._address: tuple[str, int] | None = None

    def check(self, name: str, look: Check) -> None:
        """Make /readyz depend on `look`; a second check of the same name replaces the first."""
        self._checks[name] = look

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on. Raises RuntimeError before it is entered."""
        if self._address is None:
            message = "the health server is not started"
            raise RuntimeError(message)
        return self._address

    async def findings(self) -> dict[str, str | None]:
        """What each check says right now, all asked at once."""
        found = await asyncio.gather(*(_ask(look) for look in self._checks.values()))
        return dict(zip(self._checks, found, strict=True))

    async def __aenter__(self) -> Self:
        """Listen. Raises `BadSettings` where the address cannot be used."""
        app = web.Application()
        app.add_routes(
            [web.get("/livez", _livez), web.get("/readyz", self._readyz), web.get("/metrics", _metrics)],
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            self._address = await self._listen(self._runner)
        except BaseException:
            await self._runner.cleanup()
            raise
        host, port = self._address
        _log.info("health", url=f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = self._address = None

    async def _listen(self, runner: web.AppRunner) -> tuple[str, int]:
        host, _, text = self.settings.metrics_bind.rpartition(":")
        host, first = host.strip("[]"), int(text)
        for port in range(first, first + _PORTS) if first else (0,):
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                message = f"{PREFIX}METRICS_BIND is {self.settings.metrics_bind}: cannot listen there: {error.strerror}"
                raise BadSettings(message) from None
            except OverflowError:
                break
            taken: int = runner.addresses[0][1]
            if first not in (0, taken):
                _log.warning("port taken, moved on", wanted=first, port=taken)
            return host, taken
        message = (
            f"{PREFIX}METRICS_BIND is {self.settings.metrics_bind}: "
            f"no port from there to {min(first + _PORTS - 1, 65535)} is free: name another"
        )
        raise BadSettings(message)

    async def _readyz(self, _: web.Request) -> web.Response:
        findings = await self.findings()
        ready = not any(findings.values())
        body = {"ready": ready, "checks": {name: reason or "ok" for name, reason in findings.items()}}
        return web.json_response(
            body, status=200 if ready else 503, dumps=lambda value: json.dumps(value, ensure_ascii=False)
        )


async def _ask(look: Check) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await look()
    except TimeoutError:
        return f"no answer within {_PATIENCE:g} s"
    except Exception as error:  # noqa: BLE001 (a check that fails in its own way says "not ready", it ends nothing)
        return type(error).__name__


async def _livez(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _metrics(request: web.Request) -> web.Response:
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})
