"""Why an alert is as it is, in plain words with the numbers."""

from functools import cache

from schemas.alert import Evidence, Kind, Severity, Status
from schemas.customer import Customer
from schemas.policy import Policy, Told
from schemas.wire import Context, CsatReceived, Ticket, Trend
from streams.level import AT_MOST_BY_CHANCE
from streams.words import count, day, number


def why_fired(kind: Kind, status: Status, event: CsatReceived, trend: Trend, policy: Policy) -> str:
    """What made this revision, and what would have kept it from being made."""
    if kind is Kind.POOR_RATING:
        return _why_poor(status, event.rating, policy.poor_rating.at_most, policy.overridden_for)
    if status is Status.RESOLVED:
        return f"Resolved, no longer falling: {_measured(trend, policy)}."
    if trend.evidence != Evidence.STRONG or trend.p is None:
        return f"Fell when it was raised; by now: {_measured(trend, policy)}."
    rule = policy.declining_trend
    whose = f" for {' and '.join(policy.overridden_for)}" if policy.overridden_for else ""
    return (
        f"Down {trend.drop or 0:.0%}: {_measured(trend, policy)}. Strong evidence: of customers without any change "
        f"{trend.p:.1%} show as much within 52 ratings. A drop of {rule.drop:.0%} or less would not have alerted"
        f"{whose}, nor one that chance alone shows in over {AT_MOST_BY_CHANCE:.0%}."
    )


@cache
def _why_poor(status: Status, rating: int, limit: int, overridden_for: tuple[str, ...]) -> str:
    whose = f" for {' and '.join(overridden_for)}" if overridden_for else ""
    if status is Status.RETRACTED:
        return f"Retracted: a later answer rates it {rating} of 5, and only {limit} or less is poor{whose}."
    if rating > limit:
        return f"Rated {rating} of 5: poor when it came; by now {limit} or less is{whose}."
    return f"Rated {rating} of 5: {limit} or less alerts{whose}, {limit + 1} would not have."


def _measured(trend: Trend, policy: Policy) -> str:
    recent, before = number(trend.recent_avg or 0), number(trend.baseline_avg or 0)
    recent_n, before_n = count(trend.recent_n, "rating"), count(trend.baseline_n, "rating")
    if trend.evidence == Evidence.STRONG:
        return f"average {recent} since {day(trend.since)} ({recent_n}), {before} before ({before_n})"
    rule = policy.declining_trend
    said = (
        f"average {recent} over the last {rule.recent_days} days ({recent_n}), "
        f"{before} over the {rule.baseline_days} days before ({before_n})"
    )
    return f"{said}, too few ratings to say" if trend.evidence == Evidence.INSUFFICIENT else said


def what_is_usual(ticket: Ticket, context: Context, policy: Policy) -> tuple[str, ...]:
    """What the customer and others usually say, as far as it is known."""
    said = []
    if context.previous_avg is not None and context.previous_n is not None:
        of = f"{count(context.previous_n, 'other rating')} in {policy.window_days} days"
        said.append(f"{number(context.previous_avg)} from this customer ({of})")
    if context.category_usual is not None:
        said.append(f"{number(context.category_usual)} for {ticket.ticket_category} among all customers")
    elif policy.usual_levels.overall is not None:
        said.append(f"{number(policy.usual_levels.overall)} among all customers")
    return (f"Usual: {', '.join(said)}.",) if said else ()


def why_this_person(severity: Severity, customer: Customer | None, policy: Policy) -> str:
    """Who is told, and why."""
    told = policy.routing.of(severity)
    if told is Told.DIGEST:
        return f"For the weekly digest alone: so the policy has it for severity {severity}. {_owner(customer)}"
    if told is Told.CHANNEL:
        return f"For the channel that the policy names for severity {severity}. {_owner(customer)}"
    if customer is None:
        return "For whoever takes unowned accounts: the account is not known yet."
    if customer.csm is None:
        return "For whoever takes unowned accounts: the account has no CSM."
    return f"For {customer.csm.name}: CSM of {customer.name}."


def why_silent(policy: Policy) -> str:
    """Why nobody is told."""
    limit = count(policy.silent_after_days, "day")
    return f"Recorded only: the answer was over {limit} old when it arrived, or backfilled."


def why_held_out(policy: Policy) -> str:
    """Why nobody is told of what somebody would have been told of."""
    share = policy.outcomes.holdout.share
    return f"Held out by lot, and not delivered: {share:.0%} of such alerts are, to tell whether the others help."


def _owner(customer: Customer | None) -> str:
    if customer is None:
        return "The account is not known yet."
    return f"The account has {'no CSM' if customer.csm is None else f'the CSM {customer.csm.name}'}."
