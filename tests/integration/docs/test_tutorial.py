"""The first ten minutes, as a newcomer has them."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.policy import load_policy
from tests.integration.docs.blocks import ROOT, blocks
from tests.integration.docs.up import environment, up
from tests.servers.wait import until

_TEXTS = {block.run: block.text for block in blocks(ROOT / "docs" / "tutorial.md")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the commands need of a checkout, in a directory that they may write to."""
    for name in (".venv", "Makefile", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def _run(name: str, checkout: Path, env: Mapping[str, str] | None = None) -> str:
    command = ["bash", "-ec", _TEXTS[name]]
    done = subprocess.run(
        command, cwd=checkout, env=environment(env or {}), capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.runs("docs/tutorial.md", "policy", "backtest")
def test_a_policy_of_ones_own_is_held_against_the_one_that_ships(checkout: Path) -> None:
    _run("policy", checkout)
    mine = load_policy(checkout / "mine.yaml")
    assert (mine.version, mine.poor_rating.at_most) == ("mine", 1)
    printed = _run("backtest", checkout)
    before, after = re.findall(r"\d+", re.findall(r"^  alerts +(.+)$", printed, re.MULTILINE)[0])[:2]
    assert int(after) < int(before)


@pytest.mark.runs("docs/tutorial.md", "up", "account", "rating", "better", "policy", "mine")
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_rating_of_ones_own_alerts_and_is_taken_back(checkout: Path) -> None:
    async with up(_TEXTS["up"], checkout, checkout / "first.log") as first:
        (exported,) = re.findall(r"^  export (CSATWATCH_KAFKA_URL=.+)$", first.said, re.MULTILINE)
        kafka = dict(each.split("=", 1) for each in exported.split())
        _run("account", checkout, kafka)
        _run("rating", checkout, kafka)
        await until(lambda: "critical poor rating: My First Customer" in first.said, what="the alert", within=60)
        _run("better", checkout, kafka)
        await until(lambda: "poor rating retracted: My First Customer" in first.said, what="its end", within=60)
    _run("policy", checkout)
    async with up(_TEXTS["mine"], checkout, checkout / "second.log") as second:
        assert "made-up customers led to" in second.said
