"""Where a worker's local state lives: cluster / app / slot, so that nothing foreign is ever opened.

The slot is taken by a file lock: a second worker on the machine takes the next one.
"""

import fcntl
import uuid
from pathlib import Path
from typing import IO

from agents.settings import PREFIX, BadSettings

_SLOTS = 64


class StateDir:
    """A taken slot; `path` is this process's own until it ends."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    def member(self) -> str:
        """A name that is this slot's own in all the world, and stays."""
        file = self.path / "member"
        known = file.read_text() if file.exists() else ""
        if not known:
            known = uuid.uuid4().hex
            file.write_text(known)
        return known

    def release(self) -> None:
        """Let another process have it."""
        self._lock.close()


def take(root: Path, cluster: str, app: str) -> StateDir:
    """The first free slot below `root`. Raises `BadSettings` where none can be had."""
    for slot in range(_SLOTS):
        path = root / (cluster or "cluster") / app / f"slot-{slot}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = (path / "lock").open("w")
        except OSError as error:
            message = f"{PREFIX}STATE_DIR is {root}: {error.strerror}: name a directory that can be written"
            raise BadSettings(message) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return StateDir(path, lock)
    message = f"{PREFIX}STATE_DIR is {root}: all {_SLOTS} slots are taken: name another directory"
    raise BadSettings(message)
