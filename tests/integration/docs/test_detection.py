"""The page on detection: its command works on a history, and what it prints is a policy's part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "detection.md"


@pytest.mark.runs("docs/detection.md", "fit")
def test_the_command_prints_what_a_policy_takes(tmp_path: Path) -> None:
    (block,) = blocks(PAGE)
    program = [sys.executable, "-m", "agents.cli", "generate", "--customers", "60", "--events", "2400", "--seed", "1"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("CSATWATCH_")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    with (tmp_path / "history.jsonl").open("wb") as history:
        subprocess.run(program, cwd=tmp_path, env=env, stdout=history, check=True)
    done = subprocess.run(
        ["bash", "-ec", block.text], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    assert found["declining_trend"]["threshold"] > 0
    assert len(found["declining_trend"]["all_customers"]["shares"]) == 5
