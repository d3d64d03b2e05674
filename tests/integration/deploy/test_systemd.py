"""Is the unit one that systemd takes, and does it keep to itself?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.deploy.compose import ROOT

_UNIT = ROOT / "deploy" / "systemd" / "csatwatch@.service"
_EXPOSED_AT_MOST = 20  # tenths, of 100, by systemd's own measure


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no systemd-analyze on PATH: install systemd")
    path = tmp_path / _UNIT.name
    text = _UNIT.read_text(encoding="utf-8")
    assert "ExecStart=/opt/csatwatch/bin/csatwatch %i\n" in text
    path.write_text(text.replace("/opt/csatwatch/bin/csatwatch", sys.executable), encoding="utf-8")
    return path


def _analysed(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    assert _analysed("verify", "--man=no", unit) == (0, "")


def test_a_mistake_is_found(unit: Path) -> None:
    """Shows that the test above can fail."""
    unit.write_text(unit.read_text(encoding="utf-8").replace("Restart=always", "Restart=forever"), encoding="utf-8")
    _, said = _analysed("verify", "--man=no", unit)
    assert "restart specifier" in said


def test_it_keeps_to_itself(unit: Path) -> None:
    code, said = _analysed("security", "--offline=true", f"--threshold={_EXPOSED_AT_MOST}", "--no-pager", unit)
    assert code == 0, said
