"""Holds an embedded server until it is killed: `python -m tests.integration.embedded.owner broker DIRECTORY`.

Prints the server's address on a line of its own once it answers.
"""

import asyncio
import signal
import sys
from pathlib import Path

from agents.embedded import embedded_broker, embedded_postgres


async def _hold(kind: str, directory: Path) -> None:
    server = {"broker": embedded_broker, "postgres": embedded_postgres}[kind]
    async with server(directory) as address:
        print(f"address {address}", flush=True)  # noqa: T201 (how the test learns it)
        await asyncio.Event().wait()


if __name__ == "__main__":
    # What was started in the background of a shell inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(_hold(sys.argv[1], Path(sys.argv[2])))
