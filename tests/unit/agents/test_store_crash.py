"""What a killed process leaves in the local store is the state as of an earlier write, with that write's offset."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from faust.types import TP

from agents.app import build
from agents.settings import Settings
from agents.transport.app import BatchApp
from agents.transport.table import BatchTable, PartitionStore

_WRITES, _KEYS = 400, 100
_VALUE = 1_000  # bytes: all writes together are several times what RocksDB holds in memory
_TP = TP("changelog", 0)


def _store(app: BatchApp) -> PartitionStore:
    return BatchTable(app, "ratings", changelog="changelog", partitions=1).local


def _write(store: PartitionStore) -> None:
    """The n-th write replaces every value by n and stands for offset n."""
    for n in range(1, _WRITES + 1):
        store.write(0, [(f"k{key:03}".encode(), b"%d" % n + bytes(_VALUE)) for key in range(_KEYS)], n)


def test_what_was_written_last_may_be_gone_after_a_kill_and_nothing_is_torn(app: BatchApp, tmp_path: Path) -> None:
    child = [sys.executable, "-W", "error", "-m", "tests.unit.agents.test_store_crash", str(tmp_path)]
    assert subprocess.run(child, check=False).returncode == -signal.SIGKILL
    store = _store(app)
    offset = store.persisted_offset(_TP)
    assert offset is not None
    assert 0 < offset < _WRITES, "the last writes were in the memory of the process alone"
    values = {value.rstrip(b"\0") for _, value in store.items_from(0, b"k")}
    assert values == {b"%d" % offset}
    assert len(list(store.items_from(0, b"k"))) == _KEYS


async def test_nothing_is_gone_after_a_stop(app: BatchApp) -> None:
    store = _store(app)
    store.write(0, [(b"a", b"1")], 7)
    await store.stop()
    assert (store.value(0, b"a"), store.persisted_offset(_TP)) == (b"1", 7)


if __name__ == "__main__":
    _write(_store(build(Settings(), "detect", data=Path(sys.argv[1]))))
    os.kill(os.getpid(), signal.SIGKILL)
