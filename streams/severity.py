"""How severe an alert is: the policy's table of what was said by what is at stake, raised by what makes it worse."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.alert import Kind, Severity, Status
from schemas.customer import Customer
from schemas.policy import Policy, SeverityTable
from schemas.wire import Context, Ticket
from streams.words import count, day, money, ordinal

_STEPS = tuple(Severity)


class Judged(NamedTuple):
    """A severity and, in plain words, how it came about."""

    severity: Severity
    reasons: tuple[str, ...]


def judge(
    kind: Kind,
    status: Status,
    rating: int,
    customer: Customer | None,
    ticket: Ticket,
    context: Context,
    policy: Policy,
) -> Judged:
    """The severity of an alert of this kind, with its reasons: the table's, then one for each raise."""
    table = policy.severity
    if kind is Kind.POOR_RATING and status is Status.RETRACTED:
        return Judged(Severity.LOW, (f"Severity low: rated {rating} of 5 by now.",))
    column, stake = band(customer, table)
    if kind is Kind.POOR_RATING:
        row = table.poor_rating.get(rating)
        if row is None:  # raised under another policy
            return Judged(Severity.LOW, (f"Severity low: the policy has no row for {rating} of 5 by now.",))
        severity = row[column]
        reasons = [f"Severity {severity}: rated {rating} of 5, {stake}."]
    else:
        severity = table.declining_trend[column]
        reasons = [f"Severity {severity}: a falling trend, {stake}."]
    for why in _raises(customer, ticket, context, table):
        higher = _STEPS[max(_STEPS.index(severity) - 1, 0)]
        reasons.append(f"{'Still' if higher is severity else 'Raised to'} {higher}: {why}.")
        severity = higher
    return Judged(severity, tuple(reasons))


def _raises(customer: Customer | None, ticket: Ticket, context: Context, table: SeverityTable) -> Iterator[str]:
    """What makes it worse, in words with the numbers."""
    if context.low_ratings_30d >= table.raise_from_low_ratings:
        yield f"the {ordinal(context.low_ratings_30d)} low rating in 30 days"
    if table.raise_on_broken_sla and ticket.sla_broken:
        took, promised = ticket.resolution_time_hours or 0, ticket.sla_hours or 0
        yield f"resolved in {count(took, 'hour')}, {count(promised, 'hour')} promised"
    if table.raise_on_escalation and ticket.was_escalated:
        when = "" if context.escalated_at is None else f" on {day(context.escalated_at)}"
        yield f"the ticket was escalated{when}"
    if context.renewal_in_days is not None and customer is not None and customer.renewal_at is not None:
        on, left = day(customer.renewal_at), context.renewal_in_days
        due = f"in {count(left, 'day')}, on {on}" if left else f"on the day of the rating, {on}"
        yield f"renewal {due}; {count(table.raise_on_renewal_within_days or 0, 'day')} or less raises"


def worth(arr: float | None, currency: str | None, table: SeverityTable) -> float | None:
    """An ARR in the table's currency; None where it, or the rate, is not known."""
    if arr is None:
        return None
    rate = 1.0 if currency is None or currency == table.currency else table.rates.get(currency)
    return None if rate is None else arr * rate


def band_of(arr: float | None, currency: str | None, table: SeverityTable) -> str:
    """The column of the table."""
    known = worth(arr, currency, table)
    return next((b.name for b in table.bands if known is not None and known >= b.at_least), "unknown")


def band(customer: Customer | None, table: SeverityTable) -> tuple[str, str]:
    """The column of the table, and what it rests on in words."""
    if customer is None:
        return "unknown", "account not known yet"
    if customer.arr is None:
        return "unknown", "ARR unknown"
    currency = customer.currency or table.currency
    shown = f"ARR {money(customer.arr, currency)}"
    if customer.currency is None:
        shown += f" taken as {table.currency}, for its currency is not known"
    known, found = worth(customer.arr, currency, table), band_of(customer.arr, currency, table)
    if known is None:
        return "unknown", f"{shown}, compared as unknown: the policy has no rate for {currency}"
    if currency != table.currency:
        shown += f", {money(known, table.currency)} at the policy's rate"
    return found, f"{shown} ({found})" if found != "unknown" else f"{shown}, below every band of the policy"
