"""The real csatwatch processes, as an operator runs them."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from tests.servers.ports import free_ports
from tests.servers.tied import spawn
from tests.servers.wait import until

_PROGRAM = (sys.executable, "-m", "agents.cli")
_READY = 60.0  # seconds
_DRAIN = 30.0  # seconds from SIGTERM to the end


class Csatwatch:
    """One process: `csatwatch COMMAND ARGUMENTS…` with these settings (CSATWATCH_… names) and no others.

    As a context manager it starts, waits until it is ready, and ends with SIGTERM and exit code 0, or
    fails with the last lines of its log. `directory` takes the log and is its working directory; `program`
    stands in for csatwatch, as an older version of it does.
    """

    def __init__(
        self,
        command: str,
        settings: Mapping[str, str],
        directory: Path,
        *arguments: str,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        port = free_ports(1)[0]
        self.name = f"{command}-{port}"
        self.metrics_url = f"http://127.0.0.1:{port}"
        self._command = (*program, command, *arguments)
        self._settings = {**settings, "CSATWATCH_METRICS_BIND": f"127.0.0.1:{port}"}
        self._directory = directory
        self._log = directory / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. Raises AssertionError when it was not started or has ended."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs or before it started."""
        return self._process.poll() if self._process else None

    @property
    def log(self) -> str:
        """All that it wrote to stdout and stderr, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> Self:
        """Start it, or start it again after its end; returns at once."""
        assert self._process is None or self._process.poll() is not None, f"{self.name} runs already"
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = spawn(
                self._command,
                output=log,
                env=_environment(self._settings),
                cwd=self._directory,
            )
        return self

    async def ready(self, within: float = _READY) -> Self:
        """Wait until /readyz answers 200. Raises AssertionError with its log if it ends before, or does not."""

        async def answers() -> bool:
            assert self.returncode is None, f"{self.name} ended with {self.returncode}\n{self._log_end()}"
            return await self.get("/readyz") == 200

        try:
            await until(answers, what=f"{self.name} ready", within=within)
        except AssertionError:
            self._show_log()
            raise
        return self

    async def get(self, path: str) -> int | None:
        """The status of one of its metrics port's pages; None when nobody answers."""
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self.metrics_url + path) as answer:
                return answer.status
        except (aiohttp.ClientConnectionError, TimeoutError):
            return None

    async def metrics(self) -> str:
        """What /metrics shows now."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.metrics_url}/metrics") as answer:
            assert answer.status == 200
            return await answer.text()

    async def terminate(self, within: float = _DRAIN) -> int:
        """SIGTERM; its exit code. Raises AssertionError, and kills it, when it does not end in time."""
        self._running().terminate()
        try:
            return await self.ended(within)
        except AssertionError:
            self.kill()
            raise

    async def ended(self, within: float = _DRAIN) -> int:
        """Wait for its end; its exit code."""
        try:
            await until(lambda: self.returncode is not None, what=f"{self.name} ended", within=within)
        except AssertionError:
            self._show_log()
            raise
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """SIGKILL. Does nothing when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def stop_and_continue(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end: a pause as a long garbage collection or a frozen machine makes."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # until it has really stopped
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        self.start()
        try:
            return await self.ready()
        except BaseException:
            self.kill()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._show_log()
            self.kill()
        elif self.returncode is None:
            code = await self.terminate()
            assert code == 0, f"{self.name} ended with {code}\n{self._log_end()}"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        assert self._process.poll() is None, f"{self.name} ended with {self.returncode}\n{self._log_end()}"
        return self._process

    def _log_end(self) -> str:
        return self.log[-4000:]

    def _show_log(self) -> None:
        # pytest shows this with the failure.
        sys.stderr.write(f"--- the end of {self._log.name}:\n{self._log_end()}\n")


@asynccontextmanager
async def running(settings: Mapping[str, str], directory: Path, *commands: str) -> AsyncIterator[list[Csatwatch]]:
    """One process a command, started together, ready on entry, ended in the reverse order."""
    processes = [Csatwatch(command, settings, directory) for command in commands]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(process) for process in processes))
        yield processes


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran to its end."""

    code: int
    stdout: str
    stderr: str


async def csatwatch(
    *arguments: str, settings: Mapping[str, str], directory: Path, stdin: str = "", within: float = 60.0
) -> Finished:
    """Run `csatwatch ARGUMENTS…` with these settings and no others, in the directory, to its end."""
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM,
        *arguments,
        env=_environment(settings),
        cwd=directory,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            stdout, stderr = await process.communicate(stdin.encode())
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This environment with no other csatwatch settings than these, and the packages that the tests import."""
    package = importlib.util.find_spec("agents")
    assert package is not None
    assert package.origin is not None
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSATWATCH_")}
    root = Path(package.origin).parent.parent
    return {**inherited, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", **settings}
