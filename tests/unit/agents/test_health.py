import asyncio
import socket

import aiohttp
import pytest

from agents.health import Health
from agents.settings import BadSettings, Settings


def settings(port: int) -> Settings:
    return Settings(metrics_bind=f"127.0.0.1:{port}")


async def get(health: Health, path: str) -> tuple[int, str, str]:
    host, port = health.address
    async with aiohttp.ClientSession() as http, http.get(f"http://{host}:{port}{path}") as answer:
        return answer.status, answer.content_type, await answer.text()


async def fine() -> str | None:
    return None


async def away() -> str | None:
    return "it is away"


async def broken() -> str | None:
    msg = "a text that may quote anything"
    raise RuntimeError(msg)


async def test_alive_whatever_the_checks_say() -> None:
    async with Health(settings(0)) as health:
        health.check("postgres", away)
        assert (await get(health, "/livez"))[0] == 200


async def test_ready_when_all_checks_pass() -> None:
    async with Health(settings(0)) as health:
        health.check("kafka", fine)
        status, kind, text = await get(health, "/readyz")
    assert (status, kind) == (200, "application/json")
    assert text == '{"ready": true, "checks": {"kafka": "ok"}}'


async def test_not_ready_says_which_check_and_why_without_quoting_an_error() -> None:
    async with Health(settings(0)) as health:
        health.check("kafka", fine)
        health.check("postgres", away)
        health.check("slack", broken)
        status, _, text = await get(health, "/readyz")
    assert status == 503
    assert text == ('{"ready": false, "checks": {"kafka": "ok", "postgres": "it is away", "slack": "RuntimeError"}}')


async def test_a_check_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.health._PATIENCE", 0.01)

    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    async with Health(settings(0)) as health:
        health.check("kafka", hang)
        assert await health.findings() == {"kafka": "no answer within 0.01 s"}


async def test_metrics_are_exposed_in_both_formats() -> None:
    async with Health(settings(0)) as health:
        _, kind, text = await get(health, "/metrics")
        assert kind == "text/plain"
        assert "# HELP csatwatch_events_total" in text
        host, port = health.address
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with aiohttp.ClientSession() as http, http.get(f"http://{host}:{port}/metrics", headers=accept) as answer:
            assert (await answer.text()).endswith("# EOF\n")


async def test_a_taken_port_moves_on() -> None:
    async with Health(settings(0)) as first:
        taken = first.address[1]
        async with Health(settings(taken)) as second:
            assert second.address[1] > taken
            assert (await get(second, "/livez"))[0] == 200


async def test_nobody_listens_after_the_end() -> None:
    async with Health(settings(0)) as health:
        host, port = health.address
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect((host, port))


async def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BadSettings, match=r"CSATWATCH_METRICS_BIND is 192\.0\.2\.1:9100: cannot listen there"):
        async with Health(Settings(metrics_bind="192.0.2.1:9100")):
            pass
