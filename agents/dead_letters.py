"""The dead letters: which there are, and back onto the topic that they came from."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents import kafka
from agents.intake import FROM, traces_of, unowned
from agents.session import connected
from agents.settings import Settings
from agents.transport.ends import ends
from streams.sources.answer import email_of
from streams.sources.whose import domain_of, whose, why_not
from streams.topology import DEAD_LETTERS, EVENTS, HEADER_BACKFILL
from streams.validate import Invalid
from web.database import Database, Unavailable

REPLAYED, BY = "csatwatch-replayed", "csatwatch-by"
"""Headers: which dead letter a record was, on the record and on a note behind the letter; and who had it replayed."""

_OURS = "csatwatch-"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FETCH_MS = 200
_PATIENCE = 10.0  # seconds for one record


class NotReplayable(Exception):
    """A dead letter that cannot go back; the text says why."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that is no event.

    Attributes:
        id: its place among the dead letters, PARTITION:OFFSET.
        error, message: why it is none, without a customer's words.
        topic, partition, offset: where it was read.
        whole: it holds the original; else that was too large, and has to be read where it was.
        source: the survey source whose answer it is, which waits for its customer to be known; None: it is none.
        replayed_at: when it was put back; None: it was not. `replayed_by`: who did so.
    """

    id: str
    at: datetime
    error: str
    message: str
    topic: str
    partition: int
    offset: int
    size: int
    whole: bool
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    source: str | None = None
    key: bytes | None = field(default=None, repr=False)
    value: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """Where it came from, for people."""
        return f"source {self.source}" if self.source else f"{self.topic}[{self.partition}]@{self.offset}"

    @property
    def answer_id(self) -> bytes | None:
        """Of an answer that waits, whichever of its records this is."""
        return next((value for name, value in self.headers if name == "ce_id"), None) if self.source else None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were put back, and of the answers that still wait, why."""

    count: int
    left: Sequence[str]


async def read(settings: Settings, *, newest: int) -> list[DeadLetter]:
    """The newest of each partition, the newest first. Raises `KafkaError`."""
    topic = settings.topic(DEAD_LETTERS)
    places = [TopicPartition(topic, number) for number in await _partitions(settings, topic)]
    consumer = kafka.consumer(settings, group_id=None, enable_auto_commit=False)
    async with connected(consumer):
        consumer.assign(places)
        last, first = await ends(consumer, places), await consumer.beginning_offsets(places)
        found = [
            record
            for place in places
            for record in await _between(consumer, place, max(first[place], last[place] - newest), last[place])
        ]
    letters, notes = {}, {}
    for record in found:
        headers = _headers(record)
        if REPLAYED in headers and "csatwatch-error" not in headers:
            notes[headers[REPLAYED]] = (_time(record), headers.get(BY))
        elif (letter := _letter(record, headers)) is not None:
            letters[letter.id] = letter
    told = [
        replace(each, replayed_at=notes[each.id][0], replayed_by=notes[each.id][1]) if each.id in notes else each
        for each in letters.values()
    ]
    return sorted(_once(told), key=lambda each: (each.at, each.id), reverse=True)


async def replay(
    settings: Settings, letters: Sequence[DeadLetter], *, by: str, customer: str | None = None
) -> Replayed:
    """Put these back onto the topic that they came from, and note that behind them, each acknowledged.

    What is wrong with a record still becomes a dead letter of its own. An answer that waits goes to its customer, or to
    `customer` where a person says whose it is; it goes on waiting where that is still not known. Raises `NotReplayable`
    before anything is sent, also where nothing could be, and `KafkaError`.
    """
    whole, left = [], []
    async with AsyncExitStack() as stack:
        database = Database(settings.postgres_dsn.get_secret_value(), size=1)
        if customer is None and any(each.source for each in letters):
            await database.open()
            stack.push_async_callback(database.close)
        for each in letters:
            try:
                if each.source is not None:
                    whole.append(await _owned(database, each, customer))
                else:
                    whole.append(each if each.whole else await _original(settings, each))
            except _StillUnknown as why:
                left.append(f"{each.id}: {why}")
    if left and not whole:
        raise NotReplayable(left[0])
    for each in whole:
        if each.topic != settings.topic(EVENTS):
            raise NotReplayable(f"{each.id} is from {each.topic}, which is not this installation's")
    async with connected(kafka.producer(settings)) as producer:
        for each in whole:
            mark = (REPLAYED, each.id.encode())
            headers = [pair for pair in each.headers if pair[0] == HEADER_BACKFILL or not pair[0].startswith(_OURS)]
            await producer.send_and_wait(
                each.topic,
                each.value,
                key=each.key,
                headers=[*headers, mark],
                partition=each.partition if each.key is None else None,
            )
            await producer.send_and_wait(
                settings.topic(DEAD_LETTERS),
                b"",
                headers=[mark, (BY, by.encode())],
                partition=int(each.id.partition(":")[0]),
            )
    return Replayed(len(whole), left)


