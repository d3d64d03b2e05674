"""Detectors as a supervisor runs them: one that ends is started again."""

import asyncio
import builtins
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka import errors

from tests.servers.processes import Csatwatch
from tests.servers.wait import until

_RESTART = 0.5  # seconds
_CRASHED = re.compile(r"stopping without a commit\s+.*?error=(\w+)|crashed\s+.*?error=['\"]?(\w+)")
_ALLOWED = (1, -signal.SIGKILL)  # fail-stop, and killed


class Worker:
    """One `csatwatch detect`, started again whenever it ends, until it is told to leave.

    Attributes:
        ends: its exit codes, negative for signals, but for the ends that were asked for.
    """

    def __init__(
        self, name: str, settings: Mapping[str, str], directory: Path, *, program: Sequence[str] | None = None
    ) -> None:
        self.name = name
        self.directory = directory
        self.state = Path(settings["CSATWATCH_STATE_DIR"])
        self.ends: Counter[int] = Counter()
        self._settings = settings
        self._program = (sys.executable, "-m", "agents.cli") if program is None else tuple(program)
        self._process = self._new({})
        self._logs: list[Csatwatch] = [self._process]
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def process(self) -> Csatwatch:
        """Its present process, or the last one."""
        return self._process

    @property
    def running(self) -> bool:
        """Whether its process runs, were it stopped by a signal."""
        return self._supervisor is not None and self._process.returncode is None

    @property
    def wanted(self) -> bool:
        """Whether it runs or is about to be started again."""
        return self._supervisor is not None

    @property
    def log(self) -> str:
        """All that its processes wrote."""
        return "".join(process.log for process in self._logs)

    @property
    def errors(self) -> Counter[str]:
        """What its processes ended of by themselves: error classes."""
        return Counter(a or b for a, b in _CRASHED.findall(self.log))

    @property
    def bugs(self) -> Counter[str]:
        """Those that no fault brings about: neither Kafka's, nor the system's, nor RocksDB's, which have no class."""
        return Counter({name: n for name, n in self.errors.items() if not _of_a_fault(name)})

    @property
    def wrong(self) -> dict[int, int]:
        """Ends that are neither fail-stop nor a kill."""
        return {code: n for code, n in self.ends.items() if code not in _ALLOWED}

    def start(self, *, failpoint: str | None = None, room: int | None = None) -> None:
        """Start it. For this one start with a failpoint (`NAME:N:kill|stop`), or no file may exceed `room` KiB."""
        more = {} if failpoint is None else {"FAILPOINT": failpoint, "FAILPOINTS_ALLOWED": "yes"}
        limited = () if room is None else ("/bin/sh", "-c", f'ulimit -f {2 * room}; exec "$@"', "sh")
        self._process = self._new(more, limited)
        self._logs.append(self._process)
        self._process.start()
        self._supervisor = asyncio.create_task(self._supervise(), name=self.name)

    async def leave(self, *, kill: bool = False) -> None:
        """End it, by SIGTERM or SIGKILL, and leave it so."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await supervisor
        if self._process.returncode is not None:
            return
        if kill:
            self._process.kill()
            return
        try:
            code = await self._process.terminate()
        except AssertionError:
            code = 99  # it did not end within the time
        if code not in {0, -signal.SIGTERM}:  # the latter before it had begun anything
            self.ends[code] += 1

    def kill(self) -> None:
        """SIGKILL: the supervisor starts it again."""
        self._process.kill()

    async def stopped(self, within: float) -> None:
        """Wait until it is held by SIGSTOP, which a failpoint sent. Raises AssertionError."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        await until(
            lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", what=f"{self.name} stopped", within=within
        )

    async def logs(self, text: str, within: float) -> None:
        """Wait until it has written `text`. Raises AssertionError."""
        await until(lambda: text in self.log, what=f"{self.name} to log {text!r}", within=within)

    def resume(self) -> None:
        """SIGCONT."""
        with suppress(AssertionError):
            os.kill(self._process.pid, signal.SIGCONT)

    def _new(self, more: Mapping[str, str], limited: Sequence[str] = ()) -> Csatwatch:
        return Csatwatch("detect", {**self._settings, **more}, self.directory, program=(*limited, *self._program))

    async def _supervise(self) -> None:
        while True:
            await until(lambda: self._process.returncode is not None, what="an end", within=86_400)
            assert self._process.returncode is not None
            self.ends[self._process.returncode] += 1
            await asyncio.sleep(_RESTART)
            self._process = self._new({})
            self._logs.append(self._process)
            self._process.start()


def _of_a_fault(name: str) -> bool:
    kind = getattr(errors, name, None) or getattr(builtins, name, None)
    return kind is Exception or (isinstance(kind, type) and issubclass(kind, errors.KafkaError | OSError))
