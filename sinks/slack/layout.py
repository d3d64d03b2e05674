"""The message of an alert, in Block Kit. Pure: the same alert, the same message."""

from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import urlsplit

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    HeaderBlock,
    InteractiveElement,
    Option,
    OverflowMenuElement,
    PlainTextObject,
)

from schemas.alert import Alert, Kind, Status
from schemas.digest import Digest
from schemas.life import Life
from sinks.safe_text import cut
from sinks.slack import action_ids, deeds
from sinks.slack.blocks import note, section
from sinks.slack.digest import summary, weekly
from sinks.slack.escape import mrkdwn, mrkdwn_line, plain
from sinks.slack.message import Message
from sinks.slack.wording import average, count, hours, money, ordinal, percent

# Room for customers' text, in characters after escaping; Slack takes 150 in a header and 3,000 in a section.
_HEADER = 150
_FEEDBACK = 2800
_SUBJECT = 1200
_CATEGORY = 400
_TICKET_ID = 600

MENU: Mapping[str, str] = {
    action_ids.ACKNOWLEDGE: "Acknowledge",
    action_ids.SCHEDULE_CALL: "Schedule a Call",
    action_ids.SNOOZE: "Snooze",
    action_ids.FOLLOWED_UP: "Mark as Followed Up",
    action_ids.NOT_USEFUL: "Not Useful",
}
"""The overflow menu: what an option asks for, and its words."""


def message(
    alert: Alert | Digest,
    *,
    template: str | None = None,
    include_ticket_context: bool = True,
    changed: bool = False,
    audience: str | None = None,
    life: Life | None = None,
) -> Message:
    """The message that shows this revision.

    Args:
        alert: the revision.
        template: one of `templates`; None takes the one that fits the alert's kind.
        include_ticket_context: with the ticket and the customer's words.
        changed: an earlier revision was shown in its place, so it says that it was updated.
        audience: whom it was meant for and why it is not with them, where it goes to somebody else instead.
        life: what people have done with it.
    """
    if isinstance(alert, Digest):
        title, blocks = weekly(alert)
    else:
        build = TEMPLATES[template] if template else _BY_KIND[alert.kind]
        title, blocks = build(alert, include_ticket_context)
    shown: list[Block] = [HeaderBlock(text=PlainTextObject(text=cut(title, _HEADER), emoji=True)), *blocks]
    if changed and alert.status.open:
        shown.append(note(f"Updated on {alert.detected_at:%Y-%m-%d at %H:%M} UTC."))
    if audience and (words := mrkdwn_line(audience, _SUBJECT)):
        shown.append(note(words))
    if life and (done := deeds.lines(life)):
        shown.append(note("\n".join(done)))
    if isinstance(alert, Alert):
        shown.append(ActionsBlock(elements=list(_actions(alert))))
    return Message(tuple(block for block in shown if not _empty(block)), _fallback(title, alert))


def _poor_rating(alert: Alert, with_ticket: bool) -> tuple[str, list[Block]]:  # noqa: FBT001 (one of two builders alike)
    name = _name(alert)
    if not alert.status.open:
        return (
            f":white_check_mark: Support Satisfaction Alert Withdrawn: {name}",
            [section(_over(alert)), *(_ticket(alert) if with_ticket else ())],
        )
    blocks = [section(f"Poor Rating Received: {alert.rating}/5")]
    if with_ticket:
        blocks += [*_ticket(alert), *_feedback(alert)]
    blocks += _context(alert)
    if alert.context.low_ratings_30d > 1:
        blocks.append(section(f"This is the {ordinal(alert.context.low_ratings_30d)} low rating in 30 days."))
    return f":disappointed: Support Satisfaction Alert: {name}", blocks


def _trend(alert: Alert, with_ticket: bool) -> tuple[str, list[Block]]:  # noqa: FBT001 (one of two builders alike)
    name = _name(alert)
    figures = _figures(alert)
    if alert.status is Status.RESOLVED:
        title = f":white_check_mark: Support Satisfaction Recovered: {name}"
        return title, [section("The average is back: this alert is resolved."), *figures]
    if alert.status is Status.RETRACTED:
        title = f":white_check_mark: Support Satisfaction Trend Alert Withdrawn: {name}"
        return title, [section(_over(alert)), *figures]
    trend = alert.trend
    head = "Average Rating Is Falling"
    if trend and trend.drop is not None and trend.recent_avg is not None and trend.baseline_avg is not None:
        fall = f"{average(trend.baseline_avg)} to {average(trend.recent_avg)}"
        head = f"Average Rating Down {percent(trend.drop)}: {fall}"
    blocks = [section(head), *figures]
    if with_ticket:
        blocks += [section(f"Latest Rating: {alert.rating}/5"), *_ticket(alert), *_feedback(alert)]
    blocks += _context(alert, previous=False)
    return f":chart_with_downwards_trend: Support Satisfaction Trend Alert: {name}", blocks


TEMPLATES: Mapping[str, Callable[[Alert, bool], tuple[str, list[Block]]]] = {
    "support_satisfaction_drop": _poor_rating,
    "support_trend_declined": _trend,
}
"""The templates of an alert."""
_BY_KIND = {Kind.POOR_RATING: _poor_rating, Kind.DECLINING_TREND: _trend}
_WEEKLY = "support_weekly_digest"


