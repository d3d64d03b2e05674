"""The packages that programs in JavaScript on the pages need."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def kafkajs(directory: Path) -> None:
    """Install it there; skip where npm cannot, on CI fail."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            (pytest.fail if _CI else pytest.skip)(f"no {program} on PATH: install Node.js with npm")
    for file in (Path(__file__).parent / "node").iterdir():
        shutil.copy(file, directory)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        (pytest.fail if _CI else pytest.skip)(f"npm cannot install kafkajs here: {done.stdout}{done.stderr}")
