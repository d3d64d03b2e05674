"""A Jira Cloud site: issues, search, transitions and comments as its REST API v3 documents them.

Below https://developer.atlassian.com/cloud/jira/platform/rest/v3/ it follows the groups issues (create, get, edit,
delete, transitions: 201 and 204, errors as `errorMessages` and `errors` by field), issue search (POST search/jql:
`nextPageToken` and `isLast`, no fields but those asked for), issue comments and user search (assignable). Documents
are as in https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/, pauses as in
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/. The shape of a search's answer and the parameters
of user search are those of the OpenAPI document 1001.0.0.
"""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.servers.fake_http import Call, FakeHttp, Said

USER, TOKEN, PROJECT = "bot@example.com", "jira-secret-token", "CSM"
_STATUSES = {"11": ("To Do", "new"), "21": ("In Progress", "indeterminate"), "31": ("Done", "done")}
_ISSUE = re.compile(r"/rest/api/3/issue/([A-Z]+-\d+)(/transitions|/comment)?")
_NODES = {"doc", "paragraph", "text", "blockquote"}


@dataclass
class Issue:
    key: str
    fields: dict[str, Any]
    category: str = "new"
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    comments: list[Any] = field(default_factory=list)


class FakeJira(FakeHttp):
    """`issues` by key; `refused`: fields that the project's screens do not have; `page`: issues a search gives."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[str, Issue] = {}
        self.refused: set[str] = set()
        self.people = {"ana@example.com": "account-ana"}
        self.page = 50
        self._number = 0

    def name_of(self, method: str, path: str, body: bytes) -> str:
        del body
        return f"{method} {re.sub(r'[A-Z]+-[0-9]+', 'KEY', path).removeprefix('/rest/api/3')}"

    def close(self, key: str) -> None:
        """As a person does."""
        self.issues[key].category = "done"
        self.issues[key].updated = datetime.now(UTC)

    async def answer(self, call: Call) -> Said:
        given = call.headers.get("Authorization", "").removeprefix("Basic ")
        if b64decode(given or "").decode() != f"{USER}:{TOKEN}":
            return Said(401, {"message": "Client must be authenticated to access this resource."})
        match call.name:
            case "POST /issue":
                return self._create(call.body["fields"])
            case "POST /search/jql":
                return self._search(call.body)
            case "GET /user/assignable/search":
                found = self.people.get(call.query["query"])
                return Said(200, [{"accountId": found}] if found else [])
        match = _ISSUE.fullmatch(call.path)
        assert match, call.path
        issue = self.issues.get(match[1])
        if issue is None:
            return Said(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]})
        return self._on(issue, call)

    def _on(self, issue: Issue, call: Call) -> Said:  # noqa: PLR0911 (one answer a call)
        match call.name:
            case "GET /issue/KEY":
                return Said(200, {"key": issue.key, "fields": {"status": _status(issue.category)}})
            case "PUT /issue/KEY":
                if wrong := self._wrong(call.body["fields"]):
                    return Said(400, {"errorMessages": [], "errors": wrong})
                issue.fields |= call.body["fields"]
                issue.updated = datetime.now(UTC)
                return Said(204)
            case "DELETE /issue/KEY":
                del self.issues[issue.key]
                return Said(204)
            case "GET /issue/KEY/transitions":
                ways = [{"id": i, "name": n, "to": _status(c)} for i, (n, c) in _STATUSES.items()]
                return Said(200, {"transitions": ways})
            case "POST /issue/KEY/transitions":
                issue.category = _STATUSES[call.body["transition"]["id"]][1]
                issue.updated = datetime.now(UTC)
                return Said(204)
            case "POST /issue/KEY/comment":
                _check_document(call.body["body"])
                issue.comments.append(call.body["body"])
                return Said(201, {"id": "1"})
        raise AssertionError(call.name)

    def _create(self, fields: dict[str, Any]) -> Said:
        if wrong := self._wrong(fields):
            return Said(400, {"errorMessages": [], "errors": wrong})
        assert fields["project"] == {"key": PROJECT}
        assert set(fields["issuetype"]) == {"name"}
        assert len(fields["summary"]) <= 255
        assert all(" " not in label and len(label) <= 255 for label in fields["labels"])
        self._number += 1
        key = f"{PROJECT}-{self._number}"
        self.issues[key] = Issue(key, dict(fields))
        return Said(201, {"id": str(10_000 + self._number), "key": key, "self": f"{self.url}/rest/api/3/issue/{key}"})

    def _wrong(self, fields: dict[str, Any]) -> dict[str, str]:
        _check_document(fields.get("description") or {"type": "doc"})
        text = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
        return {name: text.format(name) for name in fields if name in self.refused}

    def _search(self, asked: dict[str, Any]) -> Said:
        assert asked["fields"], "without fields the answer has none"
        label = re.search(r'labels = "([^"]+)"', asked["jql"])
        assert label
        found = [issue for issue in self.issues.values() if label[1] in issue.fields["labels"]]
        if "statusCategory = Done" in asked["jql"]:
            found = [issue for issue in found if issue.category == "done"]
        start = int(asked.get("nextPageToken", "0"))
        size = min(self.page, asked["maxResults"])
        page, more = found[start : start + size], start + size < len(found)
        issues = [
            {
                "key": each.key,
                "fields": {"resolutiondate": None, "updated": each.updated.strftime("%Y-%m-%dT%H:%M:%S.000+0000")},
            }
            for each in page
        ]
        return Said(
            200, {"issues": issues, "isLast": not more} | ({"nextPageToken": str(start + size)} if more else {})
        )


def _status(category: str) -> dict[str, Any]:
    return {"name": category, "statusCategory": {"key": category}}


def _check_document(node: dict[str, Any]) -> None:
    assert node["type"] in _NODES
    if node["type"] == "text":
        assert node["text"], "Jira refuses empty text"
    for each in node.get("content", ()):
        _check_document(each)
