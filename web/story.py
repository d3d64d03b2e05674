"""What happened with alerts, in the order of time: revisions, deliveries, tasks, e-mails, and what people did. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from schemas.action import Action, ActionKind
from schemas.alert import Status
from schemas.delivery import Sink, State
from web.cards import name_of_step, state_of
from web.wording import moment

Row = Mapping[str, Any]

_DID: Mapping[ActionKind, str] = {
    ActionKind.ACKNOWLEDGED: "acknowledged it",
    ActionKind.SNOOZED: "snoozed it",
    ActionKind.FOLLOWED_UP: "followed up",
    ActionKind.USEFUL: "found it useful",
    ActionKind.NOT_USEFUL: "found it not useful",
    ActionKind.EMAIL_REQUESTED: "asked for an e-mail to be sent",
    ActionKind.CALL_REQUESTED: "asked for an invitation to a call",
    ActionKind.COORDINATE_REQUESTED: "asked for word to Support",
    ActionKind.RETRIED: "had a step tried again",
    ActionKind.WORKFLOW_EMAIL_REQUESTED: "asks for its e-mail to be sent",
}
_CAME: Mapping[ActionKind, tuple[str, str]] = {
    ActionKind.EMAIL_SENT: ("E-mail sent", "done"),
    ActionKind.WORKFLOW_EMAIL_SENT: ("E-mail sent by a workflow", "done"),
    ActionKind.WORKFLOW_EMAIL_FAILED: ("E-mail of a workflow not sent", "failed"),
    ActionKind.WORKFLOW_EMAIL_UNKNOWN: ("E-mail of a workflow: not known whether it was sent", "failed"),
    ActionKind.EMAIL_FAILED: ("E-mail not sent", "failed"),
    ActionKind.EMAIL_UNKNOWN: ("E-mail: not known whether it was sent", "failed"),
    ActionKind.CALL_SCHEDULED: ("Call scheduled", "done"),
    ActionKind.CALL_FAILED: ("Invitation not sent", "failed"),
    ActionKind.CALL_UNKNOWN: ("Invitation: not known whether it was sent", "failed"),
    ActionKind.COORDINATED: ("Support was told", "done"),
    ActionKind.COORDINATION_FAILED: ("Support was not told", "failed"),
}
_STATUSES = {
    Status.FIRING: "Alert",
    Status.UPDATED: "Alert updated",
    Status.RETRACTED: "Alert retracted: the customer changed the rating",
    Status.RESOLVED: "Alert resolved: the average is back",
}
_TOLD_ELSEWHERE = frozenset({Sink.TASKS, Sink.EMAIL, Sink.MAIL, Sink.SUPPORT})  # by tasks, drafts and actions


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened.

    Attributes:
        tone: `alert`, `done`, `failed`, `cancelled` or `said`: its sign.
        title: what, in a few words; `by`: who, where a person did it.
        note: more on it.
        words: what was written, word for word: a summary and the text.
        link: where it is to be seen.
    """

    at: datetime
    alert_id: UUID
    tone: str
    title: str
    by: str | None = None
    note: str | None = None
    words: tuple[str, str] | None = None
    link: str | None = None


def story(
    revisions: Iterable[Row], steps: Iterable[Row], tasks: Iterable[Row], drafts: Iterable[Row], actions: Iterable[Row]
) -> Sequence[Entry]:
    """The entries, oldest first, from rows of `revisions`, `deliveries`, `tasks_of`, `drafts_of` and `actions_of`."""
    found = [*_revised(revisions), *_delivered(steps), *_tasked(tasks), *_drafted(drafts), *_acted(actions)]
    return sorted(found, key=lambda entry: entry.at)


def _revised(rows: Iterable[Row]) -> Iterator[Entry]:
    for row in rows:
        status = Status(row["status"]) if row["status"] in set(Status) else Status.UPDATED
        rated = f", rated {row['rating']} of 5" if row["rating"] is not None and status.open else ""
        number = f", revision {row['revision']}" if row["revision"] > 1 else ""
        severity = f": {row['severity']}{rated}" if status.open else ""
        yield Entry(row["detected_at"], row["alert_id"], "alert", f"{_STATUSES[status]}{severity}{number}")


def _delivered(rows: Iterable[Row]) -> Iterator[Entry]:
    for row in rows:
        tone, state = state_of(row)
        settled = row["settled_at"]
        if tone == "waiting" or settled is None:
            continue
        if row["sink"] in _TOLD_ELSEWHERE and row["state"] == State.DONE:
            continue
        yield Entry(settled, row["alert_id"], tone, f"{name_of_step(row)} {state}")


def _tasked(rows: Iterable[Row]) -> Iterator[Entry]:
    for row in rows:
        owner = f" for {row['owner_email']}" if row["owner_email"] else ""
        yield Entry(
            row["created_at"],
            row["alert_id"],
            "done",
            f"Task{owner}, due {moment(row['due_at'])}",
            note=row["title"],
            link=row["external_url"],
        )
        if row["closed_at"] is not None:
            tone = "done" if row["status"] == "done" else "cancelled"
            yield Entry(row["closed_at"], row["alert_id"], tone, f"Task {row['status']}", by=row["closed_by"])


def _drafted(rows: Iterable[Row]) -> Iterator[Entry]:
    for row in rows:
        to = row["to_name"] or row["to_email"] or "nobody known yet"
        what = "Draft e-mail" if row["by"] is None else "E-mail written"
        words = (row["subject"], row["body"])
        yield Entry(row["created_at"], row["alert_id"], "said", f"{what} to {to}", by=row["by"], words=words)


def _acted(rows: Iterable[Row]) -> Iterator[Entry]:
    for row in rows:
        try:
            action = Action.model_validate(row["record"])
        except ValidationError:  # of another version
            continue
        by = action.by_name or action.by
        if action.kind in _CAME:
            title, tone = _CAME[action.kind]
            when = f" for {moment(action.starts_at)}" if action.starts_at else ""
            yield Entry(action.at, row["alert_id"], tone, f"{title}{when}", note=action.note, link=action.link)
            continue
        until = f" until {moment(action.snoozed_until)}" if action.snoozed_until else ""
        when = f" on {moment(action.starts_at)}" if action.starts_at else ""
        yield Entry(action.at, row["alert_id"], "said", f"{_DID[action.kind]}{until}{when}", by=by, note=action.note)
