"""Intercom's rated conversations.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/searchconversations
"""

from datetime import datetime
from typing import Any

from agents.polls.api import Api, Asked, Poll, listed

_PAGE = 50


async def _pages(api: Api, since: datetime) -> Asked:
    rated = {"field": "conversation_rating.replied_at", "operator": ">", "value": int(since.timestamp()) - 1}
    pagination: dict[str, Any] = {"per_page": _PAGE}
    while True:
        page = await api.post("/conversations/search", {"query": rated, "pagination": pagination})
        yield listed(page, "conversations")
        pages = page.get("pages") if isinstance(page, dict) else None
        following = pages.get("next") if isinstance(pages, dict) else None
        if not (isinstance(following, dict) and following.get("starting_after")):
            return
        pagination = {"per_page": _PAGE, "starting_after": following["starting_after"]}


INTERCOM = Poll(
    "intercom",
    "https://api.intercom.io",
    lambda _, token: {"Authorization": f"Bearer {token}", "Intercom-Version": "2.11"},
    _pages,
)
