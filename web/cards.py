"""What the pages say of one alert: pure, from its row and its steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from markupsafe import Markup
from pydantic import ValidationError

from schemas.alert import Alert, Kind, Severity, Status
from schemas.delivery import Sink, State
from schemas.digest import Digest, parse
from sinks.slack.digest import summary
from web.blockkit import Block, render
from web.wording import average, count, moment, money, percent

Row = Mapping[str, Any]
"""A row of `web/sql/alerts_*.sql` or `deliveries.sql`, by column."""
Message = Callable[[Alert | Digest], Iterable[Block]]
"""The blocks of the Slack message of an alert or a digest."""

_SINKS = {
    Sink.SLACK: "Slack message",
    Sink.TASKS: "Task",
    Sink.EMAIL: "Draft e-mail",
    Sink.MAIL: "E-mail",
    Sink.SUPPORT: "Word to Support",
}
_KINDS = {Kind.POOR_RATING: "Poor rating", Kind.DECLINING_TREND: "Declining trend", Kind.WEEKLY_DIGEST: "Weekly digest"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A follow-up e-mail as it would go out."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Task:
    """What the CSM has to do, and until when; `system` and `url`: the task system that has it too, and where."""

    title: str
    due_at: datetime
    owner: str | None
    status: str
    system: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One step of an alert.

    Attributes:
        name: what is delivered, for people.
        tone: `done`, `waiting`, `failed` or `cancelled`: its colour and its sign.
        state: the same in words, with the reason of a failure.
        at: when it was settled; None while it waits.
    """

    name: str
    tone: str
    state: str
    at: datetime | None
    task: Task | None = None
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One alert as a card.

    Attributes:
        customer_id: None on a digest.
        alert: None on a digest, and where the record was written by another version and cannot be read by this one.
        digest: None on an alert.
        headline: what happened.
        note: why nobody needs to act on it (retracted, resolved, recorded only); None on an open alert.
        preview: its Slack message.
        handled_at: since when somebody has it in hand; None: nobody has.
        snoozed_until: None: it is not snoozed.
    """

    alert_id: UUID
    customer_id: UUID | None
    customer_name: str | None
    arr: str | None
    csm: str | None
    kind: str
    severity: str
    occurred_at: datetime
    headline: str
    note: str | None
    alert: Alert | None
    digest: Digest | None
    deliveries: Sequence[Delivery]
    preview: Markup | None
    handled_at: datetime | None = None
    snoozed_until: datetime | None = None

    @property
    def reasons(self) -> Sequence[str]:
        """Why it is there, in plain words."""
        said = self.alert or self.digest
        return said.reasons if said else ()


def card(row: Row, steps: Iterable[Row], message: Message) -> Card:
    """The card of an alert's row and of the rows of its steps."""
    said = _said(row["record"])
    alert = said if isinstance(said, Alert) else None
    customer = alert.customer if alert else None
    return Card(
        alert_id=row["alert_id"],
        customer_id=row["customer_id"],
        customer_name=row["customer_name"] or (customer.name if customer else None),
        arr=money(customer.arr, customer.currency) if customer else None,
        csm=said.csm.name if said and said.csm else None,
        kind=_KINDS.get(row["kind"]) or row["kind"],
        severity=row["severity"] if row["severity"] in set(Severity) else "low",
        occurred_at=row["occurred_at"],
        headline=_headline(said),
        note=_note(row["status"], silent=row["silent"]),
        alert=alert,
        digest=said if isinstance(said, Digest) else None,
        deliveries=tuple(delivery(step) for step in steps),
        preview=render(message(said)) if said else None,
        handled_at=row.get("handled_at"),
        snoozed_until=row.get("snoozed_until"),
    )


def delivery(step: Row) -> Delivery:
    """One step, from its row of `deliveries.sql`."""
    tone, state = state_of(step)
    task = draft = None
    if step["task_title"] is not None:
        task = Task(
            step["task_title"],
            step["task_due_at"],
            step["task_owner"],
            step["task_status"],
            step.get("task_system"),
            step.get("task_url"),
        )
    if step["draft_subject"] is not None:
        to = step["draft_to_name"] or step["draft_to_email"] or "nobody known yet"
        draft = Draft(to, step["draft_subject"], step["draft_body"])
    return Delivery(name_of_step(step), tone, state, step["settled_at"] if tone != "waiting" else None, task, draft)


def name_of_step(step: Row) -> str:
    """What a step delivers, for people."""
    # A destination of one's own, or of a later version, is named by its step, without the workflow's name before it.
    return _SINKS.get(step["sink"]) or step["step"].rpartition("/")[2].replace("_", " ").capitalize()


def _said(record: object) -> Alert | Digest | None:
    try:
        return parse(record)
    except ValidationError:
        return None


def _headline(alert: Alert | Digest | None) -> str:
    if alert is None:
        return "Written by another version of csatwatch, which can show it in full."
    if isinstance(alert, Digest):
        said = summary(alert)
        return said[0].upper() + said[1:]
    if alert.kind is Kind.POOR_RATING:
        return f"Rated {alert.rating} of 5"
    trend = alert.trend
    if trend is None or trend.drop is None:
        return f"Average is falling; last rated {alert.rating} of 5"
    return (
        f"Average fell {percent(trend.drop)}, from {average(trend.baseline_avg)} to {average(trend.recent_avg)} "
        f"({count(trend.recent_n, 'recent rating')} against {trend.baseline_n})"
    )


def _note(status: str, *, silent: bool) -> str | None:
    if status == Status.RETRACTED:
        return "Retracted: the customer changed the rating"
    if status == Status.RESOLVED:
        return "Resolved: the average is back"
    if silent:
        return "Recorded only: it was old when it arrived"
    return None


def _waits(step: Row) -> str:
    if step["attempts"]:
        reason = f": {step['error']}" if step["error"] else ""
        return f"waiting, {count(step['attempts'], 'failed try', 'failed tries')}{reason}"
    if step.get("held"):
        return f"held back until {moment(step['due_at'])}: {step['held']}"
    start = step.get("not_before")
    if start is not None and start > step["created_at"] and not step["shown_revision"]:
        # The first of the kinds is what the workflow names, or stands for it.
        unless = f", unless {step['unless'][0].replace('_', ' ')} before" if step["unless"] else ""
        return f"waiting until {moment(start)}{unless}"
    return "waiting"


def state_of(step: Row) -> tuple[str, str]:
    """The tone of a step, and its state in words, as in `Delivery`."""
    reason = f": {step['error']}" if step["error"] else ""
    match step["state"]:
        case State.DONE:
            # The ledger's word for a message that went nowhere, because no Slack is set.
            return "done", "shown here only, Slack is not set up" if step["destination"] == "preview" else "done"
        case State.CANCELLED:
            # Of a step that waited to see it, the action that came.
            why = f": {step['error'].replace('_', ' ')} meanwhile" if step.get("unless") and step["error"] else ""
            return "cancelled", f"cancelled{why}"
        case State.FAILED:
            return "failed", f"failed{reason}"
        case State.UNKNOWN:
            return "failed", f"unknown whether it was done{reason}"
        case State.CLAIMED:
            return "waiting", "on its way"
        case _:
            return "waiting", _waits(step)
