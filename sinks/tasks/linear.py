"""Linear, by its GraphQL API: https://linear.app/developers/graphql.

Linear lets the caller choose an issue's id: it is made of the task's, so that an issue is opened once however often it
is asked for.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp

from sinks.base import Permanent, Retriable
from sinks.tasks.card import Card, State
from sinks.tasks.http import Http, encode
from sinks.tasks.system import Closed, Filed

URL = "https://api.linear.app/graphql"
_PRIORITIES = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
_ENDS = frozenset(
    {"completed", "canceled", "duplicate"}
)  # types of states: https://linear.app/docs/configuring-workflows
_LONGEST_WAIT = 3600.0  # seconds
_WAIT_UNTOLD = 30.0  # seconds, where a refusal does not say how long
_WAIT_FOR_OPERATOR = 60.0  # seconds
_CODE = re.compile(r"[A-Z_]{1,40}")
_IN_URL = "%/:=&?~#+!$,;'@()*[]"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~@])")

_TEAM = """query Team($key: String!) { teams(filter: { key: { eq: $key } }) {
  nodes { id states { nodes { id type position } } } } }"""
_USER = "query User($email: String!) { users(filter: { email: { eq: $email } }) { nodes { id } } }"
_ISSUE = "query Issue($id: String!) { issue(id: $id) { id url state { type } } }"
_CREATE = "mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id url } } }"
_UPDATE = """mutation Update($id: String!, $input: IssueUpdateInput!) {
  issueUpdate(id: $id, input: $input) { success issue { id url } } }"""
_COMMENT = "mutation Comment($input: CommentCreateInput!) { commentCreate(input: $input) { success } }"
_CLOSED = """query Closed($team: ID!, $since: DateTimeOrDuration!, $after: String) {
  issues(filter: { team: { id: { eq: $team } }, completedAt: { gte: $since } }, first: 100, after: $after) {
    nodes { id completedAt } pageInfo { hasNextPage endCursor } } }"""


class _Refused(Exception):
    """An error of Linear's by its code; its text may quote the customer and goes nowhere."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Linear:
    """A team of a Linear workspace.

    Args:
        session: whose connections are used.
        token: an API key.
        team: the team's key, such as `CSM`.
        url: of the API.
        timeout: seconds a call.
    """

    name = "linear"

    def __init__(
        self, session: aiohttp.ClientSession, *, token: str, team: str, url: str = URL, timeout: float = 10.0
    ) -> None:
        self._http = Http(session, self.name, headers={"Authorization": token}, timeout=timeout)
        self._url = url
        self._key = team
        self._team: str | None = None
        self._states: dict[str, str] = {}
        self._users: dict[str, str | None] = {}

    async def put(self, card: Card, known: str | None, *, uncertain: bool) -> Filed | None:
        """See `sinks.tasks.system.TaskSystem`."""
        issue_id = known or chosen_id(card.task_id)
        issue = await self._issue(issue_id) if known or uncertain or card.state is not State.OPEN else None
        if issue is None:
            if known is not None:
                return Filed(known)  # deleted there
            return await self._open(card, issue_id) if card.state is State.OPEN else None
        done = issue.get("state", {}).get("type") in _ENDS
        if card.state is State.OPEN:
            moved = {"stateId": await self._state("unstarted", "backlog", "started")} if card.reopened and done else {}
            await self._ask(_UPDATE, {"id": issue_id, "input": await self._input(card) | moved})
        elif not done:
            kinds = ("completed",) if card.state is State.DONE else ("canceled", "completed")
            await self._ask(_COMMENT, {"input": {"issueId": issue_id, "body": _escape(card.why)}})
            await self._ask(_UPDATE, {"id": issue_id, "input": {"stateId": await self._state(*kinds)}})
        return Filed(issue_id, issue.get("url"))

    async def closed(self, since: datetime) -> Sequence[Closed]:
        """See `sinks.tasks.system.TaskSystem`."""
        found: list[Closed] = []
        after: str | None = None
        while True:
            asked = {"team": await self._team_id(), "since": since.isoformat(), "after": after}
            page = (await self._ask(_CLOSED, asked, changes=False)).get("issues") or {}
            nodes = page.get("nodes") or ()
            found += [Closed(str(node["id"]), datetime.fromisoformat(node["completedAt"])) for node in nodes]
            info = page.get("pageInfo") or {}
            if not info.get("hasNextPage"):
                return found
            after = info.get("endCursor")

    async def _open(self, card: Card, issue_id: str) -> Filed:
        fields = await self._input(card) | {"id": issue_id, "teamId": await self._team_id()}
        try:
            made = await self._asked(_CREATE, {"input": fields}, changes=True)
        except _Refused as refused:
            # The id is taken where an earlier try got through.
            issue = await self._issue(issue_id)
            if issue is None:
                raise _meaning(refused.code) from None
            return Filed(issue_id, issue.get("url"))
        issue = (made.get("issueCreate") or {}).get("issue") or {}
        return Filed(issue_id, issue.get("url"))

    async def _issue(self, issue_id: str) -> Mapping[str, Any] | None:
        try:
            found = (await self._asked(_ISSUE, {"id": issue_id}, changes=False)).get("issue")
        except _Refused as refused:
            if refused.code in {"ENTITY_NOT_FOUND", "INPUT_ERROR", "INVALID_INPUT"}:
                return None
            raise _meaning(refused.code) from None
        return found if isinstance(found, dict) else None

    async def _input(self, card: Card) -> dict[str, Any]:
        owner = await self._user(card.owner_email) if card.owner_email else None
        return {
            "title": card.title,
            "description": _markdown(card),
            "dueDate": f"{card.due_at:%Y-%m-%d}",
            "priority": _PRIORITIES[card.priority],
        } | ({"assigneeId": owner} if owner else {})

    async def _user(self, email: str) -> str | None:
        if email not in self._users:
            found = await self._ask(_USER, {"email": email}, changes=False)
            nodes = list(found.get("users", {}).get("nodes") or ())
            self._users[email] = str(nodes[0]["id"]) if len(nodes) == 1 else None
        return self._users[email]

    async def _team_id(self) -> str:
        if self._team is None:
            found = await self._ask(_TEAM, {"key": self._key}, changes=False)
            nodes = list(found.get("teams", {}).get("nodes") or ())
            if not nodes:
                raise Permanent("linear: it has no team of the key in CSATWATCH_TASKS_PROJECT")
            states = sorted(nodes[0]["states"]["nodes"], key=lambda each: -float(each.get("position") or 0))
            self._states = {each["type"]: each["id"] for each in states}
            self._team = str(nodes[0]["id"])
        return self._team

    async def _state(self, *kinds: str) -> str:
        await self._team_id()
        for kind in kinds:
            if kind in self._states:
                return self._states[kind]
        raise Permanent(f"linear: the team has no state of the type {' or '.join(kinds)}")

    async def _ask(self, query: str, variables: Mapping[str, Any], *, changes: bool = True) -> dict[str, Any]:
        try:
            return await self._asked(query, variables, changes=changes)
        except _Refused as refused:
            raise _meaning(refused.code) from None

    async def _asked(self, query: str, variables: Mapping[str, Any], *, changes: bool) -> dict[str, Any]:
        """What Linear says. Raises `_Refused`, Retriable and Permanent."""
        answer = await self._http.call(
            "POST",
            self._url,
            body=encode({"query": query, "variables": variables}),
            accept=frozenset({HTTPStatus.BAD_REQUEST}),
            changes=changes,
        )
        data = answer.data if isinstance(answer.data, dict) else {}
        errors = data.get("errors")
        if errors:
            code = _code(errors[0])
            if code == "RATELIMITED":
                raise Retriable("linear: rate limited", after=_until_reset(answer.headers), counts=False)
            raise _Refused(code)
        found = data.get("data")
        if not isinstance(found, dict):
            raise Retriable("linear: an answer without data", uncertain=changes)
        return found


