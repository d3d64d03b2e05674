"""An async server that outlives the event loop of one test."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def in_background(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """`server`, entered and left in a thread with an event loop of its own."""
    entered: Future[T] = Future()
    loop = asyncio.new_event_loop()
    leave = asyncio.Event()

    async def serve() -> None:
        async with server as value:
            entered.set_result(value)
            await leave.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(serve())
            except BaseException as error:
                if entered.done():
                    raise
                entered.set_exception(error)

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    try:
        yield entered.result()
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(leave.set)
        thread.join()
