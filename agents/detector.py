"""The detector: batches of events in; alerts first, then state, then the offset."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import islice
from time import monotonic, time
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP

from agents import kafka, metrics
from agents.accounts import Accounts
from agents.alert_log import say
from agents.app import build
from agents.changes import Changes
from agents.flood import Flood
from agents.health import Health
from agents.lag import behind
from agents.layout import check_assigned, check_restored
from agents.run import run
from agents.session import connected
from agents.settings import BadSettings, Settings
from agents.state_dir import take
from agents.states import PartitionStates, room
from agents.traces import Traces, traces
from agents.transport.app import BatchApp
from agents.transport.batch import Batch
from agents.transport.checkpoint import Checkpointer, Plain, Transactional
from agents.transport.failpoints import reached
from agents.transport.fetcher import batching
from agents.transport.pace import Pace
from agents.transport.producer import MAX_BATCH, Outgoing, send
from agents.transport.recreated import Mark, recreated
from agents.transport.restore import Restore
from agents.transport.standby import Standby
from agents.transport.table import BatchTable
from schemas.customer import Customer
from schemas.policy import load_policy
from schemas.wire import Alert, CustomerTrend
from streams.dead_letter import letter
from streams.partition import partition_of
from streams.pipeline import Pipeline
from streams.records import Outcome
from streams.topology import (
    ALERTS,
    CUSTOMERS,
    DEAD_LETTERS,
    EVENTS,
    HEADER_REROUTED,
    MEGABYTE,
    RATINGS_TABLE,
    TRENDS,
    changelog,
)
from streams.track import Track

# Between two checkpoints of a partition: a crash repeats at most the events of so long.
_CHECKPOINT_SECONDS = 10.0  # while behind
# Bytes of memory in all partitions. Changed states are there until a checkpoint has encoded them: a partition that has
# its part of the first is due, and from the second on batches wait. Others are at hand, as far as all fit the third.
_MANY, _FULL, _AT_HAND = 400_000_000, 800_000_000, 1_200_000_000
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 5.0  # else: the more, the more is written
_SECONDS_A_STATE = 0.0025  # one takes some 60 µs: a partition's checkpoints are a fortieth of the time
_FEW = 1_000  # events that wait where a partition is not behind
# A checkpoint of 400,000 customers takes a quarter of a minute, and a slow machine several times as long. Whoever takes
# over a partition ends what was left open there at once.
_TRANSACTION_SECONDS = 180
_AT_A_TIME = 2  # partitions whose checkpoints are written: one is encoded while the other's waits for the broker
# What is done of a checkpoint between two rests while alerts are live, less than a millisecond: customers that are
# encoded and sent, records that are put into the store.
_ENCODED_AT_ONCE, _PUT_AT_ONCE = 16, 64
# Else: what is sent while it is in the processor's cache is cheap, and a larger write is slower, it grows by copying.
_ENCODED_IN_A_ROW, _PUT_IN_A_ROW = 256, 1_000

_log = structlog.get_logger(__name__)


class Detector:
    """Detection on the partitions that the group gives to this worker."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        accounts: Accounts,
        app: BatchApp,
        flood: Flood,
        traces: Traces | None = None,
    ) -> None:
        self._settings = settings
        self._traces = traces or Traces()
        self._flood = flood
        self._pipeline = pipeline
        self._accounts = accounts
        self._app = app
        self._events = settings.topic(EVENTS)
        self._among = str(pipeline.partitions).encode()
        self._table = BatchTable(
            app, RATINGS_TABLE, changelog=settings.topic(changelog(settings.app_id)), partitions=pipeline.partitions
        )

        def consumer() -> AIOKafkaConsumer:
            stock = kafka.consumer(settings, enable_auto_commit=False, auto_offset_reset="earliest")
            return batching(stock, {self._table.changelog_topic.get_topic_name()})

        self._restore = Restore(
            app,
            self._table,
            consumer=consumer,
            ready=self._open,
            restored=self._restored,
            progress=metrics.STATE_RESTORED.set,
            standby=Standby(self._table, consumer=consumer, lag=metrics.STANDBY_LAG.set),
        )
        app.use_recovery(self._restore)
        app.batch_agent(self._events, self.handle, name="detect")
        app.checkpointed.add(self._events)
        app.checkpoint = self.checkpoint
        app.on_partitions_revoked.connect(cast("Any", self._revoked))
        self._states: dict[int, PartitionStates] = {}
        self._checkpointed_at: dict[TP, float] = {}
        self._written: dict[TP, int] = {}  # values, with the last checkpoint; none while behind, 0 right after that
        self._producer: AIOKafkaProducer = kafka.producer(
            settings, linger_ms=0, max_batch_size=MAX_BATCH, max_request_size=3 * MEGABYTE
        )
        self._checkpoints: Checkpointer = (
            Transactional(
                settings.group("detect"),
                lambda name: kafka.producer(
                    settings,
                    transactional_id=name,
                    transaction_timeout_ms=_TRANSACTION_SECONDS * 1000,
                    linger_ms=0,
                    max_batch_size=MAX_BATCH,
                    max_request_size=MEGABYTE,
                ),
            )
            if settings.kafka_transactions
            else Plain(self._producer, lambda: app.batches)
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What must be up before the app starts and stay up until it has stopped."""
        async with AsyncExitStack() as stack:
            await self._producer.start()
            stack.push_async_callback(self._producer.stop)
            stack.push_async_callback(self._checkpoints.close)
            stack.push_async_callback(self._traces.close)
            await stack.enter_async_context(self._accounts.followed(self._account_arrived, self._app.fail))
            yield

    async def handle(self, batch: Batch) -> Awaitable[None] | None:
        """Fold a batch into its partition's states and send what follows.

        Returns what is left to wait for, the acknowledgements, so that the next batches are folded meanwhile.
        """
        await room(self._states, _FULL)
        if batch.generation != self._app.batches.generation:
            return None  # the partition went meanwhile: its next owner reads the batch
        states = self._states.get(batch.partition)
        if states is None:
            _log.error("no state", partition=batch.partition, assignment=batch.generation, have=sorted(self._states))
            message = f"no state of partition {batch.partition}"
            raise LookupError(message)
        await states.under_way.acquire()
        try:
            outcome = self._pipeline.process(
                batch.records, batch.partition, states, self._accounts.known, datetime.now(UTC)
            )
            self._flood.count(len(batch.records), len(outcome.refused))
            states.moved(batch.records[-1].offset, batch.records[-1].timestamp)
            if not (outcome.raised or outcome.refused or outcome.strays):
                self._count(outcome)
                states.under_way.release()
                return None
        except BaseException:
            self._drop(batch.partition, states)
            states.under_way.release()
            raise
        return self._send(batch, outcome, states)

    async def restored(self) -> str | None:
        """How far the state of the partitions is from being whole; None where it is."""
        return await self._restore.check()

    async def checkpoint(self, partitions: set[TP], *, last: bool) -> Mapping[TP, int]:
        """Write the states changed since the last checkpoint, with the source offsets that they stand for.

        A partition that is behind waits for `_CHECKPOINT_SECONDS`: a customer's state is then written once for many
        of its events.
        """
        now = monotonic()
        due = [tp for tp in partitions if last or now - self._checkpointed_at.get(tp, 0) > self._rest(tp)]
        self._checkpointed_at.update(dict.fromkeys(due, now))
        turns = asyncio.Semaphore(len(due) if last else _AT_A_TIME)

        async def in_turn(tp: TP) -> int | None:
            async with turns:
                return await self._checkpoint(tp)

        done = await asyncio.gather(*map(in_turn, due))
        return {tp: offset for tp, offset in zip(due, done, strict=True) if offset is not None}

    def _rest(self, tp: TP) -> float:
        if behind(self._app.batches, tp):
            states = self._states.get(tp.partition)
            return 0 if states is not None and states.changed >= self._many(states) else _CHECKPOINT_SECONDS
        return min(max(_LEAST_SECONDS, _SECONDS_A_STATE * self._written.get(tp, 0)), _MOST_SECONDS)

    def _many(self, states: PartitionStates) -> int:
        # Not fewer than are at hand: they stay in memory whether or not they are written.
        return max(states.fit(_MANY // len(self._states)), self._most_at_hand(states))

    def _most_at_hand(self, states: PartitionStates) -> int:
        return states.most_at_hand(_AT_HAND // len(self._states))

    async def _checkpoint(self, tp: TP) -> int | None:
        states = self._states.get(tp.partition)
        if states is None:
            return None
        async with states.writing:
            async with states.quiet():  # not between a batch's fold and its alerts' acknowledgement
                if self._states.get(tp.partition) is not states:
                    return None
                offset = self._app.batches.handled_up_to(tp)
                if offset is None or (offset == self._app.batches.committed_up_to(tp) and not states.changed):
                    return offset
                changes = states.begin_checkpoint(self._trend_of, self._most_at_hand(states))
                live = behind(self._app.batches, tp) < _FEW
            # Else alerts are late anyhow, or were: the first checkpoint behind that is large.
            pace = Pace(lambda: self._app.batches.finishing) if live and tp in self._written else None
            reached("before-checkpoint")
            with metrics.CHECKPOINT_SECONDS.time():
                last = await self._write(tp, changes, offset, pace)
            reached("before-local-put")
            await self._put(tp.partition, states, changes, last, pace)
            states.written()
            if live:
                self._written[tp] = len(changes.states) if tp in self._written else 0
            else:
                self._written.pop(tp, None)
            reached("after-local-put")
        return offset

    async def _write(self, tp: TP, changes: Changes, offset: int, pace: Pace | None) -> int:
        """Encode and send: some are on their way while others are encoded. Returns the last offset in the changelog."""
        log, trends = self._table.changelog_topic.get_topic_name(), self._settings.topic(TRENDS)
        async with self._checkpoints.writing(tp, offset) as writing:
            more = True
            while more:
                more = changes.encode_next(_ENCODED_AT_ONCE if pace else _ENCODED_IN_A_ROW)
                for topic, records in zip((log, trends), changes.take(), strict=True):
                    if records:
                        await writing.add(topic, records)
                if pace and more:
                    await pace.rest()
        return writing.last[log]

    async def _put(
        self, partition: int, states: PartitionStates, changes: Changes, offset: int, pace: Pace | None
    ) -> None:
        """Put what a checkpoint wrote to the changelog, up to `offset` there, into the local store as well."""
        items, left = iter(changes.states.items()), len(changes.states)
        size = _PUT_AT_ONCE if pace else _PUT_IN_A_ROW
        while left:
            # Not after a rebalance that did not wait for this: the store may hold another worker's newer states.
            if self._states.get(partition) is not states:
                return
            left = max(left - size, 0)
            self._table.local.write(partition, islice(items, size), None if left else offset)
            if pace and left:
                reached("in-local-put")
                await pace.rest()

    def _trend_of(self, track: Track, customer: str) -> CustomerTrend | None:
        return self._pipeline.trend(track, customer, self._accounts.known)

    async def _send(self, batch: Batch, outcome: Outcome, states: PartitionStates) -> None:
        try:
            letters = [
                letter(r.record, r.error, topic=batch.topic, partition=batch.partition, limit=2 * MEGABYTE)
                for r in outcome.refused
            ]
            strays = [
                Outgoing(s.partition, s.record.key, s.record.value, (*s.record.headers, (HEADER_REROUTED, self._among)))
                for s in outcome.strays
            ]
            with self._traces.raising(outcome.raised, batch.topic, batch.partition) as traced:
                alerts = [
                    Outgoing(batch.partition, r.alert.customer_id.encode(), r.value, [*headers_of(r.alert), *more])
                    for r, more in zip(outcome.raised, traced, strict=False)
                ]
                sends: list[Awaitable[object]] = [self._publish(ALERTS, alerts)]
                if strays:
                    sends.append(send(self._producer, self._events, strays))
                sends += [
                    self._producer.send_and_wait(
                        self._settings.topic(DEAD_LETTERS), key=x.key, value=x.value, headers=list(x.headers)
                    )
                    for x in letters
                ]
                # Alerts are mostly alone: without a task of their own they are sent sooner.
                await (asyncio.gather(*sends) if len(sends) > 1 else sends[0])
            reached("alerts-acknowledged")
            self._count(outcome)
            say(_log, "alert published", [r.alert for r in outcome.raised])
        except BaseException:
            self._drop(batch.partition, states)
            raise
        finally:
            states.under_way.release()

    def _drop(self, partition: int, states: PartitionStates) -> None:
        """Let no checkpoint keep states of which not everything got out: a replay would take it for published."""
        if self._states.get(partition) is states:
            del self._states[partition]

    async def _publish(self, topic: str, records: Iterable[Outgoing]) -> None:
        await send(self._producer, self._settings.topic(topic), records)

    def _count(self, outcome: Outcome) -> None:
        for (event_type, result), n in outcome.counts.items():
            metrics.EVENTS.labels("detect", event_type, result).inc(n)
        for error, n in Counter(r.error.reason for r in outcome.refused).items():
            metrics.DEAD_LETTERS.labels(error).inc(n)
        _count_alerts(r.alert for r in outcome.raised)
        now = time()
        for raised in outcome.raised:
            metrics.ALERT_SECONDS.observe(max(now - raised.timestamp / 1000, 0))

    async def _account_arrived(self, customer: Customer) -> None:
        partition = partition_of(customer.customer_id, self._pipeline.partitions)
        states = self._states.get(partition)
        if states is not None and customer.customer_id in states.customers_waiting:
            await self._update_waiting(states, partition, [customer])

    async def _update_waiting(self, states: PartitionStates, partition: int, customers: Iterable[Customer]) -> None:
        async with states.quiet():
            now = datetime.now(UTC)
            try:
                found = [pair for c in customers for pair in self._pipeline.account_arrived(c, states, now)]
                await self._publish(
                    ALERTS, [Outgoing(partition, a.customer_id.encode(), v, headers_of(a)) for a, v in found]
                )
            except BaseException:
                self._drop(partition, states)
                raise
        _count_alerts(alert for alert, _ in found)
        say(_log, "alert published", [alert for alert, _ in found])

    # -- rebalance

    async def _open(self, partitions: set[int]) -> None:
        self._states.clear()
        check_assigned(partitions, self._pipeline.partitions, self._events)
        await self._checkpoints.open(partitions)
        reached("opened")

    async def _restored(self, partitions: set[int]) -> None:
        count = self._pipeline.partitions
        restored = {partition: PartitionStates(self._table.local, partition, count) for partition in partitions}
        check_restored(restored, count, self._events)
        await self._check_epoch(restored)
        self._states.update(restored)
        # Where it is behind, its first checkpoint is not sooner than the others.
        self._checkpointed_at = {TP(self._events, partition): monotonic() for partition in partitions}
        for partition, states in restored.items():
            # Accounts that became known while nobody had the partition.
            known = [self._accounts.known[c] for c in states.customers_waiting if c in self._accounts.known]
            await self._update_waiting(states, partition, known)

    async def _check_epoch(self, restored: Mapping[int, PartitionStates]) -> None:
        marks = {
            TopicPartition(self._events, partition): Mark(states.position.offset, states.position.timestamp)
            for partition, states in restored.items()
            if states.position.offset >= 0
        }
        if not marks:
            return
        async with connected(kafka.consumer(self._settings, enable_auto_commit=False)) as consumer:
            gone = await recreated(consumer, marks)
        if gone:
            partitions = ", ".join(str(tp.partition) for tp in sorted(gone))
            message = (
                f"{self._events} was deleted and made again: its partitions {partitions} do not hold what the state "
                "says was read; stop all detectors and run `csatwatch state new-epoch` to go on with the windows kept"
            )
            raise BadSettings(message)

    async def _revoked(self, _app: object, revoked: set[TP], **_: object) -> None:
        partitions = sorted(int(tp.partition) for tp in revoked if tp.topic == self._events)
        if partitions:
            _log.info("partitions revoked", partitions=partitions)
            await self._restore.let_go()
            self._states.clear()
            await self._checkpoints.close()


def _count_alerts(alerts: Iterable[Alert]) -> None:
    for (kind, severity, status), n in Counter((a.kind, a.severity, a.status) for a in alerts).items():
        metrics.ALERTS.labels(kind, severity, status).inc(n)


def headers_of(alert: Alert) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 in Kafka's binary mode: the value stays plain JSON."""
    return [
        *_headers_of_all(alert.kind, alert.status),
        ("ce_id", f"{alert.alert_id}/{alert.revision}".encode()),
        ("ce_time", _text_of(alert.detected_at)),
    ]


@lru_cache(1)
def _text_of(at: datetime) -> bytes:
    # One for all alerts of a batch.
    return at.isoformat().encode()


@cache
def _headers_of_all(kind: str, status: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", b"csatwatch/detect"),
        ("content-type", b"application/json"),
        ("ce_type", f"csatwatch.alert.{kind}.{status}".encode()),
    )


async def main(settings: Settings) -> int:
    """Run the detector until it is told to stop. Returns the exit code."""
    policy = load_policy(settings.policy)
    health = Health(settings)
    await kafka.wait_for_broker(settings)
    cluster, partitions = await _look_around(settings)
    state = take(settings.state_dir, cluster, settings.group("detect"))
    app = build(settings, "detect", data=state.path, member=state.member() if settings.static_membership else None)
    pipeline, accounts = Pipeline(policy, partitions[EVENTS]), Accounts(settings, partitions[CUSTOMERS])
    flood = Flood(settings.dead_letter_limit, state.path)
    detector = Detector(settings, pipeline, accounts, app, flood, traces(settings, "csatwatch-detect"))
    policy_version = f"{policy.policy} {policy.version}"
    # States live long and make no cycles: looking through all of them again and again finds nothing. Of the rest some
    # five objects a second are in one.
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 50)
    health.check("state", detector.restored)
    _log.info("detector", policy=policy_version, partitions=pipeline.partitions, state=str(state.path))
    return await run(app, health, around=detector.running())


async def _look_around(settings: Settings) -> tuple[str, Mapping[str, int]]:
    """The cluster's id, and the number of partitions by topic. Raises `BadSettings`."""
    names = {name: settings.topic(name) for name in (EVENTS, CUSTOMERS, ALERTS, TRENDS, DEAD_LETTERS)}
    log = changelog(settings.app_id)
    names[log] = settings.topic(log)
    admin = kafka.admin(settings)
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
        found = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics(list(names.values()))}
    finally:
        await admin.close()
    partitions = {name: found.get(topic, 0) for name, topic in names.items()}
    for name, n in partitions.items():
        if not n:
            message = f"the topic {names[name]} is not there: run `csatwatch topics create`"
            raise BadSettings(message)
    for name in (log, ALERTS, TRENDS):
        if partitions[name] != partitions[EVENTS]:
            most = max(partitions[EVENTS], partitions[name])
            message = (
                f"{names[EVENTS]} has {partitions[EVENTS]} partitions and {names[name]} has {partitions[name]}: "
                f"they must be equal: run `csatwatch topics grow --partitions {most}`"
            )
            raise BadSettings(message)
    return str(cluster.get("cluster_id") or ""), partitions
