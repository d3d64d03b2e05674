"""Server-sent events, from a row in Postgres to the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from tests.integration.web.conftest import Site
from tests.integration.web.rows import Rows, globaltech
from tests.servers.wait import until

_NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stream:
    """The events of one client."""

    answer: aiohttp.ClientResponse

    async def next(self) -> dict[str, str]:
        """The next event's fields; comments are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for raw in self.answer.content:
                line = raw.decode().rstrip("\n")
                if not line and "event" in fields:
                    return fields
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        raise AssertionError("the stream ended")


@asynccontextmanager
async def _stream(http: aiohttp.ClientSession, since: str, **headers: str) -> AsyncIterator[Stream]:
    async with http.get("/live", params={"since": since}, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


async def _position(http: aiohttp.ClientSession, site: Site) -> str:
    """The position of a page loaded now, once updates are on."""
    await until(lambda: not site.live.position.endswith("-0"), what="live updates are on")
    async with http.get("/") as answer:
        return (await answer.text()).partition('data-position="')[2].partition('"')[0]


async def test_a_new_alert_and_its_delivery_reach_every_client(
    http: aiohttp.ClientSession, site: Site, rows: Rows
) -> None:
    position = await _position(http, site)
    async with _stream(http, position) as first, _stream(http, position) as second:
        alert = globaltech(_NOW)
        await rows.alert(alert)
        for stream in (first, second):
            event = await stream.next()
            assert event["event"] == "alert"
            assert f'id="alert-{alert.alert_id}"' in event["data"]
            assert "GlobalTech" in event["data"]
        await rows.step(alert, "notify_csm", "slack", "due")
        await first.next()
        await rows.settle(alert, "notify_csm", "done")
        event = await first.next()
        assert '<span class="state">done</span>' in event["data"]


async def test_a_page_loaded_before_a_change_is_told_so(http: aiohttp.ClientSession, site: Site, rows: Rows) -> None:
    position = await _position(http, site)
    await rows.alert(globaltech(_NOW))
    await until(lambda: site.live.position != position, what="the alert is announced")
    async with _stream(http, position) as stream:
        event = await stream.next()
        assert event["event"] == "stale"
        assert event["id"] == site.live.position
    # A browser that comes back by itself says where it was in a header; the address is that of its first call.
    async with _stream(http, position, **{"Last-Event-ID": site.live.position}) as stream:
        await rows.settle(globaltech(_NOW), "none", "done")
        await rows.alert(globaltech(_NOW, revision=2))
        assert (await stream.next())["event"] == "alert"


async def test_updates_go_on_after_postgres_dropped_the_connection(
    http: aiohttp.ClientSession, site: Site, rows: Rows
) -> None:
    async with _stream(http, await _position(http, site)) as stream:
        await rows.connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'csatwatch web live'"
        )
        assert (await stream.next())["event"] == "stale"
        await rows.alert(globaltech(_NOW))
        assert (await stream.next())["event"] == "alert"


async def test_all_clients_share_one_connection(http: aiohttp.ClientSession, site: Site, rows: Rows) -> None:
    position = await _position(http, site)
    async with _stream(http, position), _stream(http, position), _stream(http, position):
        await until(lambda: site.live.clients == 3, what="three clients follow")
        listening = await rows.connection.fetchval(
            "select count(*) from pg_stat_activity where application_name = 'csatwatch web live' "
            "and datname = current_database()"
        )
        assert listening == 1
    await until(lambda: site.live.clients == 0, what="clients that left are forgotten")
