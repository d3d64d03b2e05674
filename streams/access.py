"""What each process may do on a Kafka that forbids what is not allowed: the least that it works with, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from streams.topology import ACTIONS, ALERTS, CUSTOMERS, DEAD_LETTERS, EVENTS, TOPICS, TRENDS, changelog


class Resource(StrEnum):
    """What a right is on, as `kafka-acls.sh` names it."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


@dataclass(frozen=True, slots=True)
class Right:
    """Operations, as Kafka names them, on the resource of this full name, or on all whose names begin with it."""

    resource: Resource
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


@dataclass(frozen=True, slots=True)
class _Needs:
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    describes: Sequence[str] = ()
    group: str | None = None
    looks_at: Sequence[str] = ()  # other processes' groups: how far they have come


_NEEDS: Mapping[str, _Needs] = {
    # It sends to csat-events what came on a wrong partition.
    "detect": _Needs((EVENTS, CUSTOMERS), (EVENTS, ALERTS, TRENDS, DEAD_LETTERS), group="detect"),
    "store": _Needs((EVENTS, CUSTOMERS), group="store"),
    # Before a digest it asks whether everything was read.
    "deliver": _Needs(
        (ALERTS, TRENDS, ACTIONS), (ALERTS, ACTIONS), describes=(EVENTS,), group="deliver", looks_at=("store",)
    ),
    # The operators' page shows lag and dead letters, puts those back, and notes that behind them. What survey tools say
    # goes to csat-events, or to the dead letters until it is known whose it is.
    "web": _Needs(
        (EVENTS, CUSTOMERS, ALERTS, TRENDS, ACTIONS, DEAD_LETTERS),
        (EVENTS, ACTIONS, DEAD_LETTERS),
        looks_at=("detect", "store", "deliver"),
    ),
    "publish": _Needs(writes=(EVENTS, CUSTOMERS)),
    "poll": _Needs(writes=(EVENTS, DEAD_LETTERS)),
    "dead-letters": _Needs((DEAD_LETTERS, EVENTS), (EVENTS, DEAD_LETTERS)),
    "erase": _Needs(writes=(EVENTS, CUSTOMERS)),
}
_CONFIGURED = ("DescribeConfigs",)
PROCESSES = (*_NEEDS, "topics", "grow")
"""Those that `rights` knows. `publish` stands for `csatwatch publish` and `customers import`, and for any producer;
`poll` for `csatwatch poll`, and for `csatwatch publish` of a survey tool's export; the last four for the commands of
these names, `topics` and `grow` for `csatwatch topics create` and `grow`."""


def rights(process: str, app_id: str, prefix: str) -> list[Right]:
    """What a process of the installation needs, whose topics' names begin with `prefix`."""
    ours = [prefix + name for name in (*(topic.name for topic in TOPICS), changelog(app_id))]
    if process == "topics":
        return [Right(Resource.TOPIC, name, ("Create", "Describe", *_CONFIGURED)) for name in ours]
    # A transaction a partition: its id ends in the partition's number.
    transactions = Right(Resource.TRANSACTIONAL_ID, f"{app_id}-detect-", ("Write", "Describe"), prefixed=True)
    if process == "grow":
        moved = [prefix + TRENDS, prefix + changelog(app_id)]
        return [
            *(Right(Resource.TOPIC, name, ("Alter", "Read", "Write")) for name in moved),
            Right(Resource.TOPIC, prefix + EVENTS, ("Alter", "Read")),
            Right(Resource.TOPIC, prefix + ALERTS, ("Alter", "Describe")),
            Right(Resource.GROUP, f"{app_id}-detect", ("Describe",)),
            transactions,
        ]
    needs = _NEEDS[process]
    topics: dict[str, list[str]] = {}
    for operation, names in (("Read", needs.reads), ("Write", needs.writes), ("Describe", needs.describes)):
        for name in names:
            topics.setdefault(name, []).append(operation)
    if process == "detect":
        topics[changelog(app_id)] = ["Read", "Write"]
    found = [Right(Resource.TOPIC, prefix + name, tuple(operations)) for name, operations in topics.items()]
    if needs.group is not None:
        found.append(Right(Resource.GROUP, f"{app_id}-{needs.group}", ("Read",)))
    found += [Right(Resource.GROUP, f"{app_id}-{name}", ("Describe",)) for name in needs.looks_at]
    if process == "erase":  # it says until when the topics keep what was written
        found += [Right(Resource.TOPIC, name, _CONFIGURED) for name in ours]
    if process == "detect":
        found.append(transactions)
    return found