class _StillUnknown(Exception):
    """Whose answer it is."""


def _once(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Each answer that waits once, however often its source said it; it is replayed where one of them is."""
    kept: dict[bytes | str, DeadLetter] = {}
    for each in sorted(letters, key=lambda each: each.at):
        name = each.answer_id or each.id
        before = kept.get(name)
        if before is not None and before.replayed_at is not None and each.replayed_at is None:
            continue
        kept[name] = each
    return list(kept.values())


async def _owned(database: Database, letter: DeadLetter, customer: str | None) -> DeadLetter:
    """The letter of an answer as its customer's event. Raises `_StillUnknown` and `NotReplayable`."""
    try:
        event = unowned(letter.value)
    except ValueError:
        raise NotReplayable(f"{letter.id} is no answer of a source: it cannot be replayed") from None
    if customer is None:
        try:
            traces = await traces_of(database, event)
        except Unavailable as why:
            raise NotReplayable(f"{letter.id} needs the database to find its customer. {why}") from None
        customer = whose(traces)
        if customer is None:
            raise _StillUnknown(why_not(traces, ticket=event.ticket_id, domain=domain_of(email_of(event))))
    value = event.model_copy(update={"customer_id": customer}).to_json()
    return replace(letter, key=customer.encode(), value=value)


async def _original(settings: Settings, letter: DeadLetter) -> DeadLetter:
    """The letter with the record that was too large for it."""
    place = TopicPartition(letter.topic, letter.partition)
    consumer = kafka.consumer(settings, group_id=None, enable_auto_commit=False)
    async with connected(consumer):
        consumer.assign([place])
        first, last = (await consumer.beginning_offsets([place]))[place], (await ends(consumer, [place]))[place]
        found = (
            await _between(consumer, place, letter.offset, letter.offset + 1) if first <= letter.offset < last else []
        )
    if not found or found[0].offset != letter.offset:
        raise NotReplayable(f"{letter.id} does not hold the original, and {letter.topic} has it no longer")
    return replace(letter, key=found[0].key, value=found[0].value, headers=tuple(found[0].headers), whole=True)


async def _between(consumer: AIOKafkaConsumer, place: TopicPartition, first: int, last: int) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    if first >= last:
        return found
    consumer.seek(place, first)
    async with asyncio.timeout(_PATIENCE):
        while await consumer.position(place) < last:
            for records in (await consumer.getmany(place, timeout_ms=_FETCH_MS)).values():
                found += [record for record in records if record.offset < last]
    return found


async def _partitions(settings: Settings, topic: str) -> list[int]:
    async with connected(kafka.admin(settings)) as admin:
        if topic not in await admin.list_topics():
            return []
        (described,) = await admin.describe_topics([topic])
    return sorted(each["partition"] for each in described["partitions"])


def _headers(record: ConsumerRecord) -> dict[str, str]:
    # Ours come last: a sender's own of the same name do not count.
    return {name: (value or b"").decode(errors="replace") for name, value in record.headers}


def _letter(record: ConsumerRecord, headers: dict[str, str]) -> DeadLetter | None:
    try:
        return DeadLetter(
            id=f"{record.partition}:{record.offset}",
            at=_time(record),
            error=headers["csatwatch-error"],
            message=headers["csatwatch-message"],
            topic=headers["csatwatch-topic"],
            partition=int(headers["csatwatch-partition"]),
            offset=int(headers["csatwatch-offset"]),
            size=int(headers.get("csatwatch-original-bytes") or len(record.value or b"")),
            whole="csatwatch-original-bytes" not in headers,
            source=headers.get(FROM) if headers["csatwatch-error"] == Invalid.UNRESOLVED else None,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
        )
    except (KeyError, ValueError):
        return None  # somebody else's


def _time(record: ConsumerRecord) -> datetime:
    return _EPOCH + timedelta(milliseconds=record.timestamp)
