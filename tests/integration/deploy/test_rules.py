"""The alerting rules speak of metrics that exist, and each has its section in the runbook."""

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
_RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((_PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
_TESTS: dict[str, Any] = yaml.safe_load((_PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8"))


def _exposed() -> set[str]:
    """Every name that a scrape can show."""
    names = set()
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule["alert"])
def test_each_rule_speaks_of_metrics_that_exist(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\bcsatwatch_[a-z_]+", rule["expr"]))
    assert named <= _exposed()
    assert named or "up{" in rule["expr"]


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
    page, _, section = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert section in {heading.lower() for heading in headings}
    assert rule["alert"] in headings


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule["alert"])
def test_each_rule_is_seen_to_fire_and_to_stay_quiet(rule: dict[str, Any]) -> None:
    cases = [case for test in _TESTS["tests"] for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


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
