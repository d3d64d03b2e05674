"""Produces a live feed at an even rate, in a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from confluent_kafka import Producer

from bench.feed import Sent


class Live:
    """A producer of so many of `sent` a second, as a context manager; `note` sees each event before it goes.

    One that falls behind sends what is late at once.
    """

    def __init__(
        self, producer: Producer, topic: str, sent: Iterator[Sent], rate: int, note: Callable[[Sent], None]
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._sent = sent
        self._rate = rate
        self._note = note
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live")
        self.count = 0

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait until what was sent is acknowledged."""
        self._stop.set()
        self._thread.join()
        self._producer.flush()

    def _run(self) -> None:
        start = time.monotonic()
        while not self._stop.wait(max(start + self.count / self._rate - time.monotonic(), 0)):
            each = next(self._sent)
            self._note(each)
            self._producer.produce(self._topic, each.value, each.customer)
            self._producer.poll(0)
            self.count += 1
