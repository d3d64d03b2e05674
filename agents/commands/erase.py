"""`csatwatch erase`: what a customer, or one of its people, said is forgotten everywhere, and that is proved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import click
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pydantic import TypeAdapter, ValidationError

from agents import kafka
from agents.commands.publish import message
from agents.refused import BadInput, Failed
from agents.session import connected, visit
from agents.settings import PREFIX, Settings, load_settings
from schemas.event import Contact, CustomerErased
from schemas.record import CustomerId, Email
from sinks import erase as forgetting
from sinks.customers import Account, store_customers
from sinks.erase import Person
from sinks.postgres import ASYNCPG_ERRORS, Connection, set_codecs
from sinks.ratings import Arrival, store_events
from streams.topology import CUSTOMERS, EVENTS, TOPICS, changelog

_SOURCE = "/csatwatch/erase"
_CONNECT = 5.0  # seconds
_NEVER = timedelta(days=36_500)  # what a broker that sets no bound says
_CUSTOMER_ID: TypeAdapter[str] = TypeAdapter(CustomerId)
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a topic may still hold what was said; None: as long as the broker likes."""

    topic: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of it.

    Attributes:
        customers: whose words they were.
        searched: texts that were searched for.
        found: where they are still found, in how many rows; empty: nowhere.
    """

    customers: Sequence[str]
    searched: int
    found: Mapping[str, int]
    kept: Sequence[Kept]


@click.command()
@click.option("--customer", metavar="ID", help="All that this customer and its people said, and its account.")
@click.option("--contact", metavar="EMAIL|ID", help="All that one person said, for whichever customers.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as one record; asks nothing.")
def erase(*, customer: str | None, contact: str | None, yes: bool, as_json: bool) -> None:
    """Forget what a customer or a person said: for good.

    Says so on csat-events, where the detector and the store hear of it; takes the words out of every table of Postgres,
    keeping ratings, times and counts; searches every column for them; and says until when the topics may hold them by
    their retention. With --customer the account on customers is deleted too. Doing it again does no harm.

    Exit code 1 where the search still finds something.
    """
    if (customer is None) == (contact is None):
        raise BadInput("say whose: --customer ID, or --contact with an e-mail address or the id of a contact")
    person = _person(contact) if contact is not None else None
    customer_id = _customer(customer) if customer is not None else None
    if not (yes or as_json):
        click.confirm("What was said is gone for good then. Go on?", abort=True)
    settings = load_settings()
    done = visit(settings, _erase(settings, customer_id, person))
    if as_json:
        click.echo(json.dumps(asdict(done), default=lambda value: value.isoformat()))
    else:
        for line in _told(done):
            click.echo(line)
    if done.found:
        raise Failed(
            "something is still found: run it again; if it stays, the columns above hold it for another reason"
        )


async def _erase(settings: Settings, customer: str | None, person: Person | None) -> Erased:
    connection = await _postgres(settings)
    try:
        await set_codecs(connection)
        customers = [customer] if customer is not None else await _customers_of(connection, person)
        words = {each: await forgetting.words_of(connection, each, person) for each in customers}
        arrivals = await _publish(settings, customers, person, with_account=customer is not None)
        async with connection.transaction():
            # As the store does when it reads the event: whichever comes second changes nothing.
            await store_events(connection, arrivals)
            if customer is not None:
                await store_customers(connection, [Account(customer, None, arrivals[0].published_at)])
        found: dict[str, int] = {}
        for each in customers:
            for column, count in (await forgetting.search(connection, words[each], each)).items():
                found[column] = found.get(column, 0) + count
    except asyncpg.UndefinedTableError:
        raise Failed("the database has no tables of csatwatch yet: they are made when csatwatch store starts") from None
    except ASYNCPG_ERRORS as error:
        raise Failed(f"Postgres cannot be used ({type(error).__name__}): run it again") from None
    finally:
        await connection.close(timeout=_CONNECT)
    return Erased(customers, sum(map(len, words.values())), found, await _kept(settings))


async def _postgres(settings: Settings) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(settings.postgres_dsn.get_secret_value(), timeout=_CONNECT)
    except (OSError, TimeoutError, *ASYNCPG_ERRORS, ValueError) as error:
        raise Failed(
            f"Postgres cannot be used ({type(error).__name__}): start it, or correct {PREFIX}POSTGRES_DSN"
        ) from None


async def _customers_of(connection: Connection, person: Person | None) -> list[str]:
    found = await forgetting.customers_of(connection, person) if person is not None else []
    if not found:
        raise BadInput("--contact names nobody who is known here: neither an answer nor an account has that person")
    return found


async def _publish(
    settings: Settings, customers: Sequence[str], person: Person | None, *, with_account: bool
) -> list[Arrival]:
    contact = None
    if person is not None:
        contact = Contact(email=person.value) if person.kind == "email" else Contact(id=person.value)
    arrivals = []
    async with connected(kafka.producer(settings)) as producer:
        for customer in customers:
            event = CustomerErased(event_id=f"erase-{uuid4()}", customer_id=customer, contact=contact)
            sent = message(event, event.to_json(), source=_SOURCE)
            told = await producer.send_and_wait(
                settings.topic(EVENTS), sent.value, key=customer.encode(), headers=list(sent.headers)
            )
            arrivals.append(Arrival(event, datetime.fromtimestamp(told.timestamp / 1000, UTC)))
            if with_account:
                await producer.send_and_wait(settings.topic(CUSTOMERS), None, key=customer.encode())
    return arrivals


async def _kept(settings: Settings) -> list[Kept]:
    now = datetime.now(UTC).replace(microsecond=0)
    names = [settings.topic(name) for name in (*(topic.name for topic in TOPICS), changelog(settings.app_id))]
    async with connected(kafka.admin(settings)) as admin:
        there = set(await admin.list_topics())
        return [Kept(name, await _until(admin, name, now)) for name in names if name in there]


async def _until(admin: AIOKafkaAdminClient, topic: str, now: datetime) -> datetime | None:
    """A segment is closed first, and goes when its newest record is old enough; or is compacted within the bound."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    (resource,) = answer.resources
    config = {name: value for name, value, *_ in resource[4]}
    compacted = "delete" not in str(config.get("cleanup.policy", "delete"))
    bound = config.get("max.compaction.lag.ms" if compacted else "retention.ms")
    try:
        waits = timedelta(milliseconds=int(bound or -1))
        closes = timedelta(milliseconds=int(config.get("segment.ms") or 0))
    except (ValueError, OverflowError):
        return None
    return now + waits + closes if timedelta(0) <= waits < _NEVER else None


