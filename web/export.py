"""Tables as CSV, row by row as Postgres gives them: RFC 4180, in UTF-8 with the mark that spreadsheets look for."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from starlette.responses import StreamingResponse

_BOM = "\ufeff"

AT_ONCE = 1000
"""Rows that are asked for at once."""

Row = Mapping[str, Any]
NextPage = Callable[[Row | None, int], Awaitable[Sequence[Row]]]
"""The rows after this one (None: the first), up to so many."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - what spreadsheets take for the same


async def pages(of: NextPage) -> AsyncIterator[Sequence[Row]]:
    """All rows, page by page."""
    last: Row | None = None
    while rows := await of(last, AT_ONCE):
        yield rows
        if len(rows) < AT_ONCE:
            return
        last = rows[-1]


async def whole(name: str, columns: Sequence[str], rows: Sequence[Row]) -> StreamingResponse:
    """A file of a table that a page shows as a whole."""

    async def once() -> AsyncIterator[Sequence[Row]]:
        yield rows

    return await download(name, columns, once())


async def download(name: str, columns: Sequence[str], rows: AsyncIterator[Sequence[Row]]) -> StreamingResponse:
    """A file of these columns to be saved as `name`. The first rows are there before the answer begins.

    So an error that comes at once is a page, and one that comes later ends the file in its middle, visibly.
    """
    source = aiter(rows)
    first: Sequence[Row] = ()
    async for first in source:  # noqa: B007 - `anext` with a default is broken in Python 3.11
        break
    return StreamingResponse(
        _text(columns, first, source),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


async def _text(
    columns: Sequence[str], first: Sequence[Row], then: AsyncIterator[Sequence[Row]]
) -> AsyncGenerator[str, None]:
    yield _BOM + lines([columns])
    yield lines([row[column] for column in columns] for row in first)
    async for rows in then:
        yield lines([row[column] for column in columns] for row in rows)


def lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines of CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet takes for a formula (OWASP, CSV Injection).

    What others wrote and begins like one gets an apostrophe before it.
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | Decimal():
            return str(value)
        case float():
            return f"{round(value, 4)}".removesuffix(".0")
        case datetime() | date():
            return value.isoformat()
        case _:
            text = str(value)
            return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text
