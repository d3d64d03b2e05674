"""Formbricks' responses, the newest first: it cannot be asked for those since a time.

https://formbricks.com/docs/api-reference/management-api--response/get-responses
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from agents.polls.api import Api, Asked, Poll, listed

_PAGE = 100


async def _pages(api: Api, since: datetime) -> Asked:
    for number in count():
        page = await api.get("/api/v1/management/responses", {"limit": _PAGE, "skip": number * _PAGE})
        responses = listed(page, "data")
        yield responses
        if not responses or _older(responses, since):
            return


def _older(responses: Sequence[dict[str, Any]], since: datetime) -> bool:
    """Whether all of them were begun before."""
    return all(_begun(each) < since for each in responses)


def _begun(response: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(str(response.get("createdAt")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


FORMBRICKS = Poll("formbricks", "https://app.formbricks.com", lambda _, token: {"x-api-key": token}, _pages)
