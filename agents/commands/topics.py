"""`csatwatch topics`: the topics as `streams.topology` wants them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote

import click
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidConfigurationError, TopicAlreadyExistsError, for_code

from agents import kafka
from agents.commands.lazy import LazyGroup
from agents.refused import Failed
from agents.session import connected, visit
from agents.settings import PREFIX, Settings, load_settings
from agents.topics import usable
from streams.access import PROCESSES, rights
from streams.topology import ALERTS, COMPACTED, EVENTS, TOPICS, TRENDS, changelog

_TIMESTAMPS = "message.timestamp.type"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic with its full name, as it should be on the broker."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one topic.

    Attributes:
        differences: what is not as wanted, each with its fix; nothing is changed on a topic that exists.
    """

    name: str
    created: bool
    partitions: int
    differences: tuple[str, ...] = field(default=())


async def create(settings: Settings) -> list[Found]:
    """Create the topics that are missing, and look at the others. Raises `aiokafka.errors.KafkaError`."""
    async with connected(kafka.admin(settings)) as admin:
        there = set(await admin.list_topics())
        first, *others = _wanted(settings)
        events = await _ensure(admin, first, there, settings)
        # What goes with csat-events is partitioned like it: by what it has, not by what it should have.
        bound = like_events(settings)
        made = [events] + [
            await _ensure(
                admin, replace(topic, partitions=events.partitions) if topic.name in bound else topic, there, settings
            )
            for topic in others
        ]
        await usable(admin, [each.name for each in made])
        return made


def like_events(settings: Settings) -> frozenset[str]:
    """The topics that must have as many partitions as csat-events, as the detector writes them by partition."""
    return frozenset(settings.topic(name) for name in (ALERTS, TRENDS, changelog(settings.app_id)))


def missing(settings: Settings, there: Collection[str]) -> list[str]:
    """The topics that csatwatch needs and `there` does not have, by full name."""
    return [topic.name for topic in _wanted(settings) if topic.name not in there]


@click.group(cls=LazyGroup, summaries={"grow": "Give the topics more partitions, and move each customer along."})
def topics() -> None:
    """Create the topics, say what differs, grow them, and list who needs which rights on them."""


@topics.command("create", short_help="Create the topics that are missing, and say what differs.")
def create_command() -> None:
    """Create the topics that are missing; running it again changes nothing.

    The names carry CSATWATCH_TOPIC_PREFIX; CSATWATCH_PARTITIONS and CSATWATCH_REPLICATION say how many. A topic that
    exists is left as it is: what differs from what csatwatch wants is listed with the command that mends it. Exit
    code 1 where what the detector writes has other numbers of partitions than csat-events: it cannot start then.
    """
    settings = load_settings()
    found = visit(settings, create(settings))
    for topic in found:
        state = "created" if topic.created else "differs" if topic.differences else "as wanted"
        click.echo(f"{topic.name}: {state}, {topic.partitions} partitions")
        for difference in topic.differences:
            click.echo(f"  {difference}")
    events = found[0].partitions
    bound = [topic for topic in found if topic.name in like_events(settings)]
    if wrong := [f"{topic.name} {topic.partitions}" for topic in bound if topic.partitions != events]:
        most = max(events, *(topic.partitions for topic in bound))
        message = (
            f"{found[0].name} has {events} partitions, and the detector cannot start unless these have as many: "
            f"{', '.join(wrong)}: run `csatwatch topics grow --partitions {most}`"
        )
        raise Failed(message)


@topics.command("acls", short_help="Print the commands that give each process its rights.")
@click.option(
    "--principal",
    default="User:csatwatch-{process}",
    show_default=True,
    help="Who a process is to Kafka; {process} stands for its name.",
)
@click.option("--process", "names", multiple=True, type=click.Choice(PROCESSES), help="All without it.")
def acls_command(*, principal: str, names: Sequence[str]) -> None:
    """Print the commands that give each process the rights it needs, and no more.

    `publish` is for `csatwatch publish`, `csatwatch customers import` and any other producer of events; `topics` for
    `csatwatch topics create`. Nothing is changed: run the lines with a --bootstrap-server where they may be run.
    """
    settings = load_settings()
    for process in names or PROCESSES:
        click.echo(f"# {process}")
        for right in rights(process, settings.app_id, settings.topic_prefix):
            operations = " ".join(f"--operation {operation}" for operation in right.operations)
            pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
            who = principal.replace("{process}", process)
            click.echo(
                f"kafka-acls.sh --add --allow-principal {quote(who)} {operations} "
                f"--{right.resource} {quote(right.name)}{pattern}"
            )


