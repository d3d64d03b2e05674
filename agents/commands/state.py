"""`csatwatch state`: what to do when the event topic was made again, or Postgres came out of a backup."""

import click
from aiokafka import TopicPartition

from agents import kafka
from agents.commands.rewind import rewind
from agents.detectors import positions_of, refuse_running
from agents.position import POSITION, Position, encode
from agents.refused import Failed
from agents.session import connected, visit
from agents.settings import Settings, load_settings
from agents.transport.checkpoint import Transactional
from agents.transport.producer import MAX_BATCH, NO_HEADERS
from streams.topology import EVENTS, changelog


@click.group()
def state() -> None:
    """Look after what is kept: by the detector in Kafka, by the others in Postgres."""


state.add_command(rewind)


@state.command("new-epoch")
def new_epoch() -> None:
    """Go on with the windows kept, after csat-events was deleted and made again.

    Stop all detectors first. Nothing is forgotten; the new topic is read from its beginning.
    """
    settings = load_settings()
    epochs = visit(settings, _begin(settings))
    click.echo(f"{len(epochs)} partitions begin epoch {max(epochs)}: start the detectors again")


async def _begin(settings: Settings) -> list[int]:
    events, log = settings.topic(EVENTS), settings.topic(changelog(settings.app_id))
    group = settings.group("detect")
    async with connected(kafka.admin(settings)) as admin:
        topics = {t["topic"]: t for t in await admin.describe_topics([events, log])}
        counts = [0 if topics[name]["error_code"] else len(topics[name]["partitions"]) for name in (events, log)]
        if 0 in counts or counts[0] != counts[1]:
            message = (
                f"{events} has {counts[0]} partitions and {log} has {counts[1]}: run `csatwatch topics create` first, "
                "with CSATWATCH_PARTITIONS as it was"
            )
            raise Failed(message)
        await refuse_running(admin, settings)
    async with connected(kafka.consumer(settings, enable_auto_commit=False)) as consumer:
        found = await positions_of(consumer, log, counts[0])
    positions = {partition: found.get(partition, Position()) for partition in range(counts[0])}
    checkpoints = Transactional(
        group, lambda name: kafka.producer(settings, transactional_id=name, max_batch_size=MAX_BATCH)
    )
    await checkpoints.open(set(positions))
    try:
        for partition, position in positions.items():
            new = Position(position.epoch + 1, partitions=position.partitions)
            async with checkpoints.writing(TopicPartition(events, partition), 0) as writing:
                await writing.add(log, [(POSITION, encode(new), NO_HEADERS)])
    finally:
        await checkpoints.close()
    return [position.epoch + 1 for position in positions.values()]
