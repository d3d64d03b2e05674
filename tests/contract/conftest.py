"""What is published for Node: vendors' types and specifications."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CI = os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the packages of tests/contract/node installed."""
    directory = tmp_path_factory.mktemp("node")
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            (pytest.fail if _CI else pytest.skip)(f"no {program} on PATH: install Node.js with npm")
    for file in (Path(__file__).parent / "node").iterdir():
        shutil.copy(file, directory)
    code, said = run(directory, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    if code:
        (pytest.fail if _CI else pytest.skip)(f"npm cannot install what is needed here: {said}")
    return directory


def run(directory: Path, *command: str) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    done = subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, encoding="utf-8"
    )
    return done.returncode, done.stdout
