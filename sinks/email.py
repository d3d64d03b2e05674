"""The communicator: drafts of follow-up e-mails, from templates.

It sends none. Where a workflow says `send_email`, it asks for the draft to be sent, as a person does by a button.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg

from schemas import template
from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.event import Contact
from schemas.workflow import Delegate
from sinks.base import Delivery, Outcome, Permanent, Receipt, Retriable, SendError
from sinks.languages import ByLanguage, in_language, over, read
from sinks.postgres import ASYNCPG_ERRORS, queries
from sinks.rows import row_id, write_all
from sinks.safe_text import clean, cut, one_line
from sinks.slack.wording import hours

DESTINATION = "drafts"

_EXTRA = frozenset(
    {
        "recipient.name",
        "message.feedback",
        "message.took_longer",
        "message.resolution_time",
        "message.sla",
        "message.again",
    }
)
"""What a draft's template may use beside the alert's fields."""
_SUBJECT = 200  # characters
_QUOTED = 1_200  # characters of the feedback: the draft has to fit into what Slack lets people edit, 3,000
_NAMESPACE = UUID("c0c6c0de-3c5a-5b0e-9d55-6f1a7e3b2d41")
_KEPT = frozenset({"sending", "sent", "failed", "unknown"})
"""What a person asked to be sent is theirs: no revision of the alert writes over it."""


Publish = Callable[[Action], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Draft:
    """One version of an e-mail; `to_email` is None where nobody to send it to is known."""

    to_name: str | None
    to_email: str | None
    from_name: str | None
    from_email: str | None
    subject: str
    body: str


def templates() -> ByLanguage:
    """The templates in use; the first line of each is the subject. All of them are checked."""
    return _own[0] if _own else _shipped()


def use(directory: Path | None) -> None:
    """From now on take this process's templates from `directory` where it has them. Raises `BadFile`."""
    _own[:] = [over(_shipped(), directory, _EXTRA)]


_own: list[ByLanguage] = []


@cache
def _shipped() -> ByLanguage:
    return read(files("sinks") / "templates", _EXTRA)


def recipient(alert: Alert) -> Contact | None:
    """Who gets the e-mail: who answered, else the customer's primary contact; None where neither has an address."""
    primary = alert.customer.primary_contact if alert.customer else None
    return next((contact for contact in (alert.contact, primary) if contact and contact.email), None)


def draft(alert: Alert, name: str) -> Draft:
    """The e-mail that the template `name` makes of the alert, in the recipient's language where there is one.

    Raises `KeyError` and `schemas.template.BadTemplate`.
    """
    to = recipient(alert)
    csm = alert.customer.csm if alert.customer else None
    ticket = alert.ticket
    took, sla = ticket.resolution_time_hours, ticket.sla_hours
    extra = {
        "recipient.name": to.name if to else None,
        "message.feedback": _quoted(alert.feedback or ""),
        "message.took_longer": bool(ticket.sla_broken),
        "message.resolution_time": hours(took) if took is not None else None,
        "message.sla": hours(sla) if sla is not None else None,
        "message.again": alert.context.low_ratings_30d > 1,
    }
    text = clean(template.render(in_language(templates()[name], to.locale if to else None), alert, extra))
    subject, _, body = text.partition("\n")
    return Draft(
        to_name=one_line(to.name) if to and to.name else None,
        to_email=to.email if to else None,
        from_name=one_line(csm.name) if csm else None,
        from_email=csm.email if csm else None,
        subject=cut(one_line(subject.removeprefix("Subject:")), _SUBJECT),
        body=body.strip() + "\n",
    )


def _quoted(feedback: str) -> str:
    return "\n".join(f"> {line}" for line in cut(clean(feedback).strip(), _QUOTED).splitlines())


