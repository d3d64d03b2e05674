import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.embedded.held import nobody_listens, processes_of
from tests.servers.wait import until
from tests.signed_in import by_link

_ROOT = Path(__file__).parents[3]
_GOLDEN = _ROOT / "tests" / "golden" / "slack" / "globaltech.txt"
_CLOSING = re.compile(r"demo: ([\d,]+) events, ([\d,]+) alerts, ([\d,]+) deliveries, 0 lost")
_PARTS = ("detect", "store", "deliver", "web")


@dataclass(frozen=True, slots=True)
class _Up:
    """A `csatwatch up` of its own; `temporary` is its directory for temporary files."""

    process: asyncio.subprocess.Process
    temporary: Path
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    async def line(self, pattern: str) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            assert self.process.returncode is None, f"ended with {self.process.returncode}\n{self.said}"
            return re.search(pattern, self.said)

        found = await until(look, what=f"{pattern} is said", within=90)
        assert found is not None
        return found

    async def ended(self) -> int:
        async with asyncio.timeout(90):
            return await self.process.wait()

    def pid_of(self, part: str) -> int | None:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if part.encode() in words and (process / "cwd").readlink().is_relative_to(self.temporary):
                    return int(process.name)
        return None

    def files(self) -> list[str]:
        """What is left of its temporary files, beside the logs that a failure keeps."""
        return [path.name for path in self.temporary.iterdir() if not path.name.startswith("csatwatch-up-")]


@asynccontextmanager
async def _up(scratch: Path, *arguments: str) -> AsyncIterator[_Up]:
    temporary, output = scratch / "tmp", scratch / "output.txt"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o711)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSATWATCH_")}
    with output.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agents.cli",
            "up",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            cwd=scratch,
            env={**inherited, "PYTHONPATH": str(_ROOT), "TMPDIR": str(temporary)},
            start_new_session=True,
        )
    try:
        yield _Up(process, temporary, output)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await until(lambda: not processes_of(temporary), what="nothing runs any more")


async def _assert_demo_is_complete(scratch: Path) -> None:
    async with _up(scratch, "--exit-when-idle") as demo:
        assert await demo.ended() == 0, demo.said
        said = demo.said
        closing = _CLOSING.fullmatch(said.splitlines()[-1])
        assert closing, said[-500:]
        events, alerts, deliveries = (int(number.replace(",", "")) for number in closing.groups())
        assert events > alerts > 100
        assert said.count("Slack message to ") + said.count("Task for ") + said.count("Draft e-mail to ") == deliveries
        assert f"\n\n{_GOLDEN.read_text(encoding='utf-8').strip()}\n\n" in said
        assert "Task for sarah.chen@csatwatch.example, due " in said
        assert "Draft e-mail to Dana Whitfield <dana.whitfield@globaltech.example>: " in said
        assert not processes_of(demo.temporary)
        assert not list(demo.temporary.iterdir())


async def test_the_demo_delivers_all_and_leaves_nothing(scratch: Path) -> None:
    await _assert_demo_is_complete(scratch)


@pytest.mark.slow
async def test_a_demo_after_a_demo_starts_empty(scratch: Path) -> None:
    await _assert_demo_is_complete(scratch)
    await _assert_demo_is_complete(scratch)


async def test_the_page_lives_until_ctrl_c(scratch: Path) -> None:
    async with _up(scratch, "--port", "0") as running:
        link = await running.line(r"The page: (http://127\.0\.0\.1:(\d+)/sign-in/link\?token=\S+)\n")
        await running.line(r"\d\d:\d\d:\d\d  \w+ poor rating: ")
        async with by_link() as http, http.get(link[1]) as answer:
            assert answer.status == 200
            page = await answer.text()
        assert "Support Satisfaction Alert" in page
        assert "start empty each time" in page
        os.killpg(running.process.pid, signal.SIGINT)
        assert await running.ended() == 0
        assert running.said.splitlines()[-1] == "Stopped: nothing is left running."
        assert "Traceback" not in running.said
        assert not processes_of(running.temporary)
        assert not list(running.temporary.iterdir())
        assert await nobody_listens(int(link[2]))


@pytest.mark.slow
@pytest.mark.parametrize("part", _PARTS)
async def test_a_part_that_is_gone_ends_everything(scratch: Path, part: str) -> None:
    async with _up(scratch, "--port", "0") as running:
        await running.line("The page: ")
        pid = running.pid_of(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await running.ended() == 1
        assert f"csatwatch up: {part} ended by itself with exit code 137; the end of {part}.log:\n" in running.said
        assert "Traceback" not in running.said
        assert not processes_of(running.temporary)
        assert not running.files()
        logs = re.search(r"The logs are in (\S+)", running.said)
        assert logs
        assert (Path(logs[1]) / f"{part}.log").exists()


async def test_the_broker_gone_ends_everything(scratch: Path) -> None:
    async with _up(scratch, "--exit-when-idle") as running:
        broker = await until(lambda: running.pid_of("broker"), what="the broker runs", within=60)
        assert broker is not None
        await until(lambda: running.pid_of("detect"), what="the detector runs", within=60)
        os.kill(broker, signal.SIGKILL)
        assert await running.ended() == 1
        assert "csatwatch up: broker ended by itself with exit code 137; broker.log is empty" in running.said
        assert "Traceback" not in running.said
        assert not processes_of(running.temporary)
        assert not running.files()


async def test_killed_itself_it_takes_everything_along(scratch: Path) -> None:
    async with _up(scratch, "--port", "0") as running:
        await until(lambda: all(running.pid_of(part) for part in _PARTS), what="all parts run", within=60)
        running.process.kill()
        await running.ended()
        await until(lambda: not processes_of(running.temporary), what="nothing runs any more")
        assert not running.files()


async def test_a_port_that_is_taken_is_refused_by_name(scratch: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken, _up(scratch, "--port", str(port)) as running:
        assert await running.ended() == 2
        assert running.said.startswith(f"csatwatch: --port is {port}: cannot listen there")
        assert not list(running.temporary.iterdir())
