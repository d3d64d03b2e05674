"""Stands between csatwatch and one embedded server, so that the server never outlives csatwatch.

Started as a script with a JSON `Spec` as its argument, and with a pipe from csatwatch as its standard input. The pipe
closes when csatwatch wants the server to stop, and also when csatwatch is killed: both take the same way out. Only the
standard library is at hand here.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TypedDict

_LIBC = ctypes.CDLL(None)  # loaded before any fork
_LIFELINE = 0  # standard input
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Spec(TypedDict):
    """What to run.

    Attributes:
        commands: run one after the other, each to a clean end; the last one is the server.
        scratch: the server's own directory; removed at the end.
        stop_signal: the number of the signal that asks the server to end.
        grace_seconds: from that signal until the server is killed.
        uid: user to run as; None: the caller's.
        gid: group to run as; None: the caller's.
    """

    commands: list[list[str]]
    scratch: str
    stop_signal: int
    grace_seconds: float
    uid: int | None
    gid: int | None


def main(argument: str) -> int:
    """Run the commands until they end or the pipe closes; returns the last exit code as a shell would give it."""
    spec: Spec = json.loads(argument)
    guard = _Guard(spec)
    # A terminal's Ctrl-C and hang-up are csatwatch's to answer: it closes the pipe when its clients are done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: guard.stop())
    threading.Thread(target=guard.stop_with_parent, daemon=True).start()
    try:
        return guard.run()
    finally:
        shutil.rmtree(spec["scratch"], ignore_errors=True)


class _Guard:
    """Runs a spec's commands and stops the one that is running, from whichever side the end comes."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._running: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def run(self) -> int:
        for command in self._spec["commands"]:
            if self._stopping.is_set():
                return 0
            self._running = self._start(command)
            if self._stopping.is_set():  # told between the check above and the start
                self._running.send_signal(self._spec["stop_signal"])
            code = self._running.wait()
            if self._stopping.is_set():
                return 0
            if code != 0:
                return code if code > 0 else 128 - code
        return 0

    def stop(self) -> None:
        self._stopping.set()
        if self._running is not None:
            self._running.send_signal(self._spec["stop_signal"])

    def stop_with_parent(self) -> None:
        # Not by sys.stdin: its lock, held by this thread, would crash the interpreter at its end.
        while os.read(_LIFELINE, 1):
            pass
        self.stop()
        threading.Event().wait(self._spec["grace_seconds"])
        if self._running is not None:
            self._running.kill()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        as_other_user = self._spec["uid"] is not None
        return subprocess.Popen(  # noqa: S603 (the command comes from csatwatch's own code)
            command,
            cwd=self._spec["scratch"],
            stdin=subprocess.DEVNULL,
            user=self._spec["uid"],
            group=self._spec["gid"],
            extra_groups=[] if as_other_user else None,
            preexec_fn=_before_exec,  # noqa: PLW1509 (no lock here that the other thread could hold at the fork)
        )


def _before_exec() -> None:
    if sys.platform == "linux":
        # The kernel ends the server even where the guard itself is killed; other systems have no such thing.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Ignored signals are inherited, and a server may stop on one of these.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
