"""The shipped rules in a real Prometheus, the shipped routes in a real Alertmanager: who hears what, until when."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml

from tests.conftest import available
from tests.integration.deploy.compose import ROOT, queries
from tests.servers.fake_http import Call, FakeHttp, Said
from tests.servers.monitoring import alertmanager, program, prometheus
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

_DEPLOY = ROOT / "deploy"
_SECRETS = "/run/secrets"
_DOWN = "csatwatch-detect is down"
_OPERATORS, _DEAD_MAN = "/services/operators", "/ping/dead-mans-switch"


class _Receivers(FakeHttp):
    """Slack's incoming webhook, and a service that waits for pings."""

    async def answer(self, call: Call) -> Said:
        del call
        return Said(data="ok")

    def pages(self) -> list[tuple[str, str]]:
        """Title and text of each message to the operators."""
        bodies = [call.body for call in self.named(f"POST {_OPERATORS}")]
        return [(each["title"], each["text"]) for body in bodies for each in body["attachments"]]

    def about_detector(self, first: int) -> list[tuple[str, str]]:
        """Those of the pages from the `first` on that are about the detector."""
        return [page for page in self.pages()[first:] if _DOWN in page[1]]

    def pings(self) -> list[Call]:
        return self.named(f"POST {_DEAD_MAN}")


@pytest.mark.slow  # half a minute
async def test_a_detector_that_is_killed_pages_and_its_return_ends_the_page(
    kafka: "KafkaServer", topic_prefix: str, tmp_path: Path
) -> None:
    with available():
        program("prometheus")
        program("alertmanager", "prometheus-alertmanager")
    settings = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_SESSION_TIMEOUT_SECONDS": "2",
    }
    done = await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    assert done.code == 0, done.stderr
    (port,) = free_ports(1)
    async with (
        _Receivers().running() as receivers,
        Csatwatch("detect", settings, tmp_path) as detector,
        alertmanager(tmp_path / "alertmanager", _routes(tmp_path, receivers.url)) as manager,
        prometheus(tmp_path / "prometheus", _scraped(tmp_path, detector, manager, port), port) as url,
    ):
        assert isinstance(receivers, _Receivers)
        await until(lambda: len(receivers.pings()) > 1, what="pings of the dead man's switch", within=60)
        (ping,) = receivers.pings()[0].body["alerts"]
        assert ping["labels"] == {"alertname": "CsatwatchDeadMansSwitch", "severity": "none"}
        await until(partial(_is_well, url), what="a scrape of each process, and no alert on any", within=60)
        assert await _unhealthy(url) == []
        before = len(receivers.pages())

        detector.kill()
        title, text = (await until(lambda: receivers.about_detector(before), what="a page", within=60))[0]
        assert title == "CsatwatchProcessDown: firing"
        assert f"{_DOWN}: No answer from csatwatch-detect at 127.0.0.1:" in text
        assert "docs/runbook.md#csatwatchprocessdown" in text

        await detector.start().ready()
        await until(
            lambda: receivers.about_detector(before)[-1][0] == "CsatwatchProcessDown: resolved",
            what="its end",
            within=60,
        )
        assert {title for title, _ in receivers.pages()} == {title, "CsatwatchProcessDown: resolved"}


def _routes(place: Path, receiver: str) -> dict[str, Any]:
    """The shipped configuration with shorter times; secrets where a test can write them."""
    text = (_DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    # Debian's Alertmanager is older than the one that ships: it reads no webhook's address from a file.
    text = text.replace(f"url_file: {_SECRETS}/dead_mans_switch_url", f"url: {receiver}{_DEAD_MAN}")
    text = text.replace(f"{_SECRETS}/operators_slack_url", str(place / "operators_slack_url"))
    assert _SECRETS not in text
    (place / "operators_slack_url").write_text(f"{receiver}{_OPERATORS}")
    config: dict[str, Any] = yaml.safe_load(text)
    config["route"]["group_interval"] = "1s"
    switch = config["route"]["routes"][0]
    switch["group_interval"], switch["repeat_interval"] = "1s", "2s"
    return config


def _scraped(place: Path, detector: Csatwatch, manager: str, port: int) -> dict[str, Any]:
    """The shipped configuration and rules, looked at each second; Prometheus itself stands in for what is not run."""
    rules = yaml.safe_load((_DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    (down,) = [
        rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "CsatwatchProcessDown"
    ]
    down["for"] = "10s"  # longer than Prometheus takes to its first scrapes
    (place / "prometheus").mkdir()
    (place / "prometheus" / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load((_DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [manager]
    for job in config["scrape_configs"]:
        (found,) = job.pop("dns_sd_configs")
        own = found["names"] == ["detect"]
        target = detector.metrics_url.removeprefix("http://") if own else f"127.0.0.1:{port}"
        job["static_configs"] = [{"targets": [target]}]
    return config


async def _is_well(url: str) -> bool:
    query = 'count(up == 1) == 4 unless on() ALERTS{alertname="CsatwatchProcessDown"}'
    found = await _asked(url, "query", query=query)
    return bool(found["data"]["result"])


async def _unhealthy(url: str) -> list[object]:
    """What Prometheus cannot work out: rules of which it said so, and queries of the dashboard."""

    async def rules() -> list[dict[str, Any]]:
        groups = (await _asked(url, "rules"))["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    wrong: list[object] = [rule for rule in await until(rules, what="every rule worked out") if rule["health"] != "ok"]
    answers = await asyncio.gather(*(_asked(url, "query", query=query) for query in queries()))
    return wrong + [answer for answer in answers if answer["status"] != "success"]


async def _asked(url: str, what: str, **parameters: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/api/v1/{what}", params=parameters) as answer:
        found: dict[str, Any] = await answer.json()
        return found
