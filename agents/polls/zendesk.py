"""Zendesk's satisfaction ratings, with the ticket, the requester and the organization beside each.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/satisfaction_ratings/
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#show-multiple-tickets
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agents.polls.api import Api, Asked, Poll, basic, listed

_PAGE = 100  # the most, of both


def _headers(user: str | None, token: str) -> Mapping[str, str]:
    return basic(f"{user}/token", token) if user else {"Authorization": f"Bearer {token}"}


async def _pages(api: Api, since: datetime) -> Asked:
    query: dict[str, str | int] = {
        "score": "received",
        "start_time": int(since.timestamp()),
        "page[size]": _PAGE,
    }
    while True:
        page = await api.get("/api/v2/satisfaction_ratings.json", query)
        ratings = listed(page, "satisfaction_ratings")
        yield await _with_tickets(api, ratings)
        meta = page.get("meta") if isinstance(page, dict) else None
        if not (isinstance(meta, dict) and meta.get("has_more") and meta.get("after_cursor")):
            return
        query["page[after]"] = str(meta["after_cursor"])


async def _with_tickets(api: Api, ratings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbers = sorted({str(each["ticket_id"]) for each in ratings if each.get("ticket_id") is not None})
    if not numbers:
        return ratings
    query = {"ids": ",".join(numbers), "include": "users,organizations"}
    found = await api.get("/api/v2/tickets/show_many.json", query)
    tickets, users, organizations = (_by_id(listed(found, name)) for name in ("tickets", "users", "organizations"))
    made = []
    for each in ratings:
        ticket = tickets.get(str(each.get("ticket_id")), {})
        requester = users.get(str(each.get("requester_id")), {})
        organization = organizations.get(str(ticket.get("organization_id")), {})
        made.append({**each, "ticket": ticket, "requester": requester, "organization": organization})
    return made


def _by_id(found: list[dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    return {str(each.get("id")): each for each in found}


ZENDESK = Poll("zendesk", "https://SUBDOMAIN.zendesk.com", _headers, _pages)
