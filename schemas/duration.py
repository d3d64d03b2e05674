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
    """`span` as people say it: from three days on in days, from an hour on in hours, where it is a whole number."""
    for unit, least in (("d", 3), ("h", 1)):
        count = span / _UNITS[unit]
        if count >= least and count.is_integer():
            return f"{count:g}{unit}"
    return f"{span / _UNITS['m']:g}m"


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(written, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}(\.\d{1,3})?[mhd]$", "examples": ["48h"]}),
]
"""At most 365 days. Text in a file and in JSON, a timedelta in memory."""
