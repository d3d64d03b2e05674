"""Jira Cloud, by its REST API v3: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/.

Jira has no idempotency key. Each issue carries a label made of the task's id, by which a try whose answer was lost is
found again before another issue is opened. Jira's search lags some seconds behind what was just written, so such a try
is looked for no sooner than that.
"""

import math
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from sinks.base import Permanent, Retriable
from sinks.tasks.card import Card, State
from sinks.tasks.http import Answer, Http, encode
from sinks.tasks.system import Closed, Filed

LABEL = "csatwatch"
_PRIORITIES = {"urgent": "Highest", "high": "High", "normal": "Medium", "low": "Low"}
_OPTIONAL = ("priority", "duedate", "assignee", "labels", "description")  # what a project's screens may lack
_INDEXED_AFTER = 20.0  # seconds until a search surely finds what was written
_PAGE = 100  # issues
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-\d+")
_GONE = 404
_BAD = 400


class Jira:
    """A project of a Jira site.

    Args:
        session: whose connections are used.
        url: of the site, like https://example.atlassian.net.
        user, token: the account's e-mail address and its API token.
        project: the project's key.
        issue_type: of the issues opened, by name.
        timeout: seconds a call.
    """

    name = "jira"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        user: str,
        token: str,
        project: str,
        issue_type: str = "Task",
        timeout: float = 10.0,
    ) -> None:
        basic = b64encode(f"{user}:{token}".encode()).decode()
        self._http = Http(session, self.name, headers={"Authorization": f"Basic {basic}"}, timeout=timeout)
        self._site = url.rstrip("/")
        self._project = project
        self._issue_type = issue_type
        self._accounts: dict[str, str | None] = {}

    async def put(self, card: Card, known: str | None, *, uncertain: bool) -> Filed | None:
        """See `sinks.tasks.system.TaskSystem`."""
        if known is None and uncertain:
            known = await self._find(card)
        if known is None:
            if card.state is not State.OPEN:
                return None
            known = await self._open(card)
        elif card.state is State.OPEN:
            await self._change(card, known)
        if card.state is not State.OPEN or card.reopened:
            await self._move(card, known)
        return Filed(known, f"{self._site}/browse/{known}")

    async def closed(self, since: datetime) -> Sequence[Closed]:
        """See `sinks.tasks.system.TaskSystem`. JQL knows minutes, in the account's time zone: so it asks by age."""
        minutes = max(math.ceil((datetime.now(UTC) - since).total_seconds() / 60), 0) + 2
        found: list[Closed] = []
        more: dict[str, str] = {}
        while True:
            jql = f'project = "{self._project}" AND labels = "{LABEL}" AND statusCategory = Done'
            page = await self._search(f"{jql} AND updated >= -{minutes}m", ["resolutiondate", "updated"], more)
            for issue in page.get("issues") or ():
                fields = issue.get("fields") or {}
                at = fields.get("resolutiondate") or fields.get("updated")
                found.append(Closed(_key(issue), datetime.fromisoformat(at) if at else since))
            token = page.get("nextPageToken")
            if not token or page.get("isLast"):
                return found
            more = {"nextPageToken": token}

    async def _open(self, card: Card) -> str:
        fields = await self._fields(card) | {
            "project": {"key": self._project},
            "issuetype": {"name": self._issue_type},
            "labels": [LABEL, _label(card)],
        }
        try:
            answer = await self._written("POST", "/rest/api/3/issue", fields)
        except Retriable as error:
            if error.uncertain:
                after = max(error.after or 0.0, _INDEXED_AFTER)
                raise Retriable(str(error), after=after, uncertain=True) from None
            raise
        return _key(answer.data)

    async def _change(self, card: Card, key: str) -> None:
        await self._written("PUT", f"/rest/api/3/issue/{key}", await self._fields(card), accept=frozenset({_GONE}))

    async def _written(
        self, method: str, path: str, fields: dict[str, Any], *, accept: frozenset[int] = frozenset()
    ) -> Answer:
        """An issue written with those of `fields` that the project's screens have."""
        while True:
            body = encode({"fields": fields})
            answer = await self._http.call(method, self._site + path, body=body, accept=accept | {_BAD})
            if answer.status != _BAD:
                return answer
            said = answer.data.get("errors") if isinstance(answer.data, dict) else None
            wrong = sorted(name for name in said or {} if name in fields)
            left = {name: value for name, value in fields.items() if not (name in wrong and name in _OPTIONAL)}
            if len(left) == len(fields) or (method == "POST" and "labels" in wrong):
                # Field names are the project's own, and safe to show; Jira's words may quote the customer.
                raise Permanent(f"jira: HTTP 400: refuses {', '.join(wrong) or 'the issue'}")
            fields = left

    async def _fields(self, card: Card) -> dict[str, Any]:
        owner = await self._account(card.owner_email) if card.owner_email else None
        return {
            "summary": card.title,
            "description": _document(card),
            "duedate": f"{card.due_at:%Y-%m-%d}",
            "priority": {"name": _PRIORITIES[card.priority]},
        } | ({"assignee": {"accountId": owner}} if owner else {})

    async def _account(self, email: str) -> str | None:
        """The account that issues of the project can be assigned to; None where Jira shows none for the address."""
        if email not in self._accounts:
            answer = await self._http.call(
                "GET",
                f"{self._site}/rest/api/3/user/assignable/search",
                query={"project": self._project, "query": email},
                accept=frozenset({_BAD, 403, _GONE}),
                changes=False,
            )
            found = [each for each in answer.data if isinstance(each, dict)] if isinstance(answer.data, list) else []
            self._accounts[email] = str(found[0].get("accountId")) if len(found) == 1 else None
        return self._accounts[email]

    async def _find(self, card: Card) -> str | None:
        """The issue that an earlier try opened; later twins of it go."""
        try:
            page = await self._search(f'project = "{self._project}" AND labels = "{_label(card)}"', ["created"], {})
            keys = sorted((_key(issue) for issue in page.get("issues") or ()), key=_number)
            for twin in keys[1:]:
                await self._http.call("DELETE", f"{self._site}/rest/api/3/issue/{twin}", accept=frozenset({_GONE}))
        except Retriable as error:
            raise Retriable(str(error), after=error.after, uncertain=True) from None
        return keys[0] if keys else None

    async def _search(self, jql: str, fields: Sequence[str], more: dict[str, str]) -> dict[str, Any]:
        body = {"jql": jql, "fields": list(fields), "maxResults": _PAGE} | more
        url = f"{self._site}/rest/api/3/search/jql"
        answer = await self._http.call("POST", url, body=encode(body), changes=False)
        if not isinstance(answer.data, dict):
            raise Retriable("jira: an answer that is no JSON")
        return answer.data

    async def _move(self, card: Card, key: str) -> None:
        """Into a status that is done, or out of it again; what is there already, or deleted, stays."""
        wanted = ("new", "indeterminate") if card.state is State.OPEN else ("done",)
        url = f"{self._site}/rest/api/3/issue/{key}"
        issue = await self._http.call("GET", url, query={"fields": "status"}, accept=frozenset({_GONE}), changes=False)
        if issue.status == _GONE or _category((issue.data or {}).get("fields", {}).get("status")) in wanted:
            return
        ways = await self._http.call("GET", f"{url}/transitions", changes=False)
        found = [each for each in (ways.data or {}).get("transitions", ()) if _category(each.get("to")) in wanted]
        if not found:
            raise Permanent(f"jira: its workflow has no way from here to a status that is {' or '.join(wanted)}")
        if card.why:
            comment = {"body": _adf([_paragraph(card.why)])}
            await self._http.call("POST", f"{url}/comment", body=encode(comment))
        await self._http.call("POST", f"{url}/transitions", body=encode({"transition": {"id": found[0]["id"]}}))


def _label(card: Card) -> str:
    return f"{LABEL}-{card.task_id}"


def _key(issue: object) -> str:
    key = issue.get("key") if isinstance(issue, dict) else None
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Retriable("jira: an answer without an issue's key", uncertain=True)
    return key


def _number(key: str) -> int:
    return int(key.rpartition("-")[2])


def _category(status: object) -> str | None:
    category = status.get("statusCategory") if isinstance(status, dict) else None
    return category.get("key") if isinstance(category, dict) else None


def _document(card: Card) -> dict[str, Any]:
    """In Atlassian's document format, where text is text: nothing in it is markup."""
    parts = [_paragraph(fact) for fact in card.facts]
    if card.quote:
        lines = [line for line in card.quote.splitlines() if line.strip()]
        parts.append({"type": "blockquote", "content": [_paragraph(line) for line in lines]})
    if card.ticket_url:
        link = {"type": "link", "attrs": {"href": card.ticket_url}}
        parts.append(_paragraph("The ticket", marks=[link]))
    return _adf(parts)


def _adf(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(parts)}


def _paragraph(text: str, marks: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    return {"type": "paragraph", "content": [node | {"marks": list(marks)} if marks else node]}
