"""`csatwatch publish --format SOURCE`: what a survey tool exported, mapped as its webhooks are."""

import json
from collections.abc import Iterator
from datetime import datetime

import click

from agents.commands.checked import BadLine, examine, good
from agents.commands.input_file import Line, documents, format_of, opened
from agents.commands.send import Message, send_all
from agents.intake import TOPICS, made
from agents.refused import BadInput, Failed
from agents.session import visit
from agents.settings import Settings, load_settings
from schemas.source import Shape, Source
from schemas.source_files import load_sources
from streams.sources.answer import Answer, Unmappable, answer
from streams.sources.pick import items
from streams.topology import EVENTS
from web.database import Database, Unavailable
from web.source_hook import Taken


def publish_export(file: str | None, name: str, now: datetime, *, skip_bad: bool, backfill: bool) -> None:
    """Check every record of `file`, then send them all. Raises `BadInput` and `Failed`."""
    if file is None:
        raise BadInput("FILE is missing: name a file, or - for standard input")
    settings = load_settings()
    sources = load_sources(settings.sources)
    if name not in sources:
        raise BadInput(f"--format is {name!r}: it must be jsonl, csv or a source: {', '.join(sorted(sources))}")
    source = sources[name]
    file_format, shown = format_of(file, None), "standard input" if file == "-" else file
    shape = source.csv if file_format == "csv" else source.record
    if shape is None:
        wanted = "csv" if file_format == "csv" else "record"
        raise BadInput(f"--format is {name}: its mapping does not say what a {file_format} of it is: add {wanted}")
    with opened(file) as given:
        report = examine(
            _records(documents(given, shown, file_format), shape), lambda v: _read(source, shape, v, now), shown
        )
        report.settle(skip_bad=skip_bad)
        found = good(_records(documents(given, shown, file_format), shape), lambda v: _read(source, shape, v, now))
        answers = [each for _, each in found if each is not None]
    sent, waiting = visit(settings, _send(settings, answers, backfill=backfill))
    click.echo(f"published {sent} events to {settings.topic(EVENTS)}{f', skipped {report.bad}' if report.bad else ''}")
    if waiting:
        click.echo(f"{waiting} more wait for their customer to be known: csatwatch dead-letters list", err=True)


async def _send(settings: Settings, answers: list[Answer], *, backfill: bool) -> tuple[int, int]:
    database = Database(settings.postgres_dsn.get_secret_value(), size=1)
    await database.open()
    found: dict[Taken, list[Message]] = {taken: [] for taken in TOPICS}
    try:
        for each in answers:
            taken, message = await made(database, each, settings.topic(EVENTS), backfill=backfill)
            found[taken].append(message)
    except Unavailable as why:
        raise Failed(f"it cannot be looked up whose these answers are. {why}") from None
    finally:
        await database.close()
    for taken, messages in found.items():
        if messages:
            await send_all(settings, TOPICS[taken], messages)
    return len(found[Taken.PUBLISHED]), len(found[Taken.UNRESOLVED])


def _records(lines: Iterator[Line], shape: Shape) -> Iterator[Line]:
    """Each answer of each line by itself, so that a bad one is named and the others stay."""
    for line in lines:
        try:
            body = json.loads(line.value)
        except (ValueError, RecursionError):
            yield line
            continue
        for each in items(shape, body):
            yield Line(line.number, json.dumps(each).encode())


def _read(source: Source, shape: Shape, value: bytes, now: datetime) -> Answer | None:
    try:
        return answer(source, shape, json.loads(value), now)
    except (ValueError, RecursionError):
        raise BadLine("is no JSON: export it as JSON, JSON Lines or CSV") from None
    except Unmappable as why:
        raise BadLine(str(why)) from None
