"""`csatwatch state rewind`: after Postgres was restored from a backup."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents import database, kafka
from agents.behind import READERS
from agents.refused import BadInput, Failed
from agents.session import connected, visit
from agents.settings import Settings, load_settings
from sinks.postgres import BadDatabase, Connection, migrate, queries
from streams.topology import TOPICS

_ROLES = ("store", "deliver")
_MARGIN = timedelta(hours=1)  # what the processes had read, and not written yet, when the backup was made
_COMPACTED = {topic.name for topic in TOPICS if topic.retention is None}


@click.command()
@click.option("--to", "text", metavar="TIME", required=True, help="When the backup was begun, like 2026-05-12T09:30Z.")
def rewind(*, text: str) -> None:
    """Read again what came since a backup that Postgres was restored from, and send nothing twice.

    Stop store, deliver and web first. An hour before TIME is added; an earlier TIME is safe, as what is known changes
    nothing, and a later one loses what came before it. What was published before now may have been delivered by the
    database that is lost: each destination is asked before anything is sent to it.
    """
    settings, to = load_settings(), _time(text)
    visit(settings, _alone(settings))
    database.visit(settings, lambda connection: _mark(settings, connection, to))
    for name, records in sorted(visit(settings, _rewind(settings, to - _MARGIN)).items()):
        click.echo(f"{name}: {records} records are read again")
    click.echo("start store, deliver and web again")


def _time(text: str) -> datetime:
    try:
        to = datetime.fromisoformat(text)
    except ValueError:
        to = None
    if to is None or to.tzinfo is None:
        raise BadInput(f"--to is {text!r}: must be a time with its zone, like 2026-05-12T09:30Z")
    if to > datetime.now(UTC):
        raise BadInput(f"--to is {text!r}: must be in the past: when the backup was begun")
    return to


async def _alone(settings: Settings) -> None:
    """Raises `Failed` where a process still runs whose offsets would be moved below it."""
    busy: list[str] = []
    async with connected(kafka.admin(settings)) as admin:
        for role in _ROLES:  # one by one: aiokafka misreads the answer on several
            described = await admin.describe_consumer_groups([settings.group(role)])
            busy += [settings.group(role) for response in described for *_, members, _ in response.groups if members]
    if busy:
        raise Failed(f"{' and '.join(busy)} still run: stop store, deliver and web first, all of them")


async def _mark(settings: Settings, connection: Connection, to: datetime) -> None:
    try:
        await migrate(settings.postgres_dsn.get_secret_value())
    except BadDatabase as error:
        raise Failed(str(error)) from None
    async with connection.transaction():
        await connection.execute(queries("ledger")["rewound"], to)
        await connection.execute(queries("ledger")["lost_track"])


async def _rewind(settings: Settings, to: datetime) -> dict[str, int]:
    """Move the groups back; returns how many records each reads again, by group and topic."""
    found: dict[str, int] = {}
    for role in _ROLES:
        by_topic = await _places(settings, READERS[role])
        client = kafka.consumer(settings, group_id=settings.group(role), enable_auto_commit=False)
        async with connected(client):
            for name, places in by_topic.items():
                client.assign(places)
                offsets = await _offsets(client, places, None if name in _COMPACTED else to)
                ends = await client.end_offsets(places)
                await client.commit({place: OffsetAndMetadata(offset, "") for place, offset in offsets.items()})
                found[f"{settings.group(role)} on {settings.topic(name)}"] = sum(
                    ends[place] - offsets[place] for place in places
                )
    return found


async def _places(settings: Settings, names: Sequence[str]) -> dict[str, list[TopicPartition]]:
    async with connected(kafka.admin(settings)) as admin:
        described = {each["topic"]: each for each in await admin.describe_topics([settings.topic(n) for n in names])}
    found = {}
    for name in names:
        topic = described[settings.topic(name)]
        if topic["error_code"]:
            raise Failed(f"the topic {topic['topic']} is not there: run csatwatch topics create")
        found[name] = [TopicPartition(topic["topic"], each["partition"]) for each in topic["partitions"]]
    return found


async def _offsets(
    client: AIOKafkaConsumer, places: list[TopicPartition], to: datetime | None
) -> Mapping[TopicPartition, int]:
    """Of the first records from `to` on; None: of the first that there are, for a compacted topic keeps no history."""
    beginnings: Mapping[TopicPartition, int] = await client.beginning_offsets(places)
    if to is None:
        return beginnings
    asked = await client.offsets_for_times(dict.fromkeys(places, int(to.timestamp() * 1000)))
    ends = await client.end_offsets(places)
    return {place: asked[place].offset if asked[place] is not None else ends[place] for place in places}
