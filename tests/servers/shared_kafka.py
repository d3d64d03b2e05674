"""One Apache Kafka for all the processes that pytest-xdist spreads the tests over.

The process that hands the tests out owns it, since it outlives the workers, and starts it when the first one asks.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Client, Listener
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from tests.servers.kafka import KafkaServer
from tests.servers.unavailable import UnavailableError


class SharedKafka(KafkaServer):
    """What a worker has of it: where it is. It is left running."""

    def __init__(self, port: int) -> None:
        self.port = port

    def start(self) -> NoReturn:
        """Not here."""
        message = "this Kafka is every test's: ask for `own_kafka`, which may be stopped"
        raise RuntimeError(message)

    stop = kill = start


@contextmanager
def shared_kafka() -> Iterator[str]:
    """Where workers ask for it, by `ask`. It stops at the end, if anybody asked."""
    with ExitStack() as stack, Listener(family="AF_UNIX") as door:
        directory = stack.enter_context(TemporaryDirectory(prefix="csatwatch-kafka-"))
        leaving = threading.Event()
        known: list[int | Exception] = []

        def answer() -> None:
            while True:
                with door.accept() as asked:
                    if leaving.is_set():
                        return
                    if not known:
                        known.append(_started(Path(directory), stack))
                    asked.send(known[0])

        thread = threading.Thread(target=answer, name="shared Kafka", daemon=True)
        thread.start()
        address = str(door.address)
        try:
            yield address
        finally:
            leaving.set()
            Client(address).close()
            thread.join()


def ask(address: str) -> KafkaServer:
    """The Kafka of the run. Raises UnavailableError where it cannot be had, RuntimeError where it does not come up."""
    with Client(address) as door:
        found = door.recv()
    if isinstance(found, Exception):
        raise found
    return SharedKafka(found)


def _started(directory: Path, stack: ExitStack) -> int | Exception:
    try:
        return stack.enter_context(KafkaServer(directory)).port
    except (UnavailableError, RuntimeError) as error:
        return error
