"""Carries the due steps of one sink: claims, sends, settles."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import structlog

from agents.breaker import PROBES, Breaker
from agents.guide import Guide
from agents.logs import describe
from agents.settled import report
from agents.traces import Traces
from schemas.notice import Hold
from sinks.backoff import Backoff
from sinks.base import (
    BatchSink,
    Delivery,
    Elsewhere,
    Outcome,
    Permanent,
    Receipt,
    Retriable,
    SendError,
    Sink,
    Unknown,
)
from sinks.ledger import AWAY, Failure, Held, Ledger, Retry, Settlement
from sinks.postgres import ASYNCPG_ERRORS, attempts, is_passing

_LAST_WORDS = 1.0  # seconds to settle what a stop interrupted

_log = structlog.get_logger(__name__)

Rests = dict[str, float]
"""Seconds for which nothing more goes into a lane."""
Send = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class Load:
    """How much a courier takes on at once.

    Attributes:
        slots: sends under way at the same time.
        batch: deliveries a send.
        limit: seconds that a send may take.
        lease: seconds that a claim holds, longer than `limit`.
    """

    slots: int
    batch: int
    limit: float
    lease: float


class Courier:
    """Serves one sink.

    Args:
        ledger: where steps are claimed and settled.
        name: the sink's name there.
        sink: the destination.
        load: how much at once.
        backoff: when a failed step is tried again.
        wake: called when a slot has become free.
        guide: says to whom and when, and what follows; None: everything goes out at once, and nothing follows.
        traces: where each step has its span.
        clock: seconds, monotonic: how long a destination that is away is left alone.
    """

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        sink: Sink | BatchSink,
        *,
        load: Load,
        backoff: Backoff,
        wake: Callable[[], None],
        guide: Guide | None = None,
        traces: Traces | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._ledger = ledger
        self._name = name
        self._send: Send = _one_by_one(sink) if isinstance(sink, Sink) else sink.send_all
        self._load = load
        self._backoff = backoff
        self._wake = wake
        self._guide = guide
        self._traces = traces or Traces()
        self._breaker = Breaker(clock)
        self._running: set[asyncio.Task[Rests]] = set()
        self._busy: set[str] = set()
        self._filling = asyncio.Lock()
        self._claims: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._away = False

    async def fill(self) -> None:
        """Claim due steps while there are any and slots are free; their sends go on after this returns.

        Where Postgres is away it returns at once: whoever calls comes again. A claim under way is seen through even
        when the caller is cancelled, as Faust does to its agents at a stop: what it took would stay claimed.
        """
        filling = asyncio.create_task(self._fill(), name=f"claim {self._name}")
        self._claims.add(filling)
        filling.add_done_callback(self._claims.discard)
        await asyncio.shield(filling)

    async def _fill(self) -> None:
        async with self._filling:
            while not self._stopping and (most := self._room()) > 0:
                try:
                    claimed = await self._ledger.claim(self._name, most, self._busy)
                except (*ASYNCPG_ERRORS, OSError) as error:
                    if not is_passing(error):
                        raise
                    self._note_away(error)
                    return
                self._away = False
                if not claimed:
                    return
                _log.debug("claimed", sink=self._name, steps=_keys(claimed))
                for start in range(0, len(claimed), self._load.batch):
                    self._begin(claimed[start : start + self._load.batch])

    async def stop(self, within: float) -> None:
        """Claim nothing more, and wait `within` seconds for the sends under way; the rest is given up as uncertain."""
        self._stopping = True
        await asyncio.gather(*self._claims, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_LAST_WORDS + 0.5)

    def _room(self) -> int:
        """How many steps can be begun now."""
        if self._breaker.open:
            return 0 if self._breaker.left else PROBES - len(self._running)
        return (self._load.slots - len(self._running)) * self._load.batch

    def _begin(self, deliveries: Sequence[Delivery]) -> None:
        lanes = {delivery.lane for delivery in deliveries if delivery.lane is not None}
        self._busy |= lanes
        task = asyncio.create_task(self._carry(deliveries), name=f"deliver {self._name}")
        self._running.add(task)

        def end(ended: asyncio.Task[Rests]) -> None:
            self._running.discard(ended)
            rests: Rests = {}
            if not ended.cancelled():
                if (error := ended.exception()) is not None:
                    _log.error("not settled", sink=self._name, steps=_keys(deliveries), error=type(error).__name__)
                else:
                    rests = ended.result()
            for lane, seconds in rests.items():
                asyncio.get_running_loop().call_later(seconds, self._free, lane)
            self._busy.difference_update(lanes - rests.keys())
            if not self._stopping:
                self._wake()

        task.add_done_callback(end)

    def _free(self, lane: str) -> None:
        self._busy.discard(lane)
        if not self._stopping:
            self._wake()

    async def _carry(self, deliveries: Sequence[Delivery]) -> Rests:
        prepared = [self._prepared(each) for each in deliveries]
        ready = [each for each in prepared if isinstance(each, Delivery)]
        try:
            with self._traces.carrying(ready) as told:
                done = await self._sent(ready) if ready else ()
                told(done)
            sent = iter(done)
        except asyncio.CancelledError:
            cut_off = Retriable("stopped before the answer", uncertain=True)
            async with asyncio.timeout(_LAST_WORDS):
                await self._settle([self._settlement(delivery, cut_off) for delivery in ready])
            raise
        outcomes = [next(sent) if isinstance(each, Delivery) else each for each in prepared]
        settlements = [self._settlement(*pair) for pair in zip(deliveries, outcomes, strict=True)]
        # Beyond its lease the claim is another worker's, and settling it would change nothing.
        async with asyncio.timeout(self._load.lease):
            await self._settle(settlements)
        if any(isinstance(each, Receipt) for each in outcomes) and self._breaker.answered():
            _log.info("destination is back", sink=self._name)
            await self._ledger.hurry(self._name)
        return {
            delivery.lane: outcome.rest
            for delivery, outcome in zip(deliveries, outcomes, strict=True)
            if isinstance(outcome, Receipt | Retriable) and outcome.rest > 0 and delivery.lane is not None
        }

    def _prepared(self, delivery: Delivery) -> Delivery | Hold | SendError | None:
        if self._guide is None:
            return delivery
        try:
            return self._guide.prepare(delivery)
        except Exception as error:  # noqa: BLE001 (as below: a claim that nobody settles would come back for ever)
            about = {"sink": self._name, "alert_id": str(delivery.alert.alert_id), "step": delivery.step}
            _log.error("a step cannot be prepared", **about, error=describe(error), exc_info=error)
            return Permanent(f"unexpected {type(error).__name__}")

    async def _sent(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        try:
            async with asyncio.timeout(self._load.limit):
                return await self._send(deliveries)
        except TimeoutError:
            late = Retriable(f"not done within {self._load.limit:g} s", uncertain=True)
            return [late] * len(deliveries)
        except Exception as error:  # noqa: BLE001 (one step that trips a bug fails visibly, and holds up no other)
            if is_passing(error):
                # A sink that asks the ledger on its way.
                return [Retriable(f"postgres: {type(error).__name__}", uncertain=True)] * len(deliveries)
            about = {"sink": self._name, "steps": _keys(deliveries)}
            _log.error("a step cannot be done", **about, error=describe(error), exc_info=error)
            return [Permanent(f"unexpected {type(error).__name__}")] * len(deliveries)

    def _settlement(self, delivery: Delivery, outcome: Outcome | Hold) -> Settlement:
        match outcome:
            case Hold():
                return Settlement(delivery, Held(outcome))
            case Elsewhere(lane=lane):
                return Settlement(delivery, Held(lane=lane))
            case Retriable(away=True):
                self._breaker.failed()
                if self._breaker.open:
                    return Settlement(delivery, self._put_off(delivery, outcome))
            case SendError():
                pass
            case _:
                return self._with_notices(Settlement(delivery, outcome))
        wait = self._backoff.wait(delivery.attempts, outcome)
        if wait is None:
            failure = Failure(str(outcome), unknown=isinstance(outcome, Unknown))
            return self._with_notices(Settlement(delivery, failure))
        uncertain = isinstance(outcome, Retriable) and outcome.uncertain
        counts = not isinstance(outcome, Retriable) or outcome.counts
        rest = outcome.rest if isinstance(outcome, Retriable) else 0.0
        return Settlement(delivery, Retry(wait.total_seconds(), str(outcome), uncertain, counts, rest))

    def _put_off(self, delivery: Delivery, error: Retriable) -> Held:
        # Not the next try but the one after: meanwhile another step can show that it is the destination that fails.
        until = delivery.claimed_at + timedelta(seconds=2 * self._breaker.pause)
        return Held(Hold(until, f"{AWAY}: {error}"), uncertain=error.uncertain)

    def _with_notices(self, settlement: Settlement) -> Settlement:
        if self._guide is None:
            return settlement
        return replace(settlement, then=tuple(self._guide.after(settlement.delivery, settlement.result)))

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        async for attempt in attempts():
            with attempt:
                written = await self._ledger.settle(settlements)
        for settlement in settlements:
            report(settlement, lost=settlement.key not in written)

    def _note_away(self, error: Exception) -> None:
        if not self._away:
            _log.warning("postgres is away", sink=self._name, error=type(error).__name__)
        self._away = True


def _keys(deliveries: Sequence[Delivery]) -> list[str]:
    """Which steps of which alerts, for the log."""
    return [f"{each.alert.alert_id} {each.step}" for each in deliveries]


def _one_by_one(sink: Sink) -> Send:
    async def send(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for delivery in deliveries:
            try:
                outcomes.append(await sink.send(delivery))
            except SendError as error:
                outcomes.append(error)
        return outcomes

    return send
