"""What a task says, whichever system holds it: pure, from the delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from schemas import template
from schemas.action import ActionKind
from schemas.alert import Alert
from schemas.workflow import CreateTask
from sinks.base import Delivery
from sinks.rows import row_id
from sinks.safe_text import clean, cut, one_line

_TITLE = 250  # characters: Jira allows 255
_QUOTED = 2_000  # characters of what the customer wrote


class State(StrEnum):
    """What has become of a task."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Card:
    """A task.

    Attributes:
        task_id: UUID text; it follows from alert and step, and so is the same whenever the step is repeated.
        alert: what it is about.
        owner_name, owner_email: the CSM; None where none is known.
        facts: what to know, a line each.
        quote: what the customer wrote; None: nothing.
        ticket_url: where the ticket is.
        why: why it is no longer open; "" while it is.
        reopened: it was cancelled, and its reason is back.
    """

    task_id: str
    alert: Alert
    customer_name: str | None
    state: State
    title: str
    priority: str
    due_at: datetime
    owner_name: str | None
    owner_email: str | None
    facts: tuple[str, ...]
    quote: str | None
    ticket_url: str | None
    why: str = ""
    reopened: bool = False


def title(alert: Alert, config: CreateTask) -> str:
    """The task's title, on one line. Raises `schemas.template.BadTemplate`."""
    return cut(one_line(template.render(config.title, alert)), _TITLE)


def due_at(alert: Alert, config: CreateTask) -> datetime:
    """When the task is due."""
    start = alert.occurred_at if config.due_date_from == "occurred_at" else alert.detected_at
    return start + timedelta(hours=config.due_date_offset_hours)


def state(delivery: Delivery) -> tuple[State, str]:
    """What the task is by the alert and what people did with it, and why it is over."""
    done = delivery.life.deed(ActionKind.FOLLOWED_UP)
    if done is not None:
        return State.DONE, "Followed up."
    if not delivery.alert.status.open:
        return State.CANCELLED, f"The alert was {delivery.alert.status}: nothing is left to do."
    return State.OPEN, ""


def card(delivery: Delivery) -> Card:
    """The task of a delivery. Raises `schemas.template.BadTemplate`, and `sinks.base.Permanent` on a digest."""
    alert = delivery.about_customer
    config = CreateTask.model_validate(delivery.config)
    now, why = state(delivery)
    csm = alert.customer.csm if alert.customer else None
    return Card(
        task_id=str(row_id(delivery)),
        alert=alert,
        customer_name=one_line(alert.customer.name) if alert.customer else None,
        state=now,
        title=title(alert, config),
        priority=config.priority,
        due_at=due_at(alert, config),
        owner_name=one_line(csm.name) if csm else None,
        owner_email=csm.email if csm else None,
        facts=tuple(one_line(fact) for fact in _facts(alert)),
        quote=cut(clean(alert.feedback).strip(), _QUOTED) if alert.feedback else None,
        ticket_url=alert.ticket.ticket_url,
        why=why,
    )


def _facts(alert: Alert) -> list[str]:
    ticket = alert.ticket
    subject = f": {ticket.ticket_subject}" if ticket.ticket_subject else ""
    customer = [f"Customer: {alert.customer.name}"] if alert.customer else []
    return [f"Rated {alert.rating} of 5", f"Ticket {ticket.ticket_id}{subject}", *customer, *alert.reasons]
