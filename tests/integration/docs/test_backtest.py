"""The backtest's page: its commands work, and what it shows is what they print."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.alert import Alert
from tests.integration.docs.blocks import ROOT, blocks

if TYPE_CHECKING:
    from playwright.async_api import Page

PAGE = ROOT / "docs" / "backtest.md"
PICTURE = ROOT / "docs" / "images" / "backtest.png"
POLICY = (ROOT / "schemas" / "policy.yaml").read_text(encoding="utf-8")
_BLOCKS = {block.run: block.text for block in blocks(PAGE)}


@pytest.mark.runs("docs/backtest.md", "first", "output", "second", "json")
async def test_the_commands_work_and_print_what_is_shown(
    request: pytest.FixtureRequest, page: "Page", tmp_path: Path
) -> None:
    (tmp_path / "now.yaml").write_text(POLICY, encoding="utf-8")
    changed = POLICY.replace('version: "1"', 'version: "2"').replace("at_most: 2 # of 5", "at_most: 1 # of 5")
    (tmp_path / "next.yaml").write_text(changed, encoding="utf-8")
    printed = _run(_BLOCKS["first"], tmp_path)
    if request.config.getoption("--update-images"):
        PAGE.write_text(
            PAGE.read_text(encoding="utf-8").replace(f"```text\n{_BLOCKS['output']}", f"```text\n{printed}")
        )
    else:
        assert _labels(_BLOCKS["output"]) == _labels(printed)
    assert "default 2" in _run(_BLOCKS["second"], tmp_path)
    assert (tmp_path / "next.json").stat().st_size
    assert Alert.from_json(_run(_BLOCKS["json"], tmp_path)).status == "firing"
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto((tmp_path / "next.html").as_uri())
    assert await page.locator("figure.bars").count() == 4
    if request.config.getoption("--update-images"):
        await page.screenshot(path=PICTURE)
    assert PICTURE.exists()


def _run(text: str, directory: Path) -> str:
    """What a block prints, in a shell where csatwatch is installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSATWATCH_")}
    env = {**inherited, "PATH": path}
    done = subprocess.run(["bash", "-ec", text], cwd=directory, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _labels(text: str) -> list[str]:
    """Its rows without their figures; the last two tables' rows are people and customers."""
    kept = text.partition("Alerts a week, by CSM")[0]
    return [re.sub(r"\s{2,}\S.*$", "", line.rstrip()) for line in kept.splitlines()[1:]]
