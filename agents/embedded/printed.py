"""What was delivered, as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from schemas.alert import Alert
from schemas.customer import Customer
from schemas.delivery import Sink
from schemas.digest import Digest
from schemas.workflow import SlackDm
from sinks import slack
from sinks.base import PREVIEW

_WIDTH = 78

Row = Mapping[str, Any]
"""A row of the query `delivered` in `sinks/sql/delivered.sql`."""


def deliveries(rows: Sequence[Row]) -> Iterator[str]:
    """Each delivery, alert by alert: the Slack message as Slack would show it, a line for a task and for a draft."""
    by_alert = [list(group) for _, group in groupby(rows, key=lambda row: row["alert_id"])]
    for place, group in enumerate(by_alert, start=1):
        alert = Alert.model_validate(group[0]["record"])
        head = f"── {place} of {len(by_alert)} · {title(alert)} · {alert.occurred_at:%Y-%m-%d %H:%M} UTC "
        yield head.ljust(_WIDTH, "─")
        for row in group:
            yield from _delivery(alert, row)
        yield ""


def week(digests: Sequence[Digest]) -> Iterator[str]:
    """The digest with the most to say."""
    if digests:
        fullest = max(digests, key=lambda each: (len(each.items), each.csm.email))
        yield f"── The week of {fullest.csm.name}, as the weekly digest would tell it now ".ljust(_WIDTH, "─")
        yield ""
        yield slack.as_text(slack.message(fullest))
        yield ""


def title(alert: Alert) -> str:
    """Severity, kind, and the status where it is not the first one."""
    status = "" if alert.revision == 1 else f" {alert.status}"
    return f"{alert.severity} {alert.kind.replace('_', ' ')}{status}"


def arrival(alert: Alert) -> str:
    """A line on an alert that has just come."""
    return f"{alert.detected_at:%H:%M:%S}  {title(alert)}: {_name(alert)}. {alert.reasons[0]}"


def _delivery(alert: Alert, row: Row) -> Iterator[str]:
    match row["sink"]:
        case Sink.SLACK:
            config = SlackDm.model_validate(row["config"])
            message = slack.message(
                alert, template=config.message_template, include_ticket_context=config.include_ticket_context
            )
            where = " (shown here and on the page; no Slack token is set)" if row["destination"] == PREVIEW else ""
            yield f"Slack message to {_csm(alert.customer)}{where}:"
            yield ""
            yield slack.as_text(message)
            yield ""
        case Sink.TASKS:
            ended = "" if row["task_status"] == "open" else f" ({row['task_status']})"
            whom = row["owner_email"] or "nobody yet"
            yield f"Task for {whom}, due {row['due_at']:%Y-%m-%d %H:%M} UTC: {row['title']}{ended}"
        case Sink.EMAIL:
            ended = "" if row["draft_status"] == "draft" else f" ({row['draft_status']})"
            whom = f"{row['to_name'] or ''} <{row['to_email']}>".strip() if row["to_email"] else "nobody yet"
            yield f"Draft e-mail to {whom}: {row['subject']}{ended}"
        case sink:
            yield f"{sink}: {row['step']}"


def _csm(customer: Customer | None) -> str:
    return customer.csm.name if customer and customer.csm else "whoever takes unowned accounts"


def _name(alert: Alert) -> str:
    return alert.customer.name if alert.customer else alert.customer_id
