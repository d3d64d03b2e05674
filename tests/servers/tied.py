"""Run a command that the kernel kills when the process which started it is gone.

`python -m tests.servers.tied PARENT_PID COMMAND…`, or `spawn` from Python. The command replaces
this process, so its process id and its exit code are the command's own.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# The kernel's "parent" is the thread that started the child, not its process: one thread that
# lives as long as this process starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawn")


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` with stdout and stderr to `output`; it dies with this process (on Linux)."""
    tied = [sys.executable, "-S", str(Path(__file__)), str(os.getpid()), *map(str, command)]
    return _starter.submit(
        subprocess.Popen,
        tied,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
    ).result()


def _main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went before the line above took effect
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # the point of this module; no shell in between


if __name__ == "__main__":
    _main()
