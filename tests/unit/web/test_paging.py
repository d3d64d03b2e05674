from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.exceptions import HTTPException

from web.paging import mark, name_of, time_of

_ID = UUID(int=7)


def test_a_place_in_time_comes_back() -> None:
    at = datetime(2026, 1, 24, 9, 30, 0, 123456, tzinfo=UTC)
    assert time_of(mark(at, _ID)) == (at, _ID)
    assert time_of(None) == (None, None)


def test_a_place_by_name_comes_back_whatever_the_name() -> None:
    assert name_of(mark("a~b & c", _ID)) == ("a~b & c", _ID)
    assert name_of(None) == (None, None)


@pytest.mark.parametrize("text", ["", "~", "yesterday~1", f"2026-01-24T09:30:00~{_ID}", "2026-01-24T09:30:00+00:00~x"])
def test_a_place_that_we_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(HTTPException):
        time_of(text)


@pytest.mark.parametrize("text", ["", "name", "name~x", f"a\0~{_ID}"])
def test_a_name_that_we_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(HTTPException):
        name_of(text)
