from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.accounts import Asked, account, asked_for, place_of
from web.viewer import Role, Viewer

_NOW = datetime(2026, 1, 24, 9, 30, tzinfo=UTC)
_ANA = Viewer("ana@example.com", "Ana", Role.CSM)
_MAX = Viewer("max@example.com", "Max", Role.MANAGER)


def _request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def _row(**more: Any) -> dict[str, Any]:
    nothing = {"arr": None, "currency": None, "weeks": None, "recent": None, "before": None}
    return {**nothing, "worst": None, "open_due_at": None, **more}


def test_a_csms_accounts_are_always_their_own() -> None:
    assert asked_for(_request("csm=bo@example.com&q=glo"), _ANA) == Asked(csm="ana@example.com", search="glo")
    assert asked_for(_request("csm=Bo@example.com&tier=gold"), _MAX) == Asked(csm="bo@example.com", tier="gold")
    assert asked_for(_request("status=&tier=&q=%00"), _MAX) == Asked()


def test_a_search_means_its_letters() -> None:
    assert asked_for(_request("q=100%25_\\"), _MAX).arguments[-1] == r"%100\%\_\\%"


@pytest.mark.parametrize("query", ["status=angry"])
def test_a_choice_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(HTTPException):
        asked_for(_request(query), _MAX)


@pytest.mark.parametrize(
    "text", ["", "x", "1~~name", "1~2026-01-01~a~" + str(UUID(int=1)), "99~~a~" + str(UUID(int=1))]
)
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(HTTPException):
        place_of(text)


def test_a_place_keeps_a_name_with_every_sign() -> None:
    assert place_of(f"2~{_NOW.isoformat()}~a ~ b~{UUID(int=1)}") == (2, _NOW, "a ~ b", UUID(int=1))
    assert place_of(None) is None


def test_what_needs_somebody_is_said() -> None:
    late = _row(worst=0, open_due_at=_NOW - timedelta(minutes=1), recent=3.0, before=4.0)
    said = account(late, _NOW)
    assert (said["severity"], said["overdue"], said["change"]) == ("critical", True, -1.0)
    quiet = account(_row(), _NOW)
    assert (quiet["severity"], quiet["overdue"], quiet["change"]) == (None, False, None)
