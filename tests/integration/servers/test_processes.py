import signal
import sys
from pathlib import Path

import pytest

from tests.servers.processes import Csatwatch

SETTINGS = {"CSATWATCH_APP_ID": "tested"}
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


def process(behaviour: str, directory: Path) -> Csatwatch:
    return Csatwatch(behaviour, SETTINGS, directory, program=STAND_IN)


async def test_it_is_ready_inside_and_drained_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSATWATCH_STRAY", "of the developer's own")
    async with process("drains", tmp_path) as running:
        assert await running.get("/readyz") == 200
        assert await running.get("/nowhere") == 404
    assert running.returncode == 0
    assert running.log == "drains tested None\n"
    assert await running.get("/readyz") is None


async def test_an_end_other_than_by_draining_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=f"ended with -{signal.SIGTERM.value}"):
        async with process("dies of the signal", tmp_path):
            pass


async def test_a_failed_start_shows_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match=r"ended with 1\n(.*\n)*the reason why"):
        async with process("fails", tmp_path):
            pass
    assert "the reason why" in capsys.readouterr().err


async def test_killed_and_started_again(tmp_path: Path) -> None:
    async with process("drains", tmp_path) as running:
        first = running.pid
        running.kill()
        assert running.returncode == -signal.SIGKILL
        await running.start().ready()
        assert running.pid != first
    assert running.log == "drains tested None\n" * 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_pause_stops_it_and_lets_it_go_on(tmp_path: Path) -> None:
    async with process("drains", tmp_path) as running:
        with running.stop_and_continue():
            assert Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        assert await running.get("/readyz") == 200
