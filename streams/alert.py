"""Builds the alert records: everything known, and why."""

from datetime import datetime, timedelta

from schemas.alert import Alert, Context, Kind, PolicyVersion, Severity, Status, SuggestedAction, Trend, alert_id
from schemas.customer import Customer
from schemas.event import CsatReceived, Ticket
from schemas.policy import Policy
from streams.detect import is_poor, microseconds
from streams.severity import judge
from streams.track import Track
from streams.words import count, number

_TICKET_FIELDS = tuple(Ticket.model_fields)


def context_of(track: Track, event: CsatReceived, policy: Policy) -> Context:
    """What the window says beside the rating itself."""
    at = microseconds(event.responded_at)
    others = len(track.answers) - 1
    own = track.answer_to(event.survey)
    rated = own.rating if own else event.rating
    total = sum(a.rating for a in track.answers) if track.sums is None else track.sums.total
    return Context.model_construct(
        tickets_30d=track.tickets_in_month(at),
        previous_avg=(total - rated) / others if others > 0 else None,
        low_ratings_30d=sum(is_poor(a.rating, policy) for a in track.month_up_to(at)),
    )


def build(
    kind: Kind,
    event: CsatReceived,
    *,
    status: Status,
    revision: int,
    context: Context,
    trend: Trend | None,
    customer: Customer | None,
    policy: Policy,
    silent: bool,
    now: datetime,
    first: str | None = None,
) -> Alert:
    """One revision of an alert, because of `event`.

    `first` is the survey that fired the alert, where that was another one: the id is made of it.
    """
    ticket = Ticket.model_construct(**{name: getattr(event, name) for name in _TICKET_FIELDS})
    judged = judge(kind, event.rating, customer, ticket, context, policy)
    return Alert.model_construct(
        alert_id=alert_id(kind, event.customer_id, first or event.survey),
        customer_id=event.customer_id,
        event_id=event.event_id,
        response_id=event.survey,
        revision=revision,
        status=status,
        kind=kind,
        severity=judged.severity,
        occurred_at=event.responded_at,
        detected_at=now,
        customer=customer,
        ticket=ticket,
        contact=event.contact,
        survey_sent_at=event.survey_sent_at,
        rating=event.rating,
        feedback=event.feedback,
        context=context,
        trend=trend,
        suggested_actions=suggest(judged.severity, ticket, policy),
        silent=silent,
        reasons=(
            _why_fired(kind, status, event, trend, policy),
            *judged.reasons,
            _why_this_person(customer),
            *((_why_silent(policy),) if silent else ()),
        ),
        policy=PolicyVersion.model_construct(name=policy.policy, version=policy.version),
    )


def with_account(alert: Alert, customer: Customer, revision: int, policy: Policy, now: datetime) -> Alert:
    """The alert, once more, now that its account is known."""
    judged = judge(alert.kind, alert.rating, customer, alert.ticket, alert.context, policy)
    return alert.model_copy(
        update={
            "revision": revision,
            "status": Status.UPDATED,
            "severity": judged.severity,
            "detected_at": now,
            "customer": customer,
            "suggested_actions": suggest(judged.severity, alert.ticket, policy),
            "reasons": (
                alert.reasons[0],
                *judged.reasons,
                _why_this_person(customer),
                "Updated: the account became known.",
            ),
        }
    )


def suggest(severity: Severity, ticket: Ticket, policy: Policy) -> tuple[SuggestedAction, ...]:
    """What is worth doing about it, most useful first."""
    actions = [SuggestedAction(kind="send_email", why="An answer within a day shows that the feedback was read.")]
    if ticket.sla_broken or ticket.was_escalated:
        why = "The ticket was escalated." if ticket.was_escalated else "The ticket took longer than promised."
        actions.append(SuggestedAction(kind="coordinate", why=why))
    steps = list(Severity)
    if steps.index(severity) <= steps.index(policy.severity.suggest_call_from):
        why = f"Severity is {severity}: the policy suggests a call from {policy.severity.suggest_call_from} on."
        actions.append(SuggestedAction(kind="schedule_call", why=why))
    return tuple(actions)


def too_old(event: CsatReceived, arrived: datetime, policy: Policy) -> bool:
    """Whether an answer is recorded without alerting anybody."""
    return arrived - event.responded_at > timedelta(days=policy.silent_after_days)


def _why_fired(kind: Kind, status: Status, event: CsatReceived, trend: Trend | None, policy: Policy) -> str:
    if kind is Kind.POOR_RATING:
        limit = policy.poor_rating.at_most
        if status is Status.RETRACTED:
            return f"Retracted: a later answer rates it {event.rating} of 5, and only {limit} or less is poor."
        return f"Rated {event.rating} of 5: {limit} or less alerts, {limit + 1} would not have."
    if trend is None or trend.recent_avg is None or trend.baseline_avg is None or trend.drop is None:
        return "The trend cannot be measured any more: too few ratings are left in the window."
    rule = policy.declining_trend
    measured = (
        f"average {number(trend.recent_avg)} over the last {rule.recent_days} days "
        f"({count(trend.recent_n, 'rating')}), {number(trend.baseline_avg)} over the {rule.baseline_days} days before "
        f"({count(trend.baseline_n, 'rating')})"
    )
    if status is Status.RESOLVED:
        return f"Resolved: {measured}."
    return f"Down {trend.drop:.0%}: {measured}. A drop of {rule.drop:.0%} or less would not have alerted."


def _why_this_person(customer: Customer | None) -> str:
    if customer is None:
        return "For whoever takes unowned accounts: the account is not known yet."
    if customer.csm is None:
        return "For whoever takes unowned accounts: the account has no CSM."
    return f"For {customer.csm.name}: CSM of {customer.name}."


def _why_silent(policy: Policy) -> str:
    limit = count(policy.silent_after_days, "day")
    return f"Recorded only: the answer was over {limit} old when it arrived, or backfilled."
