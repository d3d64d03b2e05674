"""The alerting rules speak of metrics that exist, and each has its section in the runbook."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agents.metrics import REGISTRY
from tests.integration.deploy.compose import OURS, ROOT, queries

_PROMETHEUS = ROOT / "deploy" / "prometheus"
_ALL: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((_PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
_RULES = [rule for rule in _ALL if "alert" in rule]
_RECORDED = {rule["record"] for rule in _ALL if "record" in rule}
_CASES: list[dict[str, Any]] = [
    case
    for name in ("rules_test.yml", "rules_weeks_test.yml")
    for test in yaml.safe_load((_PROMETHEUS / name).read_text(encoding="utf-8"))["tests"]
    for case in test["alert_rule_test"]
]
_ALWAYS = "CsatwatchDeadMansSwitch"
_RECORD = r"\bcsatwatch:[a-z0-9_:]+"
_PARTS = ("What it means.", "Who is affected.", "See it.", "Over when")


def _exposed() -> set[str]:
    """Every name that a scrape can show."""
    names = set()
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


def _of_us(query: str) -> set[str]:
    """The metrics of csatwatch's own that a query names, as they are scraped."""
    return set(re.findall(r"\bcsatwatch_[a-z_]+", query))


def _name(rule: dict[str, Any]) -> str:
    return "-".join([str(rule.get("alert") or rule["record"]), *rule.get("labels", {}).values()])


@pytest.mark.parametrize("rule", _ALL, ids=_name)
def test_each_rule_speaks_of_metrics_that_exist(rule: dict[str, Any]) -> None:
    recorded = set(re.findall(_RECORD, rule["expr"]))
    assert _of_us(rule["expr"]) <= _exposed()
    assert recorded <= _RECORDED
    assert _of_us(rule["expr"]) or recorded or "up{" in rule["expr"] or rule.get("alert") == _ALWAYS


def test_nothing_is_recorded_that_nobody_asks_for() -> None:
    asked = {name for text in [*queries(), *(rule["expr"] for rule in _RULES)] for name in re.findall(_RECORD, text)}
    assert asked == _RECORDED


@pytest.mark.parametrize("query", [*queries(), *(rule["expr"] for rule in _ALL)])
def test_each_bound_is_one_of_a_bucket(query: str) -> None:
    lines = generate_latest(REGISTRY).decode().splitlines()
    buckets = {found[1] for line in lines if (found := re.search(r'_bucket\{.*?le="(.+?)"', line))}
    assert set(re.findall(r'\ble="(.+?)"', query)) <= buckets


@pytest.mark.parametrize("rule", _RULES, ids=_name)
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert {"summary", "description", "runbook_url"} == rule["annotations"].keys()
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_the_runbook_has_a_section_for_each_alert_and_for_no_other() -> None:
    sections = re.split(r"^## ", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    about = {name: text for name, _, text in (section.partition("\n") for section in sections)}
    assert {name for name in about if name.startswith("Csatwatch")} == {rule["alert"] for rule in _RULES}
    for name, text in about.items():
        if name.startswith("Csatwatch"):
            places = [text.find(f"**{part}") for part in _PARTS]
            assert -1 not in places, name
            assert places == sorted(places), name
            assert re.search(r"^1\. ", text, re.MULTILINE), name


@pytest.mark.parametrize("rule", _RULES, ids=_name)
def test_each_alert_is_seen_to_fire_and_to_stay_quiet(rule: dict[str, Any]) -> None:
    cases = [case for case in _CASES if case["alertname"] == rule["alert"]]
    labels = [set(fired["exp_labels"].items()) for case in cases for fired in case.get("exp_alerts", ())]
    assert any(set(rule["labels"].items()) <= each for each in labels)
    assert any(not case.get("exp_alerts") for case in cases) or rule["alert"] == _ALWAYS


def test_the_dashboard_shows_metrics_that_exist() -> None:
    named = {name for query in queries() for name in re.findall(r"\bcsatwatch_[a-z_]+", query)}
    assert named <= _exposed()
    assert len(named) > 10


def test_its_queries_are_promql(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no promtool on PATH: install prometheus")
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_process_is_scraped() -> None:
    config = yaml.safe_load((_PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    scraped = {name for job in config["scrape_configs"] for found in job["dns_sd_configs"] for name in found["names"]}
    assert scraped == OURS.keys() - {"setup"}
    (down,) = [rule["expr"] for rule in _RULES if rule["alert"] == "CsatwatchProcessDown"]
    assert set(re.findall(r'absent\(up\{job="(.+?)"\}\)', down)) == {
        job["job_name"] for job in config["scrape_configs"]
    }


def test_each_panel_says_what_it_shows_of_whichever_prometheus_is_chosen() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "csatwatch.json").read_text(encoding="utf-8"))
    (variable,) = dashboard["templating"]["list"]
    chosen = {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    for panel in panels:
        assert panel["title"], panel["id"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {json.dumps(each["datasource"]) for each in (panel, *panel["targets"])} == {json.dumps(chosen)}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)), "panels overlap"
