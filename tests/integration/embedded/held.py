"""An embedded server whose owner is a process of its own, so that it can be killed."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from tests.servers.wait import until

_ROOT = Path(__file__).parents[3]
_PACKAGES = sysconfig.get_path("purelib")  # for a Python that is not this environment's


@dataclass(frozen=True, slots=True)
class Held:
    """`temporary` is the owner's directory for temporary files, empty when it has left nothing there."""

    owner: asyncio.subprocess.Process
    address: str
    temporary: Path

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def left_behind(self) -> list[str]:
        """Processes that use the owner's temporary directory, and files in it."""
        return [*processes_of(self.temporary), *(path.name for path in self.temporary.iterdir())]


def processes_of(directory: Path) -> list[str]:
    """Command lines of the processes that work in this directory, or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            works_in = (process / "cwd").readlink()
            if str(directory) in line or works_in.is_relative_to(directory):
                found.append(line)
    return found


async def nobody_listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


@asynccontextmanager
async def held(kind: Literal["broker", "postgres"], *, unprivileged: bool = False) -> AsyncIterator[Held]:
    """Start an owner and its server; kills what is left of the owner at the end."""
    user = _nobody() if unprivileged else None
    python = _python(user)
    # Not pytest's own: only its owner may enter that one.
    directory = Path(tempfile.mkdtemp(prefix="csatwatch-test-"))
    temporary = directory / "tmp"
    temporary.mkdir()
    if user is not None:
        for path in (directory, temporary):
            os.chown(path, user.pw_uid, user.pw_gid)
    directory.chmod(0o755)
    owner = await asyncio.create_subprocess_exec(
        python,
        "-m",
        "tests.integration.embedded.owner",
        kind,
        str(directory),
        stdout=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "HOME": str(directory), "PYTHONPATH": _PACKAGES},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        start_new_session=True,  # its process group is the one that a test may signal
    )
    try:
        assert owner.stdout is not None
        address = ""
        async with asyncio.timeout(60):
            async for line in owner.stdout:
                if line.startswith(b"address "):
                    address = line.decode().split()[1]
                    break
        assert address, f"the owner of the {kind} ended with {await owner.wait()}"
        yield Held(owner, address, temporary)
    finally:
        with suppress(ProcessLookupError):
            owner.kill()
        await owner.wait()
        await until(lambda: not processes_of(temporary), what="the server is gone")
        shutil.rmtree(directory)


def _nobody() -> pwd.struct_passwd | None:
    """Whom to become for a test without root; None: this process has no root to give up."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _python(user: pwd.struct_passwd | None) -> Path:
    """A Python of this version that the user can run, this one if possible; skips where there is none."""
    installed = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    for python in (Path(sys.executable), installed):
        if user is None or (python.exists() and _open_to_all(python) and _open_to_all(python.resolve())):
            return python
    pytest.skip("only root can enter the directory of this Python, and the system has no other of its version")


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


async def assert_gone_after(signals: signal.Signals, server: Held, *, to_group: bool = False) -> None:
    """Signal the owner, or its whole process group; nothing of its server may be left."""
    if to_group:
        os.killpg(server.owner.pid, signals)
    else:
        server.owner.send_signal(signals)
    await server.owner.wait()
    await until(lambda: not server.left_behind(), what=f"nothing left after {signals.name}")
    assert await nobody_listens(server.port)
