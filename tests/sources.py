"""The recorded examples of each source: what it says, in the forms that its own documentation shows."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from schemas.source import Shape, Source
from schemas.source_files import load_sources
from streams.sources.answer import Answer, answer
from streams.sources.pick import items

EXAMPLES = Path(__file__).parent / "golden" / "sources"
SOURCES = load_sources(None)
ARRIVED = datetime(2026, 5, 5, 12, tzinfo=UTC)
CUSTOMER = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

Form = Literal["webhook", "record", "csv"]


def raw(source: str, form: Form) -> bytes:
    """The bytes of an example."""
    return (EXAMPLES / (f"{source}.csv" if form == "csv" else f"{source}_{form}.json")).read_bytes()


def body(source: str, form: Form) -> Any:
    """What an example says."""
    if form == "csv":
        return [
            {name: text for name, text in row.items() if text}
            for row in csv.DictReader(io.StringIO(raw(source, form).decode()))
        ]
    return json.loads(raw(source, form))


def shape(source: Source | str, form: Form) -> Shape:
    """A form of a source, which it has."""
    found = (SOURCES[source] if isinstance(source, str) else source).shape(form)
    assert found is not None
    return found


def answers(source: str, form: Form, said: Any = None, arrived: datetime = ARRIVED) -> list[Answer]:
    """What is made of an example, or of `said`."""
    of = shape(source, form)
    found = (
        answer(SOURCES[source], of, each, arrived) for each in items(of, body(source, form) if said is None else said)
    )
    return [each for each in found if each is not None]
