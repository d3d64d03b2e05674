"""The commands of docs/monitoring.md do what it says."""

import asyncio
import io
import json
import os
import re
from functools import partial
from pathlib import Path

import pytest
import structlog
import yaml

from agents.alert_log import say
from agents.logs import configure
from agents.settings import Settings
from tests.alerts import alert
from tests.integration.docs.blocks import ROOT, blocks
from tests.servers.processes import Csatwatch
from tests.servers.wait import until

PAGE = ROOT / "docs" / "monitoring.md"
_BLOCKS = {block.run: block.text for block in blocks(PAGE)}


async def _shell(run: str, directory: Path, **variables: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "sh", "-euc", _BLOCKS[run], cwd=directory, env=os.environ | variables, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@pytest.mark.runs("docs/monitoring.md", "story")
async def test_a_search_finds_an_alerts_story_in_its_order(tmp_path: Path) -> None:
    shown = re.search(r"[0-9a-f-]{36}", _BLOCKS["story"])
    assert shown is not None
    one = alert().model_copy(update={"alert_id": shown[0]})
    try:
        for name, what, of in (
            ("detect", "alert published", [one]),
            ("deliver", "alert read", [alert()] * 30 + [one]),
            ("store", "alert read", [alert()]),
            ("web", "action recorded", [one]),
        ):
            log = io.StringIO()
            configure(Settings(log_format="json"), log)
            say(structlog.get_logger(), what, of)
            (tmp_path / f"{name}.log").write_text(log.getvalue())
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in (await _shell("story", tmp_path)).splitlines()]
    assert {line["event"] for line in lines} == {"alert published", "alert read", "action recorded"}


@pytest.mark.runs("docs/monitoring.md", "talkative", "usual")
async def test_signals_change_the_level_of_a_running_process(tmp_path: Path) -> None:
    settings = {"CSATWATCH_KAFKA_URL": "kafka://127.0.0.1:1", "CSATWATCH_LOG_FORMAT": "json"}
    store = Csatwatch("store", settings, tmp_path).start()
    try:
        await until(partial(store.get, "/livez"), what="/livez")
        for run, levels in (("talkative", ["DEBUG"]), ("usual", ["DEBUG", "INFO"])):
            await _shell(run, tmp_path, PID=str(store.pid))
            await until(partial(_has_said, store, levels), what=f"the levels {levels}")
        assert await store.terminate() == 0
    finally:
        store.kill()


async def test_workers_get_the_signals_of_their_parent(tmp_path: Path) -> None:
    settings = {"CSATWATCH_KAFKA_URL": "kafka://127.0.0.1:1", "CSATWATCH_LOG_FORMAT": "json"}
    parent = Csatwatch("detect", settings, tmp_path, "--workers", "2").start()
    try:
        # Each one's first try.
        await until(lambda: parent.log.count('"next_try_seconds": 0.25') == 2, what="two workers", within=60)
        await _shell("talkative", tmp_path, PID=str(parent.pid))
        await until(partial(_has_said, parent, ["DEBUG", "DEBUG"]), what="both are talkative")
        await parent.terminate()
    finally:
        parent.kill()


def test_the_table_of_windows_is_that_of_the_rules() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    found = [
        (rule["labels"]["window"], float(match[1]), rule["labels"]["severity"] == "critical")
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "CsatwatchAlertsLate" and (match := re.search(r"> ([\d.]+) \* 0\.01", rule["expr"]))
    ]
    rows = re.findall(
        r"^\| (\d+) (hour|days?|hours) \|[^|]*\| ([\d.]+) % \| (yes|no) \|", PAGE.read_text(), re.MULTILINE
    )
    assert [(f"{number}{unit[0]}", float(late), pages == "yes") for number, unit, late, pages in rows] == found


def _has_said(process: Csatwatch, levels: list[str]) -> bool:
    lines = [json.loads(line) for line in process.log.rpartition("\n")[0].splitlines()]
    return [line["to"] for line in lines if line["event"] == "log level"] == levels
