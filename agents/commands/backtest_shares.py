"""A history replayed by several processes at once, each with its share of the customers: they do not meet."""

import gc
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import NamedTuple
from zlib import crc32

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from agents.commands.input_file import Format, Line, lines, opened
from agents.commands.publish import COLUMNS
from agents.refused import BadInput, Failed
from schemas.customer import Customer
from schemas.policy import Policy
from streams.backtest.figures import Figures
from streams.backtest.replay import Line as Replayed
from streams.backtest.replay import Part, Passed, Replay, together
from streams.backtest.told import told
from streams.validate import InvalidEvent

BATCH = 2_000
"""Lines of the history that go through the pipeline at a time, all shares taken together."""


@dataclass(frozen=True, slots=True)
class History:
    """What is replayed, and how: a file that can be opened more than once."""

    path: str
    name: str
    file_format: Format
    policies: Sequence[Policy]
    accounts: Mapping[str, Customer]
    within: timedelta


class Step(NamedTuple):
    """What a batch of the history led to.

    Attributes:
        done: bytes of the file that were read.
        events: lines that went through.
        refused: lines that are no events, by number, with the reason.
        alerts: each with its line's place in the history, in the order of these; of one line in that of the policies.
    """

    done: int
    events: int
    refused: Sequence[tuple[int, str]]
    alerts: Sequence[tuple[int, bytes]]

    @classmethod
    def of(cls, passed: Passed, events: int, done: int) -> "Step":
        """From what a replay gives."""
        alerts = [(each.timestamp, each.value) for raised in passed.raised for each in raised]
        alerts.sort(key=_place)
        return cls(done, events, [(each.number, str(each.error)) for each in passed.refused], alerts)


class Shares:
    """The processes of a replay, while it runs."""

    def __init__(self, history: History, pipes: Sequence[Connection]) -> None:
        self._history = history
        self._pipes = pipes

    def steps(self) -> Iterator[Step]:
        """Batch after batch, as one process would give them. Raises `BadInput` and `Failed`."""
        while True:
            told_now = [self._heard(pipe) for pipe in self._pipes]
            steps = [each for each in told_now if isinstance(each, Step)]
            if not steps:
                return
            yield Step(
                max(each.done for each in steps),
                sum(each.events for each in steps),
                sorted(refused for each in steps for refused in each.refused),
                sorted((alert for each in steps for alert in each.alerts), key=_place),
            )

    def close(self) -> Figures:
        """Once all steps were taken."""
        ends = [self._heard(pipe) for pipe in self._pipes]
        end = max((each for each in ends if isinstance(each, int)), default=None)
        for pipe in self._pipes:
            pipe.send(end)
        parts = [self._heard(pipe) for pipe in self._pipes]
        history = self._history
        known = [each for each in parts if isinstance(each, Part)]
        return together(known, history.policies, history.accounts, history.within)

    @staticmethod
    def _heard(pipe: Connection) -> object:
        try:
            said: object = pipe.recv()
        except EOFError:
            raise Failed("a process of the replay ended: there may be too little memory, try --workers 1") from None
        if isinstance(said, BadInput):
            raise said
        return said


@contextmanager
def shares(history: History, count: int) -> Iterator[Shares]:
    """The history in `count` processes. They end with the context."""
    # A fork of a process with threads may hang, and one is started for the progress bar.
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_replay, args=(history, theirs, number, count), daemon=True)
        for number, (_, theirs) in enumerate(pairs)
    ]
    try:
        for process, (_, theirs) in zip(processes, pairs, strict=True):
            process.start()
            theirs.close()
        yield Shares(history, [ours for ours, _ in pairs])
    finally:
        for ours, _ in pairs:
            ours.close()
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join()


def batches(read: Iterable[Line], number: int = 0, count: int = 1) -> Iterator[list[Replayed]]:
    """The lines in batches that are as long for everybody, each without those of other shares than `number`."""
    batch: list[Replayed] = []
    place = -1
    for place, line in enumerate(read):
        if place and place % BATCH == 0:
            yield batch
            batch = []
        if count == 1 or share_of(line.value, count) == number:
            batch.append(Replayed(place, place, line.number, line.value))
    if place >= 0:
        yield batch


def share_of(value: bytes, count: int) -> int:
    """Whose line it is: all of one customer's are of one share."""
    try:
        customer = _decode(value).customer_id
    except MsgspecError:
        try:
            customer = told(value).customer_id
        except InvalidEvent:
            return 0
    return crc32(customer.lower().encode()) % count


class _Whose(Struct, gc=False):
    customer_id: str


_decode = Decoder(_Whose).decode


def _place(alert: tuple[int, bytes]) -> int:
    return alert[0]


def _replay(history: History, pipe: Connection, number: int, count: int) -> None:
    """What one of the processes does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started it ends it
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    replay = Replay(history.policies, history.accounts, history.within)
    with suppress(BrokenPipeError):  # nobody listens any more
        try:
            with opened(history.path) as source:
                for batch in batches(lines(source, history.name, history.file_format, COLUMNS), number, count):
                    pipe.send(Step.of(replay.process(batch), len(batch), source.tell()))
        except BadInput as error:
            pipe.send(error)
            return
        pipe.send(None)
        pipe.send(replay.newest)
        pipe.send(replay.part(pipe.recv()))
