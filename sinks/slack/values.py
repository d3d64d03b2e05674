"""What a message's template can name: an alert's fields, escaped, and figures in words."""

from collections.abc import Callable, Iterator

from schemas import alert_fields
from schemas.alert import Alert, Status
from sinks.slack.escape import mrkdwn, mrkdwn_line, plain
from sinks.slack.wording import average, count, hours, money, ordinal, percent

# Room for customers' text, in characters after escaping; Slack takes 150 in a header and 3,000 in a section.
_FEEDBACK = 2800
_SUBJECT = 1200
_CATEGORY = 400
_OTHER = 600

NAMES = frozenset(
    {
        "message.customer",
        "message.open",
        "message.resolved",
        "message.with_ticket",
        "message.ticket_id",
        "message.resolution_time",
        "message.sla",
        "message.first_contact",
        "message.escalated",
        "message.feedback",
        "message.context",
        "message.context_of_trend",
        "message.arr",
        "message.renewal",
        "message.renewal_in",
        "message.tickets",
        "message.previous_avg",
        "message.usual",
        "message.ordinal",
        "message.drop",
        "message.average_before",
        "message.average_now",
        "message.recently",
        "message.before",
        "message.evidence",
    }
)
"""What a template may use beside the alert's fields; each is unknown, and false in a condition, where it does not
apply."""


def in_header(alert: Alert, *, with_ticket: bool) -> dict[str, object]:
    """The values for a title, where text is plain."""
    fields = {name: plain(value) for name, value in _texts(alert)}
    return fields | {"message.customer": name_of(alert)} | _figures(alert, with_ticket=with_ticket)


def in_text(alert: Alert, *, with_ticket: bool) -> dict[str, object]:
    """The values for everything below the title, where text is mrkdwn."""
    rooms = {"ticket.ticket_subject": _SUBJECT, "ticket.ticket_category": _CATEGORY}
    fields = {name: mrkdwn_line(value, rooms.get(name, _OTHER)) for name, value in _texts(alert)}
    own = {
        "feedback": mrkdwn(alert.feedback or "", _FEEDBACK),
        "message.feedback": mrkdwn(alert.feedback or "", _FEEDBACK),
        "message.customer": mrkdwn_line(name_of(alert), _OTHER),
        "message.ticket_id": mrkdwn_line(alert.ticket.ticket_id.removeprefix("#"), _OTHER),
    }
    return fields | _figures(alert, with_ticket=with_ticket) | own


def name_of(alert: Alert) -> str:
    """The customer's name on one line, harmless; where none is known, the beginning of the id."""
    name = plain(alert.customer.name) if alert.customer else ""
    return name or f"Customer {alert.customer_id[:8]}…"


def _texts(alert: Alert) -> Iterator[tuple[str, str]]:
    record = alert.model_dump(mode="python", by_alias=True)
    for name in alert_fields.names():
        # Enumerations are words of ours.
        if type(value := alert_fields.value(record, name)) is str:
            yield name, value


def _figures(alert: Alert, *, with_ticket: bool) -> dict[str, object]:
    ticket, context, customer = alert.ticket, alert.context, alert.customer
    escalated = f"{context.escalated_at:%Y-%m-%d}" if context.escalated_at else "yes"
    renewal = customer.renewal_at if customer and context.renewal_in_days is not None else None
    found: dict[str, object] = {
        "message.open": alert.status.open,
        "message.resolved": alert.status is Status.RESOLVED,
        "message.with_ticket": with_ticket,
        "message.ticket_id": plain(ticket.ticket_id.removeprefix("#")),
        "message.feedback": None,
        "message.resolution_time": _said(ticket.resolution_time_hours, hours),
        "message.sla": _said(ticket.sla_hours, hours),
        "message.first_contact": bool(ticket.first_contact_resolution),
        "message.escalated": escalated if ticket.was_escalated else None,
        "message.renewal": f"{renewal:%Y-%m-%d}" if renewal else None,
        "message.renewal_in": count(context.renewal_in_days or 0, "day"),
        "message.arr": money(customer.arr, customer.currency) if customer and customer.arr is not None else None,
        "message.tickets": count(context.tickets_30d, "ticket") if context.tickets_30d > 0 else None,
        "message.previous_avg": _said(context.previous_avg, average),
        "message.usual": _said(context.category_usual, average) if ticket.ticket_category else None,
        "message.ordinal": ordinal(context.low_ratings_30d) if context.low_ratings_30d > 1 else None,
    }
    lines = ("message.arr", "message.renewal", "message.tickets", "message.usual")
    found["message.context_of_trend"] = any(found[name] for name in lines)
    found["message.context"] = bool(found["message.context_of_trend"] or found["message.previous_avg"])
    return found | _trend(alert)


def _trend(alert: Alert) -> dict[str, object]:
    trend = alert.trend
    names = ("drop", "average_before", "average_now", "recently", "before", "evidence")
    if trend is None:
        return {f"message.{name}": None for name in names}
    whole = None not in {trend.drop, trend.recent_avg, trend.baseline_avg}
    since = f" since {trend.since:%Y-%m-%d}" if trend.since else ""
    recent, before = _said(trend.recent_avg, average), _said(trend.baseline_avg, average)
    return {
        "message.drop": percent(trend.drop) if whole and trend.drop is not None else None,
        "message.average_before": before,
        "message.average_now": recent,
        "message.recently": f"{recent} from {count(trend.recent_n, 'rating')}{since}" if recent else None,
        "message.before": f"{before} from {count(trend.baseline_n, 'rating')}" if before else None,
        "message.evidence": trend.evidence.value,
    }


def _said(value: float | None, words: Callable[[float], str]) -> str | None:
    return None if value is None else words(value)
