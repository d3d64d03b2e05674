"""How severe an alert is: the policy's table of what was said by what is at stake, raised by what makes it worse."""

from typing import NamedTuple

from schemas.alert import Kind, Severity
from schemas.customer import Customer
from schemas.policy import Policy, SeverityTable
from schemas.wire import Context, Ticket
from streams.words import count, money, ordinal

_STEPS = tuple(Severity)


class Judged(NamedTuple):
    """A severity and, in plain words, how it came about."""

    severity: Severity
    reasons: tuple[str, ...]


def judge(
    kind: Kind, rating: int, customer: Customer | None, ticket: Ticket, context: Context, policy: Policy
) -> Judged:
    """The severity of an alert of this kind, with its reasons."""
    table = policy.severity
    column, stake = _band(customer, table)
    if kind is Kind.POOR_RATING:
        if rating > policy.poor_rating.at_most:
            return Judged(Severity.LOW, (f"Severity low: rated {rating} of 5 by now.",))
        severity = table.poor_rating[rating][column]
        reasons = [f"Severity {severity}: rated {rating} of 5, {stake}."]
    else:
        severity = table.declining_trend[column]
        reasons = [f"Severity {severity}: a falling trend, {stake}."]
    raises = []
    if context.low_ratings_30d >= table.raise_from_low_ratings:
        raises.append(f"the {ordinal(context.low_ratings_30d)} low rating in 30 days")
    if table.raise_on_broken_sla and ticket.sla_broken:
        took, promised = ticket.resolution_time_hours or 0, ticket.sla_hours or 0
        raises.append(f"resolved in {count(took, 'hour')}, {count(promised, 'hour')} promised")
    for why in raises:
        higher = _STEPS[max(_STEPS.index(severity) - 1, 0)]
        if higher is not severity:
            reasons.append(f"Raised to {higher}: {why}.")
        severity = higher
    return Judged(severity, tuple(reasons))


def _band(customer: Customer | None, table: SeverityTable) -> tuple[str, str]:
    """The column of the table, and what it rests on in words."""
    if customer is None:
        return "unknown", "account not known yet"
    if customer.arr is None:
        return "unknown", "ARR unknown"
    currency = customer.currency or table.currency
    shown = f"ARR {money(customer.arr, currency)}"
    rate = 1.0 if currency == table.currency else table.rates.get(currency)
    if rate is None:
        return "unknown", f"{shown}, compared as unknown: the policy has no rate for {currency}"
    worth = customer.arr * rate
    band = next((b for b in table.bands if worth >= b.at_least), None)
    return (band.name, f"{shown} ({band.name})") if band else ("unknown", f"{shown}, below every band of the policy")
