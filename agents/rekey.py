"""Moves customers' states and trends to the partitions where their events are, once there are more of them.

A customer moves in one Kafka transaction, whole: written where the customer is at home, deleted where the customer was.
So each is in exactly one place at any time, and who begins again finds those that are left.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from agents.states import customer_of
from agents.transport.failpoints import reached
from agents.transport.producer import Outgoing, send
from agents.transport.read_back import newest
from streams.partition import partition_of
from streams.topology import HEADER_MOVED
from streams.track import Track

_CHUNK = 4_000_000  # bytes of a transaction, or one customer


@dataclass(frozen=True, slots=True)
class Home:
    """A partition that customers move to.

    Attributes:
        epoch: of the states there.
        applied: offset of the last record there that was handled, -1 before the first. What a customer who comes has up
            to it was astray, and is in the state already.
    """

    epoch: int
    applied: int


@dataclass(frozen=True, slots=True)
class Moving:
    """What one customer takes along.

    Attributes:
        deletions: by which it leaves.
        arrivals: by which it comes.
    """

    deletions: Sequence[Outgoing]
    arrivals: Sequence[Outgoing]

    @property
    def size(self) -> int:
        """In bytes, nearly."""
        return sum(len(record.value or b"") + 100 for record in self.arrivals)


async def move_states(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, place: TopicPartition, homes: Sequence[Home]
) -> int:
    """Move those customers away from a partition of the changelog who are at home on another one.

    Holds the partition's states in memory. Returns how many moved. Raises `streams.track.UnknownFormat`.
    """
    values = await newest(consumer, place)
    away: dict[str, dict[str, bytes]] = defaultdict(dict)
    waits: dict[str, tuple[bytes, bytes]] = {}
    for key, value in values.items():
        customer = customer_of(key)
        if customer is None or partition_of(customer, len(homes)) == place.partition:
            continue
        if key.startswith(customer.encode()):
            away[customer][key[len(customer) :].decode()] = value
        else:
            waits[customer] = (key, value)
    names = sorted(away.keys() | waits.keys())
    everybody = (_state(c, away.get(c, {}), waits.get(c), place, homes) for c in names)
    await _move(producer, place.topic, everybody, lambda: reached("moving-states"))
    return len(names)


async def move_trends(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, place: TopicPartition, partitions: int
) -> int:
    """The same with the customers' trends on a partition of `csat-trends`."""
    found = []
    for key, value in (await newest(consumer, place)).items():
        home = partition_of(key.decode(), partitions)
        if home != place.partition:
            gone = Outgoing(place.partition, key, None, ((HEADER_MOVED, str(partitions).encode()),))
            found.append(Moving([gone], [Outgoing(home, key, value)]))
    await _move(producer, place.topic, found, lambda: None)
    return len(found)


def _state(
    customer: str,
    values: Mapping[str, bytes],
    waits: tuple[bytes, bytes] | None,
    place: TopicPartition,
    homes: Sequence[Home],
) -> Moving:
    number = partition_of(customer, len(homes))
    kept: dict[str, bytes | None] = dict(values)
    if "" in values:
        track = Track.decode(values[""], values.get)
        track.epoch, track.applied = homes[number].epoch, homes[number].applied
        kept |= track.encode()
    arrivals = [
        Outgoing(number, (customer + suffix).encode(), value) for suffix, value in kept.items() if value is not None
    ]
    deletions = [Outgoing(place.partition, (customer + suffix).encode(), None) for suffix in values]
    if waits is not None:
        arrivals.append(Outgoing(number, *waits))
        deletions.append(Outgoing(place.partition, waits[0], None))
    return Moving(deletions, arrivals)


async def _move(
    producer: AIOKafkaProducer, topic: str, everybody: Iterable[Moving], under_way: Callable[[], None]
) -> None:
    for chunk in _chunks(everybody):
        async with producer.transaction():
            # The deletions are acknowledged first, so that the broker dates them before what comes in their place.
            await send(producer, topic, [record for each in chunk for record in each.deletions])
            await send(producer, topic, [record for each in chunk for record in each.arrivals])
            under_way()


def _chunks(everybody: Iterable[Moving]) -> Iterator[list[Moving]]:
    chunk: list[Moving] = []
    size = 0
    for each in everybody:
        chunk.append(each)
        size += each.size
        if size > _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
