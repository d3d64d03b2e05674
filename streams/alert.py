"""Builds the alert records: everything known, and why."""

from datetime import datetime
from functools import cache

from msgspec import Raw
from msgspec.structs import replace

from schemas.alert import SCHEMA_VERSION, Kind, Severity, Status, alert_id_text
from schemas.customer import Customer
from schemas.policy import Policy
from schemas.wire import Alert, Context, CsatReceived, PolicyVersion, SuggestedAction, Ticket, Trend
from streams.detect import Rules
from streams.severity import judge
from streams.track import Answer, Track
from streams.words import count, number

_ANSWER = SuggestedAction("send_email", "An answer within a day shows that the feedback was read.")
_ESCALATED = SuggestedAction("coordinate", "The ticket was escalated.")
_OVERDUE = SuggestedAction("coordinate", "The ticket took longer than promised.")
_STEPS = tuple(Severity)


def context_of(track: Track, answer: Answer, rules: Rules) -> Context:
    """What the window says beside the answer itself, which is in the track."""
    others = len(track.answers) - 1
    tickets, low = track.month_up_to(answer.at, rules.poor, rules.spans)
    return Context(
        tickets_30d=tickets,
        low_ratings_30d=low,
        previous_avg=(track.counted(rules.spans).total - answer.rating) / others if others else None,
    )


def build(
    kind: Kind,
    event: CsatReceived,
    *,
    status: Status,
    revision: int,
    context: Context,
    trend: Trend,
    customer: Customer | None,
    policy: Policy,
    silent: bool,
    now: datetime,
    first: str,
) -> Alert:
    """One revision of an alert, because of `event`. `first` is the survey that fired it: the id is made of that."""
    ticket = Ticket(
        event.ticket_id,
        event.ticket_subject,
        event.ticket_category,
        event.ticket_url,
        event.resolution_time_hours,
        event.sla_hours,
        event.first_contact_resolution,
        event.was_escalated,
        event.assignee,
        event.message_id,
    )
    judged = judge(kind, event.rating, customer, ticket, context, policy)
    reasons = (_why_fired(kind, status, event, trend, policy), *judged.reasons, _why_this_person(customer))
    return Alert(
        schema_version=SCHEMA_VERSION,
        alert_id=alert_id_text(kind, event.customer_id, first),
        customer_id=event.customer_id,
        event_id=event.event_id,
        response_id=event.survey,
        revision=revision,
        status=status,
        kind=kind,
        severity=judged.severity,
        occurred_at=event.responded_at,
        detected_at=now,
        customer=_raw(customer),
        ticket=ticket,
        contact=event.contact,
        survey_sent_at=event.survey_sent_at,
        rating=event.rating,
        feedback=event.feedback,
        context=context,
        trend=trend,
        suggested_actions=_suggestions(judged.severity, ticket, policy),
        silent=silent,
        reasons=(*reasons, _why_silent(policy)) if silent else reasons,
        policy=PolicyVersion(policy.policy, policy.version),
    )


def with_account(alert: Alert, customer: Customer, revision: int, policy: Policy, now: datetime) -> Alert:
    """The alert, once more, now that its account is known."""
    judged = judge(Kind(alert.kind), alert.rating, customer, alert.ticket, alert.context, policy)
    return replace(
        alert,
        revision=revision,
        status=Status.UPDATED,
        severity=judged.severity,
        detected_at=now,
        customer=_raw(customer),
        suggested_actions=_suggestions(judged.severity, alert.ticket, policy),
        reasons=(
            alert.reasons[0],
            *judged.reasons,
            _why_this_person(customer),
            "Updated: the account became known.",
        ),
    )


def _suggestions(severity: Severity, ticket: Ticket, policy: Policy) -> tuple[SuggestedAction, ...]:
    call_from = policy.severity.suggest_call_from
    return _suggest(severity, call_from, escalated=bool(ticket.was_escalated), overdue=ticket.sla_broken)


@cache
def _suggest(severity: Severity, call_from: Severity, *, escalated: bool, overdue: bool) -> tuple[SuggestedAction, ...]:
    # Most useful first.
    actions = [_ANSWER]
    if escalated:
        actions.append(_ESCALATED)
    elif overdue:
        actions.append(_OVERDUE)
    if _STEPS.index(severity) <= _STEPS.index(call_from):
        why = f"Severity is {severity}: the policy suggests a call from {call_from} on."
        actions.append(SuggestedAction("schedule_call", why))
    return tuple(actions)


def _raw(customer: Customer | None) -> Raw | None:
    return None if customer is None else Raw(customer.to_json())


def _why_fired(kind: Kind, status: Status, event: CsatReceived, trend: Trend, policy: Policy) -> str:
    if kind is Kind.POOR_RATING:
        limit = policy.poor_rating.at_most
        if status is Status.RETRACTED:
            return f"Retracted: a later answer rates it {event.rating} of 5, and only {limit} or less is poor."
        return f"Rated {event.rating} of 5: {limit} or less alerts, {limit + 1} would not have."
    rule = policy.declining_trend
    measured = (
        f"average {number(trend.recent_avg or 0)} over the last {rule.recent_days} days "
        f"({count(trend.recent_n, 'rating')}), "
        f"{number(trend.baseline_avg or 0)} over the {rule.baseline_days} days before "
        f"({count(trend.baseline_n, 'rating')})"
    )
    if status is Status.RESOLVED:
        return f"Resolved: {measured}."
    return f"Down {trend.drop or 0:.0%}: {measured}. A drop of {rule.drop:.0%} or less would not have alerted."


def _why_this_person(customer: Customer | None) -> str:
    if customer is None:
        return "For whoever takes unowned accounts: the account is not known yet."
    if customer.csm is None:
        return "For whoever takes unowned accounts: the account has no CSM."
    return f"For {customer.csm.name}: CSM of {customer.name}."


def _why_silent(policy: Policy) -> str:
    limit = count(policy.silent_after_days, "day")
    return f"Recorded only: the answer was over {limit} old when it arrived, or backfilled."
