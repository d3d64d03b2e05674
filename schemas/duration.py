"""Spans of time as people write them in a file: `48h`, `30m`, `2d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WRITTEN = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)([mhd])")
_MOST = timedelta(days=365)


def _read(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a number with its unit m, h or d, like 30m, 48h or 2d")
    span = float(match[1]) * _UNITS[match[2]]
    if not timedelta(0) < span <= _MOST:
        raise ValueError("must be longer than nothing and at most 365d")
    return span


def written(span: timedelta) -> str:
    """`span` in the largest unit that it is a whole number of."""
    minutes = span / _UNITS["m"]
    for unit, size in (("d", 24 * 60), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes / size:g}{unit}"
    return f"{minutes:g}m"


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(written, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}(\.\d{1,3})?[mhd]$", "examples": ["48h"]}),
]
"""At most 365 days. Text in a file and in JSON, a timedelta in memory."""
