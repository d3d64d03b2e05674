"""Freshdesk's satisfaction ratings, with the ticket, its requester and its company beside each.

https://developers.freshdesk.com/api/#satisfaction-ratings, https://developers.freshdesk.com/api/#tickets
"""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from agents.polls.api import Api, Asked, Poll, Query, basic, listed

_PAGE = 100  # the most


async def _pages(api: Api, since: datetime) -> Asked:
    companies: dict[int, Any] = {}
    for number in count(1):
        query: Query = {
            "created_since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "per_page": _PAGE,
            "page": number,
        }
        ratings = listed({"ratings": await api.get("/api/v2/surveys/satisfaction_ratings", query)}, "ratings")
        if not ratings:
            return
        yield [{**each, "ticket": await _ticket(api, each.get("ticket_id"), companies)} for each in ratings]


async def _ticket(api: Api, number: object, companies: dict[int, Any]) -> dict[str, Any]:
    if not isinstance(number, int):
        return {}
    ticket = await api.get(f"/api/v2/tickets/{number}", {"include": "requester"}, missing=True)
    if not isinstance(ticket, dict):
        return {}
    company = ticket.get("company_id")
    if isinstance(company, int) and company not in companies:
        companies[company] = await api.get(f"/api/v2/companies/{company}", missing=True)
    return {**ticket, "url": f"{api.url}/a/tickets/{number}", "company": companies.get(company) if company else None}


FRESHDESK = Poll("freshdesk", "https://DOMAIN.freshdesk.com", lambda _, token: basic(token, "X"), _pages)
