"""Builds the alert records: everything known, and why."""

from datetime import datetime, timedelta
from functools import cache

from msgspec import Raw

from schemas.alert import SCHEMA_VERSION, Kind, Severity, Status, alert_id_text
from schemas.customer import Customer
from schemas.policy import Policy, Told
from schemas.wire import Alert, Context, CsatReceived, PolicyVersion, Routed, SuggestedAction, Ticket, Trend
from streams.detect import instant
from streams.hold_out import is_held_out
from streams.judges import Judge
from streams.reasons import what_is_usual, why_fired, why_held_out, why_silent, why_this_person
from streams.severity import Judged, judge
from streams.tickets import NOTHING, Said
from streams.track import Track

_ANSWER = SuggestedAction("send_email", "An answer within a day shows that the feedback was read.")
_ESCALATED = SuggestedAction("coordinate", "The ticket was escalated.")
_OVERDUE = SuggestedAction("coordinate", "The ticket took longer than promised.")
_STEPS = tuple(Severity)
_DAY = timedelta(days=1)


def context_of(
    track: Track, at: int, event: CsatReceived, said: Said, customer: Customer | None, judge: Judge
) -> Context:
    """What the window, the account and the policy say beside an answer in the window, given `at` (microseconds).

    `said` is what others said of the ticket.
    """
    policy, rules = judge
    others = len(track.answers) - 1
    tickets, low = track.month_up_to(at, rules.poor, rules.spans)
    return Context(
        tickets,
        low,
        (track.total(rules.spans) - event.rating) / others if others else None,
        others or None,
        policy.usual_levels.categories.get(event.ticket_category or ""),
        None if said.escalated_at is None else instant(said.escalated_at),
        None if customer is None else _renewal_in_days(customer, event.responded_at, policy),
    )


def ticket_of(event: CsatReceived, said: Said) -> Ticket:
    """The ticket of a rating, with what others said of it where the rating does not. That it was escalated stays."""
    return Ticket(
        event.ticket_id,
        event.ticket_subject,
        event.ticket_category,
        event.ticket_url,
        event.resolution_time_hours if event.resolution_time_hours is not None else said.resolution_time_hours,
        event.sla_hours if event.sla_hours is not None else said.sla_hours,
        event.first_contact_resolution if event.first_contact_resolution is not None else said.first_contact_resolution,
        said.escalated_at is not None or event.was_escalated,
        event.assignee,
        event.message_id,
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
    said: Said = NOTHING,
    why: str | None = None,
) -> Alert:
    """One revision of an alert, because of `event`. `first` is the survey that fired it: the id is made of that.

    `said` is what others said of the ticket; `why` what became known since the revision before.
    """
    ticket = ticket_of(event, said)
    judged = judge(kind, status, event.rating, customer, ticket, context, policy)
    fired = why_fired(kind, status, event, trend, policy)
    name, survey = alert_id_text(kind, event.customer_id, first), event.survey
    arr, currency = (None, None) if customer is None else (customer.arr, customer.currency)
    held_out = not silent and is_held_out(name, kind, arr, currency, policy)
    reasons = (fired, *_other_reasons(judged, ticket, context, customer, policy))
    if held_out:
        reasons = (*reasons, why_held_out(policy))
    if why is not None:
        reasons = (*reasons, f"Updated: {why}.")
    return Alert(
        schema_version=SCHEMA_VERSION,
        alert_id=name,
        customer_id=event.customer_id,
        event_id=event.event_id,
        response_id=survey,
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
        route=_routed(judged.severity, policy, held_out=held_out),
        silent=silent or held_out,
        reasons=(*reasons, why_silent(policy)) if silent else reasons,
        policy=PolicyVersion(policy.policy, policy.version),
    )


def _renewal_in_days(customer: Customer, at: datetime, policy: Policy) -> int | None:
    # By the rating's own time: the same rating gives the same alert whenever it is processed.
    within = policy.severity.raise_on_renewal_within_days
    if customer.renewal_at is None or within is None:
        return None
    left = customer.renewal_at - at
    return left // _DAY if timedelta(0) <= left <= within * _DAY else None


def _other_reasons(
    judged: Judged, ticket: Ticket, context: Context, customer: Customer | None, policy: Policy
) -> tuple[str, ...]:
    return (
        *what_is_usual(ticket, context, policy),
        *judged.reasons,
        why_this_person(judged.severity, customer, policy),
    )


def _routed(severity: Severity, policy: Policy, *, held_out: bool) -> Routed | None:
    if held_out:
        return Routed("holdout", None)
    told = policy.routing.of(severity)
    if told is Told.DM:
        return None
    return Routed(told.value, policy.routing.channel if told is Told.CHANNEL else None)


def _suggestions(severity: Severity, ticket: Ticket, policy: Policy) -> tuple[SuggestedAction, ...]:
    call_from = policy.severity.suggest_call_from
    amiss = _ESCALATED if ticket.was_escalated else _OVERDUE if ticket.sla_broken else None
    return _suggest(severity, call_from, amiss)


@cache
def _suggest(severity: Severity, call_from: Severity, amiss: SuggestedAction | None) -> tuple[SuggestedAction, ...]:
    # Most useful first.
    actions = [_ANSWER] if amiss is None else [_ANSWER, amiss]
    if _STEPS.index(severity) <= _STEPS.index(call_from):
        why = f"Severity is {severity}: the policy suggests a call from {call_from} on."
        actions.append(SuggestedAction("schedule_call", why))
    return tuple(actions)


def _raw(customer: Customer | None) -> Raw | None:
    return None if customer is None else Raw(customer.published)