def chosen_id(task_id: str) -> str:
    """The id of the task's issue. Linear asks for the form of a random UUID (version 4)."""
    return str(UUID(bytes=sha256(f"linear|{task_id}".encode()).digest()[:16], version=4))


def _code(error: object) -> str:
    """Of an error, such as `INPUT_ERROR`; of one with a type alone, such as "invalid input", that in the same form."""
    extensions = error.get("extensions") if isinstance(error, dict) else None
    said = extensions if isinstance(extensions, dict) else {}
    code = str(said.get("code") or said.get("type") or "").upper().replace(" ", "_")
    return code if _CODE.fullmatch(code) else "UNKNOWN"


def _meaning(code: str) -> Retriable | Permanent:
    if code in {"AUTHENTICATION_ERROR", "FORBIDDEN"}:
        return Retriable(f"linear: {code}: mend the token or its rights", after=_WAIT_FOR_OPERATOR, away=True)
    if code in {"INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "LOCK_TIMEOUT", "NETWORK_ERROR"}:
        return Retriable(f"linear: {code}", uncertain=True)
    return Permanent(f"linear: {code}")


def _until_reset(headers: Mapping[str, str]) -> float:
    try:
        # In milliseconds since 1970: https://linear.app/developers/rate-limiting
        at = datetime.fromtimestamp(float(headers["X-RateLimit-Requests-Reset"]) / 1000, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return _WAIT_UNTOLD
    return min(max((at - datetime.now(UTC)).total_seconds(), 1.0), _LONGEST_WAIT)


def _markdown(card: Card) -> str:
    facts = "\n".join(f"- {_escape(fact)}" for fact in card.facts)
    said = "\n".join(f"> {_escape(line)}" for line in card.quote.splitlines()) if card.quote else ""
    ticket = f"[The ticket](<{quote(card.ticket_url, safe=_IN_URL)}>)" if card.ticket_url else ""
    return "\n\n".join(part for part in (facts, said, ticket) if part)


def _escape(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)
