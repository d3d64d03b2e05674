"""A running engine, and what it takes of the machine."""

import os
import re
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.broker import Broker
from bench.engines import Engine, Job
from tests.servers.tied import spawn

_STOP = 30.0  # seconds from SIGTERM to the end


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, and resident bytes: at present and at their peak."""

    cpu: float = 0.0
    resident: int = 0
    peak: int = 0


class Running:
    """One engine at its job, as a context manager: started on entry, ended with SIGTERM."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine = engine
        self._job = job
        self._log = job.state / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._usage = Usage()

    def __enter__(self) -> Self:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = spawn(
                self._engine.command(self._job),
                output=log,
                env={**os.environ, **self._engine.environment(self._job)},
                cwd=self._job.state,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        process = self._started()
        process.terminate()
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        process = self._started()
        process.kill()
        process.wait()

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(errors="replace")

    def ended(self) -> bool:
        """Whether it has ended by itself. Raises RuntimeError with the end of its log when it failed."""
        code = self._started().poll()
        if code not in {None, 0, -signal.SIGTERM}:
            message = f"{self._engine.name} ended with {code}: {self.log[-2000:]}"
            raise RuntimeError(message)
        return code is not None

    def usage(self) -> Usage:
        """As last seen."""
        with suppress(OSError, TypeError):  # it has ended: what was seen before stands
            self._usage = _usage(self._started().pid)
        return self._usage

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = f"{self._engine.name} was not started"
            raise RuntimeError(message)
        return self._process


@contextmanager
def prepared(
    engine: Engine, broker: Broker, feed: str, *, events: int = 0, linger_ms: int | None = 20
) -> Iterator[Job]:
    """A job with fresh names and an empty directory, and the topic of its alerts; both are gone afterwards."""
    tag = f"bench{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix=f"{tag}-", ignore_cleanup_errors=True) as state:
        job = Job(tag, broker.bootstrap, feed, events, Path(state), linger_ms)
        try:
            engine.prepare(job)
            if tag in engine.alerts(job):
                broker.create(engine.alerts(job), 4)
            yield job
        finally:
            broker.delete(tag)


def _usage(pid: int) -> Usage:
    """As /proc shows it, of a process and its children."""
    own = _own_usage(pid)
    each = [own, *map(_usage, _children(pid))]
    return Usage(sum(u.cpu for u in each), sum(u.resident for u in each), sum(u.peak for u in each))


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _own_usage(pid: int) -> Usage:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, stat[11:15]))  # its own and its ended children's, in the kernel and outside
    status = Path(f"/proc/{pid}/status").read_text()
    resident, peak = (re.search(rf"^{name}:\s*(\d+) kB", status, re.MULTILINE) for name in ("VmRSS", "VmHWM"))
    return Usage(
        cpu=ticks / os.sysconf("SC_CLK_TCK"),
        resident=int(resident[1]) << 10,  # type: ignore[index]  # a zombie has none: TypeError
        peak=int(peak[1]) << 10,  # type: ignore[index]
    )
