"""A Linear workspace with one team: the part of its GraphQL schema that a task needs.

It follows the schema that Linear publishes (https://github.com/linear/linear, packages/sdk/src/schema.graphql, as of
July 2026, against which every query of `sinks.tasks.linear` is valid), https://linear.app/developers/graphql for keys
and pages, and https://linear.app/developers/rate-limiting. The form of its errors is that of
packages/sdk/src/error.ts.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.servers.fake_http import Call, FakeHttp, Said

TOKEN, TEAM = "lin_api_secret", "CSM"
_STATES = {"s1": "backlog", "s2": "unstarted", "s3": "started", "s4": "completed", "s5": "canceled"}
_OPERATION = re.compile(rb"(?:query|mutation) (\w+)")


@dataclass
class Issue:
    id: str
    fields: dict[str, Any]
    state: str = "unstarted"
    completed_at: datetime | None = None
    comments: list[str] = field(default_factory=list)


class FakeLinear(FakeHttp):
    """`issues` by id; `bare`: errors name their type alone. Calls are named by their operation."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, Issue] = {}
        self.people = {"ana@example.com": "user-ana"}
        self.limited = 0
        self.bare = False

    def name_of(self, method: str, path: str, body: bytes) -> str:
        del method, path
        match = _OPERATION.search(body)
        return match[1].decode() if match else "?"

    def close(self, issue_id: str) -> None:
        """As a person does."""
        self.issues[issue_id].state = "completed"
        self.issues[issue_id].completed_at = datetime.now(UTC)

    async def answer(self, call: Call) -> Said:  # noqa: PLR0911 (one answer a call)
        if call.headers.get("Authorization") != TOKEN:
            return _wrong("AUTHENTICATION_ERROR", 401, bare=self.bare)
        if self.limited:
            self.limited -= 1
            reset = str(int((datetime.now(UTC).timestamp() + 7) * 1000))
            return Said(400, _wrong("RATELIMITED", bare=self.bare).data, {"X-RateLimit-Requests-Reset": reset})
        variables = call.body["variables"]
        match call.name:
            case "Team":
                states = [{"id": i, "type": kind, "position": n} for n, (i, kind) in enumerate(_STATES.items())]
                nodes = [{"id": "team-1", "states": {"nodes": states}}] if variables["key"] == TEAM else []
                return _data({"teams": {"nodes": nodes}})
            case "User":
                found = self.people.get(variables["email"])
                return _data({"users": {"nodes": [{"id": found}] if found else []}})
            case "Closed":
                return self._closed(variables)
            case "Create":
                return self._create(variables["input"])
        issue = self.issues.get(variables.get("id") or variables["input"]["issueId"])
        if issue is None:
            return _wrong("INPUT_ERROR", bare=self.bare)
        return self._on(issue, call.name, variables)

    def _on(self, issue: Issue, name: str, variables: dict[str, Any]) -> Said:
        match name:
            case "Issue":
                return _data({"issue": {"id": issue.id, "url": _url(issue), "state": {"type": issue.state}}})
            case "Comment":
                issue.comments.append(variables["input"]["body"])
                return _data({"commentCreate": {"success": True}})
            case "Update":
                changes = dict(variables["input"])
                if state := changes.pop("stateId", None):
                    issue.state = _STATES[state]
                    issue.completed_at = datetime.now(UTC) if issue.state == "completed" else None
                issue.fields |= changes
                return _data({"issueUpdate": {"success": True, "issue": {"id": issue.id, "url": _url(issue)}}})
        raise AssertionError(name)

    def _create(self, given: dict[str, Any]) -> Said:
        assert UUID(given["id"]).version == 4, "Linear asks for a UUID v4"
        assert given["teamId"] == "team-1"
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", given["dueDate"])
        assert given["priority"] in range(5)
        if given["id"] in self.issues:
            return _wrong("INPUT_ERROR", bare=self.bare)
        issue = self.issues[given["id"]] = Issue(given["id"], given)
        return _data({"issueCreate": {"success": True, "issue": {"id": issue.id, "url": _url(issue)}}})

    def _closed(self, asked: dict[str, Any]) -> Said:
        since = datetime.fromisoformat(asked["since"])
        found = [each for each in self.issues.values() if each.completed_at and each.completed_at >= since]
        start = int(asked["after"] or "0")
        nodes = [{"id": each.id, "completedAt": _iso(each.completed_at)} for each in found[start : start + 1]]
        info = {"hasNextPage": start + 1 < len(found), "endCursor": str(start + 1)}
        return _data({"issues": {"nodes": nodes, "pageInfo": info}})


def _iso(at: datetime | None) -> str:
    assert at
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _url(issue: Issue) -> str:
    return f"https://linear.app/example/issue/{issue.id}"


def _data(data: object) -> Said:
    return Said(200, {"data": data})


_TYPES = {"INPUT_ERROR": "invalid input", "AUTHENTICATION_ERROR": "authentication error", "RATELIMITED": "ratelimited"}


def _wrong(code: str, status: int = 200, *, bare: bool = False) -> Said:
    """`bare`: without the code, as the vendor's own client does not need it."""
    extensions: dict[str, Any] = {"type": _TYPES[code], "userError": True, "userPresentableMessage": "Took too long"}
    if not bare:
        extensions["code"] = code
    return Said(status, {"data": None, "errors": [{"message": "Took too long", "extensions": extensions}]})