@topics.command("asyncapi", short_help="Print the topics and their records as AsyncAPI 3.")
def asyncapi_command() -> None:
    """Print the topics and their records as an AsyncAPI 3 document, under the names they have here."""
    from agents.asyncapi import asyncapi  # noqa: PLC0415 (it makes all schemas)

    click.echo(json.dumps(asyncapi(load_settings()), indent=2, ensure_ascii=False))


def _wanted(settings: Settings) -> list[Wanted]:
    """All topics, csat-events first."""
    wanted = [
        Wanted(settings.topic(topic.name), settings.partitions, {**topic.settings(), **_safe(settings)})
        for topic in TOPICS
    ]
    state = settings.topic(changelog(settings.app_id))
    return [*wanted, Wanted(state, settings.partitions, {**COMPACTED, **_safe(settings)})]


def _safe(settings: Settings) -> dict[str, str]:
    # One replica may be away; with acks=all a write that only one holds is refused where there are three.
    return {"min.insync.replicas": str(settings.replication - 1)} if settings.replication > 1 else {}


async def _ensure(admin: AIOKafkaAdminClient, wanted: Wanted, there: set[str], settings: Settings) -> Found:
    if wanted.name not in there:
        try:
            return await _create(admin, wanted, settings)
        except TopicAlreadyExistsError:
            pass  # by another csatwatch that starts at the same time
    (described,) = await admin.describe_topics([wanted.name])
    partitions = len(described["partitions"])
    differences = await _differences(admin, wanted)
    if partitions != wanted.partitions:
        differences.insert(0, _of_partitions(wanted, partitions, settings))
    return Found(wanted.name, created=False, partitions=partitions, differences=tuple(differences))


def _of_partitions(wanted: Wanted, has: int, settings: Settings) -> str:
    said = f"partitions: {has}, wanted {wanted.partitions}"
    if wanted.name == settings.topic(EVENTS):
        more = f", or run `csatwatch topics grow --partitions {wanted.partitions}`" if has < wanted.partitions else ""
        return f"{said}: set {PREFIX}PARTITIONS={has}{more}"
    if wanted.name in like_events(settings):
        return f"{said}, as {settings.topic(EVENTS)} has"
    return f"{said}: any number will do, nothing needs to be done"


async def _create(admin: AIOKafkaAdminClient, wanted: Wanted, settings: Settings) -> Found:
    try:
        await _send(admin, wanted, settings, wanted.config)
    except InvalidConfigurationError:
        if _TIMESTAMPS not in wanted.config:
            raise
        # A broker without it works too: ages are then measured by the worker's clock.
        config = {name: value for name, value in wanted.config.items() if name != _TIMESTAMPS}
        await _send(admin, wanted, settings, config)
        note = f"{_TIMESTAMPS}: this broker refuses LogAppendTime; ages are measured by the workers' clocks"
        return Found(wanted.name, created=True, partitions=wanted.partitions, differences=(note,))
    return Found(wanted.name, created=True, partitions=wanted.partitions)


async def _send(admin: AIOKafkaAdminClient, wanted: Wanted, settings: Settings, config: Mapping[str, str]) -> None:
    topic = NewTopic(wanted.name, wanted.partitions, settings.replication, topic_configs=dict(config))
    answer = await admin.create_topics([topic])
    for name, code, *message in answer.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {message[0] if message and message[0] else 'not created'}")


async def _differences(admin: AIOKafkaAdminClient, wanted: Wanted) -> list[str]:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, wanted.name)])
    (resource,) = answer.resources
    has = {name: value for name, value, *_ in resource[4]}
    return [
        f"{name}: {has.get(name, 'not set')}, wanted {value}: kafka-configs.sh --alter --topic {wanted.name} "
        f"--add-config {name}={value}"
        for name, value in wanted.config.items()
        if has.get(name) != value
    ]
