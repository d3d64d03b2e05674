"""Survey tools' APIs: the part that lists answers, page by page, as their documentation shows it.

Zendesk: https://developer.zendesk.com/api-reference/ticketing/ticket-management/satisfaction_ratings/ and cursor
pagination. Freshdesk: https://developers.freshdesk.com/api/#satisfaction-ratings. Intercom: its conversations' search.
Chatwoot: csat_survey_responses_controller.rb of its repository. Formbricks: the management API's responses.
"""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from tests.servers.fake_http import Call, FakeHttp, Said

TOKEN, USER = "token-of-the-api-of-a-source", "agent@example.com"
PAGE = 2


class FakeSources(FakeHttp):
    """All of them on one address.

    Attributes:
        ratings: by source, as its API says them.
        beside: what else can be asked for, by its path.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ratings: dict[str, list[dict[str, Any]]] = {}
        self.beside: dict[str, Any] = {}

    async def answer(self, call: Call) -> Said:  # noqa: PLR0911 (one answer a call)
        if not _may(call):
            return Said(401, {"error": "Couldn't authenticate you"})
        match call.path:
            case "/api/v2/satisfaction_ratings.json":
                return self._zendesk(call)
            case "/api/v2/tickets/show_many.json":
                return Said(200, self.beside.get(call.path, {"tickets": [], "users": [], "organizations": []}))
            case "/api/v2/surveys/satisfaction_ratings":
                since = datetime.fromisoformat(call.query["created_since"])
                found = [each for each in self.ratings["freshdesk"] if _at(each["created_at"]) >= since]
                return Said(200, _page(found, int(call.query["page"]) - 1))
            case "/conversations/search":
                return self._intercom(call)
            case "/api/v1/accounts/1/csat_survey_responses":
                first, last = int(call.query["since"]), int(call.query["until"])
                found = [each for each in self.ratings["chatwoot"] if first <= each["created_at"] < last]
                return Said(200, _page(found, int(call.query["page"]) - 1))
            case "/api/v1/management/responses":
                skip = int(call.query["skip"])
                return Said(200, {"data": self.ratings["formbricks"][skip : skip + int(call.query["limit"])]})
        return (
            Said(200, self.beside[call.path]) if call.path in self.beside else Said(404, {"description": "not found"})
        )

    def _zendesk(self, call: Call) -> Said:
        assert call.query["score"] == "received"
        since = datetime.fromtimestamp(int(call.query["start_time"]), UTC)
        found = [each for each in self.ratings["zendesk"] if _at(each["created_at"]) >= since]
        start = int(call.query.get("page[after]", "0"))
        more = start + PAGE < len(found)
        meta = {"has_more": more, "after_cursor": str(start + PAGE) if more else None, "before_cursor": None}
        # The address of the next page is on their host: nobody is to follow it blindly.
        links = {"next": "https://elsewhere.example/api/v2/satisfaction_ratings.json" if more else None}
        return Said(200, {"satisfaction_ratings": found[start : start + PAGE], "meta": meta, "links": links})

    def _intercom(self, call: Call) -> Said:
        asked = call.body["query"]
        assert (asked["field"], asked["operator"]) == ("conversation_rating.replied_at", ">")
        found = [
            each for each in self.ratings["intercom"] if each["conversation_rating"]["updated_at"] > asked["value"]
        ]
        start = int(call.body["pagination"].get("starting_after", "0"))
        pages: dict[str, Any] = {"type": "pages", "page": start // PAGE + 1, "per_page": PAGE}
        if start + PAGE < len(found):
            pages["next"] = {"page": start // PAGE + 2, "starting_after": str(start + PAGE)}
        return Said(200, {"type": "conversation.list", "conversations": found[start : start + PAGE], "pages": pages})


def _may(call: Call) -> bool:
    known = {f"Bearer {TOKEN}", *(f"Basic {_basic(pair)}" for pair in (f"{USER}/token:{TOKEN}", f"{TOKEN}:X"))}
    named = (call.headers.get("api_access_token"), call.headers.get("x-api-key"))
    return call.headers.get("Authorization") in known or TOKEN in named


def _basic(pair: str) -> str:
    return b64encode(pair.encode()).decode()


def _page(found: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    return found[number * PAGE : number * PAGE + PAGE]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
