import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.export import AT_ONCE, Row, cell, download, lines, pages


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (-3, "-3"),
        (2.5, "2.5"),
        (72.0, "72"),
        (1234567.25, "1234567.25"),
        (datetime(2026, 1, 24, tzinfo=UTC), "2026-01-24T00:00:00+00:00"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),  # noqa: RUF001 - taken for the same
        ("took = long", "took = long"),
        ("Élan, “Médical”", "Élan, “Médical”"),
    ],
)
def test_no_cell_is_a_formula(value: object, shown: str) -> None:
    assert cell(value) == shown


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2, max_size=2)))
def test_what_is_read_is_what_was_written(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(lines(rows), newline="")))
    assert [[each.removeprefix("'") for each in row] for row in read] == [
        [each.removeprefix("'") for each in row] for row in rows
    ]
    assert not any(each.startswith(("=", "+", "-", "@")) for row in read for each in row)


async def test_all_pages_are_asked_for_each_after_the_last_row_of_the_one_before() -> None:
    numbers = [{"n": number} for number in range(2 * AT_ONCE + 5)]
    asked: list[int] = []

    async def following(last: Row | None, most: int) -> Sequence[Row]:
        begin = 0 if last is None else last["n"] + 1
        asked.append(begin)
        return numbers[begin : begin + most]

    assert [row["n"] async for rows in pages(following) for row in rows] == list(range(2 * AT_ONCE + 5))
    assert asked == [0, AT_ONCE, 2 * AT_ONCE]


async def test_an_error_at_once_is_raised_before_the_answer_begins() -> None:
    class Away(AsyncIterator[Sequence[Row]]):
        async def __anext__(self) -> Sequence[Row]:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await download("tasks", ("n",), Away())
