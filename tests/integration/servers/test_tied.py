import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.wait import until

PARENT = """
import sys, threading
from tests.servers.tied import spawn
child = spawn([sys.executable, "-c", "import threading; threading.Event().wait()"], output=sys.stdout.buffer)
print(child.pid, flush=True)
threading.Event().wait()
"""


def _runs(pid: int) -> bool:
    """Whether it executes; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the signal upon a parent's death is Linux's")
async def test_a_child_ends_with_its_killed_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert _runs(child)
    parent.kill()
    await parent.wait()
    await until(lambda: not _runs(child), what="the child of a killed parent gone")