def templates(kind: Kind) -> Collection[str]:
    """What a step's `message_template` can name for alerts of this kind."""
    return (_WEEKLY,) if kind is Kind.WEEKLY_DIGEST else TEMPLATES


def _over(alert: Alert) -> str:
    if alert.status is Status.RESOLVED:
        return "This alert is resolved."
    if alert.kind is Kind.POOR_RATING:
        return f"The customer has changed the answer to {alert.rating}/5: this alert no longer holds."
    return "Later answers changed the figures: this alert no longer holds."


def _ticket(alert: Alert) -> Iterator[Block]:
    ticket = alert.ticket
    lines = [f"Ticket: #{mrkdwn_line(ticket.ticket_id.removeprefix('#'), _TICKET_ID)}"]
    if ticket.ticket_subject:
        lines.append(f'Subject: "{mrkdwn_line(ticket.ticket_subject, _SUBJECT)}"')
    if ticket.ticket_category:
        lines.append(f"Category: {mrkdwn_line(ticket.ticket_category, _CATEGORY)}")
    if ticket.resolution_time_hours is not None:
        sla = f" (SLA: {hours(ticket.sla_hours)})" if ticket.sla_hours is not None else ""
        lines.append(f"Resolution Time: {hours(ticket.resolution_time_hours)}{sla}")
    if ticket.first_contact_resolution:
        lines.append("Resolved at First Contact: yes")
    if ticket.was_escalated:
        escalated_at = alert.context.escalated_at
        lines.append(f"Escalated: {f'{escalated_at:%Y-%m-%d}' if escalated_at else 'yes'}")
    yield section("\n".join(lines))


def _feedback(alert: Alert) -> Iterator[Block]:
    text = mrkdwn(alert.feedback or "", _FEEDBACK)
    if text:
        yield section(f'Customer Feedback:\n"{text}"')


def _figures(alert: Alert) -> list[Block]:
    trend = alert.trend
    if trend is None:
        return []
    lines = []
    if trend.recent_avg is not None:
        since = f" since {trend.since:%Y-%m-%d}" if trend.since else ""
        lines.append(f"Recently: {average(trend.recent_avg)} from {count(trend.recent_n, 'rating')}{since}")
    if trend.baseline_avg is not None:
        lines.append(f"Before: {average(trend.baseline_avg)} from {count(trend.baseline_n, 'rating')}")
    if alert.status.open:
        lines.append(f"Evidence: {trend.evidence}")
    return [section("\n".join(lines))] if lines else []


def _context(alert: Alert, *, previous: bool = True) -> list[Block]:
    customer, context = alert.customer, alert.context
    lines = []
    if customer and customer.arr is not None:
        lines.append(f"- Customer ARR: {money(customer.arr, customer.currency)}")
    if customer and customer.renewal_at and context.renewal_in_days is not None:
        left = count(context.renewal_in_days, "day")
        lines.append(f"- Renewal: {customer.renewal_at:%Y-%m-%d} ({left} after this rating)")
    if context.tickets_30d > 0:
        lines.append(f"- Support history: {count(context.tickets_30d, 'ticket')} this month")
    if previous and context.previous_avg is not None:
        lines.append(f"- Previous avg CSAT: {average(context.previous_avg)}")
    if context.category_usual is not None and (category := alert.ticket.ticket_category):
        lines.append(f"- Usual for {mrkdwn_line(category, _CATEGORY)}: {average(context.category_usual)}")
    return [section("\n".join(["Context:", *lines]))] if lines else []


def _actions(alert: Alert) -> Iterator[InteractiveElement]:
    if alert.status.open:
        yield _button(alert, action_ids.SEND_EMAIL, "Send Follow-Up Email", style="primary")
    if (url := alert.ticket.ticket_url) and _usable(url):
        yield _button(alert, action_ids.VIEW_TICKET, "View Ticket", url=url)
    if alert.status.open:
        yield _button(alert, action_ids.COORDINATE, "Coordinate with Support")
        yield OverflowMenuElement(
            action_id=action_ids.action_id(action_ids.MORE, alert.alert_id),
            options=[
                Option(text=PlainTextObject(text=words), value=action_ids.action_id(key, alert.alert_id))
                for key, words in MENU.items()
            ],
        )


def _button(alert: Alert, name: str, words: str, *, url: str | None = None, style: str | None = None) -> ButtonElement:
    return ButtonElement(
        text=PlainTextObject(text=words),
        action_id=action_ids.action_id(name, alert.alert_id),
        value=str(alert.alert_id),
        url=url,
        style=style,
    )


def _usable(url: str) -> bool:
    # Slack refuses the whole message over one address that it cannot use.
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and url.isprintable() and " " not in url


def _name(alert: Alert) -> str:
    name = plain(alert.customer.name) if alert.customer else ""
    return name or f"Customer {alert.customer_id[:8]}…"


def _fallback(title: str, alert: Alert | Digest) -> str:
    words = title.partition(": ")[2] if title.startswith(":") and ": " in title else title
    if isinstance(alert, Digest):
        return mrkdwn_line(f"{words}: {summary(alert)}", _SUBJECT)
    rating = f", rated {alert.rating}/5" if alert.kind is Kind.POOR_RATING and alert.status.open else ""
    return mrkdwn_line(f"{words}{rating}", _SUBJECT)


def _empty(block: Block) -> bool:
    return isinstance(block, ActionsBlock) and not block.elements