class Drafts:
    """Keeps drafts in Postgres, a version a content.

    Args:
        pool: csatwatch's own database.
        publish: puts an action on `csm-actions`, and raises what it likes.
    """

    def __init__(self, pool: asyncpg.Pool, publish: Publish) -> None:
        self._pool = pool
        self._publish = publish

    async def send_all(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        """See `sinks.base.BatchSink`. A draft that was sent stays; one of an alert that is over is discarded."""
        outcomes = list(await write_all(self._write, deliveries))
        for place, (delivery, outcome) in enumerate(zip(deliveries, outcomes, strict=True)):
            if isinstance(outcome, Receipt) and delivery.alert.status.open and _at_once(delivery):
                outcomes[place] = await self._sent(delivery, outcome)
        return outcomes

    async def _sent(self, delivery: Delivery, receipt: Receipt) -> Receipt | SendError:
        """Ask for the draft to be sent, once: asked again it is the same action."""
        alert = delivery.about_customer
        try:
            (row,) = await self._pool.fetch(queries("drafts")["newest"], [receipt.external_id])
        except (*ASYNCPG_ERRORS, OSError) as error:
            return Retriable(f"postgres: {type(error).__name__}")
        if row["status"] in _KEPT:
            return receipt
        if row["to_email"] is None:
            return Permanent("neither the contact who answered nor the primary contact has an address to send it to")
        workflow = delivery.step.partition("/")[0]
        request = Action(
            action_id=uuid5(_NAMESPACE, f"{alert.alert_id}|{delivery.step}"),
            alert_id=alert.alert_id,
            customer_id=alert.customer_id,
            kind=ActionKind.WORKFLOW_EMAIL_REQUESTED,
            by=workflow,
            at=delivery.claimed_at,
            draft_id=UUID(receipt.external_id),
            draft_version=row["version"],
            to=Contact(name=row["to_name"], email=row["to_email"]),
            subject=row["subject"],
        )
        try:
            await self._publish(request)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, it is tried again)
            return Retriable(f"kafka: {type(error).__name__}")
        return receipt

    async def _write(self, deliveries: Sequence[Delivery]) -> Sequence[Receipt | SendError | None]:
        ids = [str(row_id(delivery)) for delivery in deliveries]
        sql = queries("drafts")
        async with self._pool.acquire() as connection, connection.transaction():
            newest = {row["draft_id"]: row for row in await connection.fetch(sql["newest"], ids)}
            rows, over = [], []
            outcomes: list[Receipt | SendError | None] = []
            for delivery, draft_id in zip(deliveries, ids, strict=True):
                last = newest.get(draft_id)
                if not delivery.alert.status.open:
                    over.append(draft_id)
                    outcomes.append(Receipt(DESTINATION, draft_id) if last else None)
                    continue
                try:
                    made = draft(delivery.about_customer, Delegate.model_validate(delivery.config).params.template)
                except (KeyError, template.BadTemplate) as bad:
                    outcomes.append(Permanent(f"the e-mail's template: {bad}"))
                    continue
                except Permanent as error:
                    outcomes.append(error)
                    continue
                if last is None or _differs(last, made):
                    rows.append(_row(delivery, draft_id, made, last["version"] + 1 if last else 1))
                outcomes.append(Receipt(DESTINATION, draft_id))
            if rows:
                await connection.execute(sql["discard"], [row[0] for row in rows])
                await connection.execute(sql["add"], *(list(column) for column in zip(*rows, strict=True)))
            if over:
                await connection.execute(sql["discard"], over)
        return outcomes


def _at_once(delivery: Delivery) -> bool:
    return Delegate.model_validate(delivery.config).action == "send_email"


def _differs(last: asyncpg.Record, made: Draft) -> bool:
    if last["status"] in _KEPT:
        return False
    kept = tuple(last[name] for name in Draft.__dataclass_fields__)
    return last["status"] == "discarded" or kept != astuple(made)


def _row(delivery: Delivery, draft_id: str, made: Draft, version: int) -> tuple[object, ...]:
    alert = delivery.about_customer
    return (draft_id, version, str(alert.alert_id), delivery.step, alert.customer_id, *astuple(made))