def _told(done: Erased) -> list[str]:
    lines = [f"{customer}: forgotten" for customer in done.customers]
    if done.found:
        lines += [f"still found: {column}, {count} rows" for column, count in sorted(done.found.items())]
    else:
        lines.append(f"searched every column of Postgres for {done.searched} texts: none is found")
    last = max((kept.until for kept in done.kept if kept.until is not None), default=None)
    for kept in done.kept:
        if kept.until is None:
            lines.append(
                f"{kept.topic}: gone when Kafka next compacts it, for which it has no time: "
                f"set max.compaction.lag.ms or retention.ms"
            )
        else:
            lines.append(f"{kept.topic}: gone by {kept.until:%Y-%m-%d %H:%M} UTC")
    if last is not None:
        lines.append(f"the last text is gone from the topics by {last:%Y-%m-%d %H:%M} UTC")
    lines.append(
        "not in reach: e-mails that were sent, files that were exported, backups. csatwatch deliver shows messages in "
        "Slack and tasks once more, without the words."
    )
    return lines


def _person(text: str) -> Person:
    if not text.strip() or "\0" in text:
        raise BadInput(f"--contact is {text!r}: must be an e-mail address or the id of a contact")
    if "@" not in text:
        return Person("id", text.strip())
    try:
        return Person("email", _EMAIL.validate_python(text.strip()))
    except ValidationError:
        raise BadInput("--contact is no e-mail address, and no id of a contact: must be like ada@example.com") from None


def _customer(text: str) -> str:
    try:
        return _CUSTOMER_ID.validate_python(text)
    except ValidationError:
        raise BadInput(
            f"--customer is {text!r}: must be a customer's id, like 0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
        ) from None
