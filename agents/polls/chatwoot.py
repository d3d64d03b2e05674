"""Chatwoot's CSAT answers, of one account.

https://github.com/chatwoot/chatwoot (app/controllers/api/v1/accounts/csat_survey_responses_controller.rb)
"""

from datetime import UTC, datetime, timedelta
from itertools import count

from agents.polls.api import Api, Asked, Poll, Query, listed


async def _pages(api: Api, since: datetime) -> Asked:
    until = int((datetime.now(UTC) + timedelta(days=1)).timestamp())  # it takes both or none
    for number in count(1):
        query: Query = {"since": int(since.timestamp()), "until": until, "sort": "created_at", "page": number}
        answers = listed({"answers": await api.get("/csat_survey_responses", query)}, "answers")
        if not answers:
            return
        yield answers


CHATWOOT = Poll(
    "chatwoot",
    "https://chat.example.com/api/v1/accounts/1",
    lambda _, token: {"api_access_token": token},
    _pages,
)
