"""Do the tests in a source's mapping hold?"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from schemas.part import Location
from schemas.source import Example, Source
from streams.sources.answer import Unmappable, answer
from streams.sources.pick import items

UNREADABLE = "unreadable"
"""What a test expects in place of fields, with the field that cannot be read."""


def rehearse(source: Source, test: Example, now: datetime) -> Iterator[tuple[Location, str]]:
    """What of `expect` does not hold: where in the test, and what is so instead."""
    found = list(_made(source, test, now))
    if len(found) != len(test.expect):
        yield ("expect",), f"{len(test.expect)} expected, but {len(found)} were made of it"
        return
    for place, (expected, made) in enumerate(zip(test.expect, found, strict=True)):
        for name, value in expected.items():
            if name not in made:
                known = ", ".join(sorted(made))
                yield ("expect", place, name), f"is not there: what is there is {known}"
            elif made[name] != value:
                yield ("expect", place, name), f"is {json.dumps(made[name], ensure_ascii=False)}"


def _made(source: Source, test: Example, now: datetime) -> Iterator[dict[str, Any]]:
    shape = source.shape(test.shape)
    if shape is None:  # the model refuses such a test
        return
    for item in items(shape, test.given):
        try:
            found = answer(source, shape, item, now)
        except Unmappable as why:
            yield {UNREADABLE: why.field}
            continue
        if found is not None:
            event = found.unowned.model_dump(mode="json", exclude_none=True, exclude={"customer_id"})
            yield {**event, **({"customer": found.customer} if found.customer else {})}
