"""`csatwatch poll SOURCE`: what a survey tool has of answers, and its webhooks did not bring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import click

from agents import database, session
from agents.commands.send import Message
from agents.dead_letters import read
from agents.intake import TOPICS, made
from agents.polls import POLLS, Api, Poll
from agents.publisher import Publisher
from agents.refused import BadInput, Failed
from agents.settings import PREFIX, Settings, load_settings
from schemas.source import Shape, Source
from schemas.source_files import load_sources
from sinks.base import SendError
from sinks.postgres import Connection, queries
from streams.sources.answer import Answer, Unmappable, answer
from streams.sources.pick import items
from streams.topology import EVENTS
from web.database import Database, Unavailable
from web.source_hook import Taken

OVERLAP = timedelta(days=1)
"""Each poll goes back so far behind the last one: sources list answers late, and people change theirs."""
FIRST = timedelta(days=7)
"""The first poll goes back so far: nobody is told of older answers anyway."""

_WAITING = 10_000  # of a partition's dead letters, looked at for answers that wait already


@dataclass(slots=True)
class _Tally:
    answers: int = 0
    published: int = 0
    waiting: int = 0
    known: int = 0
    unreadable: list[str] = field(default_factory=list)


@click.command()
@click.argument("source")
@click.option(
    "--since", metavar="TIME", help="RFC 3339, like 2026-05-01T00:00:00Z. Default: a day behind the last poll."
)
def poll(*, source: str, since: str | None) -> None:
    """Ask SOURCE for its answers, and publish those that its webhooks did not bring.

    SOURCE is zendesk, freshdesk, intercom, chatwoot or formbricks, with CSATWATCH_SOURCE_NAME_URL and _TOKEN set.
    Run it regularly, say hourly: how far it came is kept in Postgres, one poll of a source runs at a time, and an
    answer that is stored already is left alone. Answers whose customer is not known go to csatwatch dead-letters.

    \b
    Example:
      csatwatch poll zendesk
      csatwatch poll zendesk --since 2026-05-01T00:00:00Z
    """  # noqa: D301 (click's mark for text that is not to be wrapped)
    settings = load_settings()
    known, how = _known(settings, source)
    shape = known.record
    if shape is None:
        raise BadInput(f"the mapping of {source} has no record: add what its API says")
    begin = _time(since) if since is not None else None
    work = database.visited(settings, lambda connection: _poll(settings, connection, known, shape, how, begin))
    tally, begun = session.visit(settings, work)
    click.echo(
        f"{source}: {tally.answers} answers since {begun:%Y-%m-%d %H:%M} UTC: {tally.published} published, "
        f"{tally.known} known already, {tally.waiting} wait for their customer to be known"
    )
    if tally.unreadable:
        text = "\n".join(dict.fromkeys(tally.unreadable))
        again = f"csatwatch poll {source} --since {begun.isoformat()}"
        raise Failed(f"{len(tally.unreadable)} cannot be read:\n{text}\nmend the mapping, then run {again}")


def _known(settings: Settings, name: str) -> tuple[Source, Poll]:
    sources = load_sources(settings.sources)
    if name not in POLLS or name not in sources:
        raise BadInput(f"SOURCE is {name!r}: it must be one of {', '.join(sorted(POLLS))}")
    given = settings.source.get(name)
    for setting, value in (("URL", given and given.url), ("TOKEN", given and given.token)):
        if value is None:
            example = f", like {POLLS[name].example}" if setting == "URL" else ""
            raise BadInput(f"{PREFIX}SOURCE_{name.upper()}_{setting} is not set: set it{example}")
    return sources[name], POLLS[name]


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput(f"--since is {text!r:.60}: must be RFC 3339 with an offset, like 2026-05-01T00:00:00Z")
    return at.astimezone(UTC)


async def _poll(
    settings: Settings, connection: Connection, source: Source, shape: Shape, how: Poll, since: datetime | None
) -> tuple[_Tally, datetime]:
    sql, name = queries("sources"), source.source
    if not await connection.fetchval(sql["begin_poll"], name):
        raise Failed(f"another csatwatch poll {name} is running: wait for it, or stop it")
    now = datetime.now(UTC)
    if since is None:
        read_to = await connection.fetchval(sql["read_to"], name)
        since = now - FIRST if read_to is None else read_to - OVERLAP
    tally = _Tally()
    async with _at_work(settings, connection) as work, _api(settings, how) as api:
        try:
            async for page in how.pages(api, since):
                for each in items(shape, page):
                    await _one(work, tally, source, shape, each, now)
        except SendError as error:
            raise Failed(f"{error}. Nothing is lost: the next poll goes back as far") from None
        except Unavailable as why:
            raise Failed(f"it cannot be looked up whose the answers are. {why}") from None
    await connection.execute(sql["polled"], name, now)
    return tally, since


class _Work:
    def __init__(self, settings: Settings, connection: Connection, database: Database, publisher: Publisher) -> None:
        self._settings = settings
        self._connection = connection
        self._database = database
        self._publisher = publisher
        self._waiting: set[bytes | None] | None = None

    async def take(self, answer: Answer) -> Taken | None:
        """None: it is known already."""
        taken, message = await made(self._database, answer, self._settings.topic(EVENTS))
        if await self._is_known(answer, taken, message):
            return None
        await self._publisher.send(TOPICS[taken], message.key, message.value or b"", message.headers)
        return taken

    async def _is_known(self, answer: Answer, taken: Taken, message: Message) -> bool:
        event = answer.unowned
        if taken is Taken.PUBLISHED:
            sql = queries("sources")["known_answer"]
            return bool(await self._connection.fetchval(sql, message.key, event.survey, event.event_id))
        if self._waiting is None:
            found = await read(self._settings, newest=_WAITING)
            self._waiting = {each.answer_id for each in found if each.source is not None}
        known = event.event_id.encode() in self._waiting
        self._waiting.add(event.event_id.encode())
        return known


async def _one(work: _Work, tally: _Tally, source: Source, shape: Shape, item: Any, now: datetime) -> None:  # noqa: ANN401
    try:
        found = answer(source, shape, item, now)
    except Unmappable as why:
        tally.unreadable.append(str(why))
        return
    if found is None:
        return
    tally.answers += 1
    match await work.take(found):
        case Taken.PUBLISHED:
            tally.published += 1
        case Taken.UNRESOLVED:
            tally.waiting += 1
        case None:
            tally.known += 1


@asynccontextmanager
async def _at_work(settings: Settings, connection: Connection) -> AsyncIterator[_Work]:
    found = Database(settings.postgres_dsn.get_secret_value(), size=1)
    async with Publisher(settings) as publisher:
        await found.open()
        try:
            yield _Work(settings, connection, found, publisher)
        finally:
            await found.close()


@asynccontextmanager
async def _api(settings: Settings, how: Poll) -> AsyncIterator[Api]:
    given = settings.source[how.name]
    token = given.token.get_secret_value() if given.token is not None else ""
    async with aiohttp.ClientSession() as http:
        yield Api(
            http,
            how.name,
            (given.url or "").rstrip("/"),
            how.headers(given.user, token),
            say=lambda line: click.echo(f"csatwatch: {line}", err=True),
        )
