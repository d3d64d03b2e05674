"""Several workers on one machine, as children of one process: started together, ended together.

A worker that fails ends them all, so that whoever supervises this process sees it and starts it again; where each is to
fail alone, start each alone. A child's standard input is its lifeline: it stops when that closes, so it never outlives
this process, however that ends.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence

import structlog

from agents.process import EXIT_DONE, EXIT_FAILED, asked_to_stop

_LIFELINE = 0  # standard input

_log = structlog.get_logger(__name__)


async def workers(command: Sequence[str], count: int) -> int:
    """Run `csatwatch COMMAND` so many times until SIGTERM or Ctrl-C, or until one of them ends.

    Returns the exit code.
    """
    with asked_to_stop() as stop:
        children = [await _start(command) for _ in range(count)]
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            asyncio.get_running_loop().add_signal_handler(number, _pass_on, children, number)
        ends = [asyncio.create_task(child.wait()) for child in children]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *ends}, return_when=asyncio.FIRST_COMPLETED)
        asked = stop.is_set()
        if not asked:
            _log.error("a worker ended: stopping the others", codes=[end.result() for end in ends if end.done()])
        stopping.cancel()
        for child in children:
            if child.stdin is not None:
                child.stdin.close()
        codes = await asyncio.gather(*ends)
    failed = next((code for code in codes if code != EXIT_DONE), None)
    if failed is None:
        return EXIT_DONE if asked else EXIT_FAILED
    return failed if failed > 0 else EXIT_FAILED


def stop_with_parent() -> None:
    """Ask this process to stop once its standard input closes."""
    threading.Thread(target=_wait_for_the_end, name="lifeline", daemon=True).start()


def _pass_on(children: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for child in children:
        if child.returncode is None:
            child.send_signal(number)


async def _start(command: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        # What lies in the working directory is no module of ours.
        "-P",
        "-m",
        "agents.cli",
        *command,
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # a terminal's Ctrl-C is for this process, which hands it on
    )


def _wait_for_the_end() -> None:
    # Not by sys.stdin: its lock, held by this thread, would crash the interpreter at its end.
    while os.read(_LIFELINE, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
