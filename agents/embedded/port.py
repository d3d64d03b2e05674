"""Free ports of the loopback address, and servers that take one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager

from agents.embedded.process import ServerExitedError

LOOPBACK = "127.0.0.1"
_TRIES = 3


@asynccontextmanager
async def on_free_port(launch: Callable[[int], AbstractAsyncContextManager[None]]) -> AsyncIterator[int]:
    """Hold `launch(port)` for the time of the block; yields the port, a free one of the loopback address.

    Between finding a port and the server taking it, another program may: then `launch` gets another try on another.
    """
    async with AsyncExitStack() as stack:
        for last in (*[False] * (_TRIES - 1), True):
            port = _bindable(0)
            try:
                await stack.enter_async_context(launch(port))
            except ServerExitedError:
                if last or _bindable(port):
                    raise
            else:
                break
        yield port


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that are free now; whoever takes one later is to move on where it is not."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]


def _bindable(port: int) -> int:
    """The port if it can be had now, 0 if not; asked for 0, any that can."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return 0
        bound: int = probe.getsockname()[1]
        return bound


async def accepts_connections(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
