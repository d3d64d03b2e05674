"""What must come out, computed in the plainest way: no windows kept, no increments, everything recounted each time.

It shares no code with the detector beyond the ids of alerts and the policy's numbers.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from schemas.alert import Kind, alert_id
from schemas.customer import Customer as Account
from schemas.policy import Policy
from tests.oracle_level import Given, Told, tell, tell_on

Answer = tuple[datetime, str, int, str]  # responded_at, event_id, rating, survey
Closing = tuple[datetime, str, tuple[Any, ...]]  # closed_at, ticket, the facts of `_FACTS`
_MONTH = timedelta(days=30)
_STEPS = ("critical", "high", "medium", "low")
_FACTS = ("resolution_time_hours", "sla_hours", "first_contact_resolution")


@dataclass(frozen=True)
class Figures:
    """What an alert on a poor rating must say beside the rating; the facts are those of `_FACTS`."""

    tickets_30d: int
    low_ratings_30d: int
    previous_avg: Fraction | None
    previous_n: int | None
    was_escalated: bool | None
    escalated_at: datetime | None
    facts: tuple[Any, ...]
    severity: str


@dataclass
class Customer:
    """What is known of one customer."""

    answers: dict[str, Answer] = field(default_factory=dict)
    past: list[Answer] = field(default_factory=list)  # all that ever counted, before the window too
    said: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # survey → the event that counts
    closed: list[Closing] = field(default_factory=list)
    escalated: dict[str, datetime] = field(default_factory=dict)  # ticket → when last
    open: dict[str, str] = field(default_factory=dict)  # alert id → status last published
    standing: set[str] = field(default_factory=set)  # alerts of poor ratings that are neither retracted nor forgotten
    trend: tuple[str, datetime] | None = None  # alert id and event time of the last one
    trend_open: bool = False
    given: list[Given] = field(default_factory=list)  # all answers, as they were told last
    told: Told | None = None


class Oracle:
    """Feed it the events of `csat-events` in the order of their offsets; all of them arrive while they are fresh.

    Attributes:
        figures: by alert, those of the last revision of each that is open and about a poor rating.
    """

    def __init__(self, policy: Policy, accounts: Mapping[str, Account] | None = None) -> None:
        self.policy = policy
        self.accounts = accounts or {}
        self.customers: dict[str, Customer] = defaultdict(Customer)
        self.figures: dict[str, Figures] = {}

    def take_all(self, values: Iterable[bytes]) -> Mapping[str, str]:
        """Alert id → last status, of everything raised."""
        for value in values:
            self.take(json.loads(value))
        return {alert: status for c in self.customers.values() for alert, status in c.open.items()}

    def take(self, event: Mapping[str, Any]) -> None:
        """One event."""
        name = event["customer_id"]
        customer = self.customers[name]
        match event["event_type"]:
            case "support_ticket_closed":
                self._closed(name, customer, event)
            case "support_ticket_escalated":
                self._escalated(name, customer, event)
            case "support_customer_erased":
                self._forget(customer)
            case _:
                self._answered(name, customer, event)

    def _answered(self, name: str, customer: Customer, event: Mapping[str, Any]) -> None:
        survey = event.get("response_id") or event["ticket_id"]
        at = datetime.fromisoformat(event["responded_at"])
        new = (at, event["event_id"], event["rating"], survey)
        kept = self._window(customer)
        if kept and at < self._edge(kept[-1][0]):
            return
        before = next((a for a in kept if a[3] == survey), None)
        if before is not None and new[:2] <= before[:2]:
            return
        if before is not None:
            customer.past.remove(before)
        customer.past.append(new)
        customer.answers[survey] = new
        customer.said[survey] = event
        self._poor(name, customer, new, again=before is not None)
        self._trend(name, customer, new)

    def _window(self, customer: Customer) -> list[Answer]:
        answers = sorted(customer.answers.values())
        if not answers:
            return []
        return [a for a in answers if a[0] >= self._edge(answers[-1][0])]

    def _edge(self, newest: datetime) -> datetime:
        edge = newest - timedelta(days=self.policy.window_days)
        return edge.replace(minute=0, second=0, microsecond=0)

    def _poor(self, name: str, customer: Customer, new: Answer, *, again: bool) -> None:
        # A survey is remembered as long as its answer is in the window: after that, another answer is a new one.
        alert = str(alert_id(Kind.POOR_RATING, name, new[3]))
        stands = again and alert in customer.standing
        customer.standing.discard(alert)
        if new[2] <= self.policy.poor_rating.at_most:
            customer.standing.add(alert)
            customer.open[alert] = "updated" if stands else "firing"
            self.figures[alert] = self._figures(name, customer, new[3])
        elif stands:
            customer.open[alert] = "retracted"
            del self.figures[alert]

    def _closed(self, name: str, customer: Customer, event: Mapping[str, Any]) -> None:
        at, ticket = datetime.fromisoformat(event["closed_at"]), event["ticket_id"]
        if at >= self._edge(self._newest(customer, at)):
            before = self._standing(name, customer, ticket)
            customer.closed.append((at, ticket, tuple(event.get(fact) for fact in _FACTS)))
            self._again(name, customer, ticket, before)

    def _newest(self, customer: Customer, at: datetime) -> datetime:
        answers = [a[0] for a in self._window(customer)]
        return max(answers or [c[0] for c in customer.closed] or [at])

    def _escalated(self, name: str, customer: Customer, event: Mapping[str, Any]) -> None:
        at, ticket = datetime.fromisoformat(event["escalated_at"]), event["ticket_id"]
        if at >= self._edge(self._newest(customer, at)):
            before = self._standing(name, customer, ticket)
            customer.escalated[ticket] = max(at, customer.escalated.get(ticket, at))
            self._again(name, customer, ticket, before)

    def _forget(self, customer: Customer) -> None:
        for alert in customer.standing:
            self.figures.pop(alert, None)
        customer.answers, customer.said, customer.closed, customer.escalated = {}, {}, [], {}
        customer.standing, customer.trend, customer.trend_open = set(), None, False

    def _standing(self, name: str, customer: Customer, ticket: str) -> dict[str, Figures]:
        """The figures, as of now, of the alerts on poor ratings of a ticket that stand."""
        surveys = [a[3] for a in self._window(customer) if customer.said[a[3]]["ticket_id"] == ticket]
        alerts = {str(alert_id(Kind.POOR_RATING, name, survey)): survey for survey in surveys}
        return {a: self._figures(name, customer, s) for a, s in alerts.items() if a in customer.standing}

    def _again(self, name: str, customer: Customer, ticket: str, before: Mapping[str, Figures]) -> None:
        """What was said of a ticket brings its alerts up to date where it makes them better or worse."""
        for alert, now in self._standing(name, customer, ticket).items():
            was = before[alert]
            if (bool(now.was_escalated), _broken(now.facts)) != (bool(was.was_escalated), _broken(was.facts)):
                customer.open[alert] = "updated"
                self.figures[alert] = now

    def _figures(self, name: str, customer: Customer, survey: str) -> Figures:
        event, at, policy = customer.said[survey], customer.answers[survey][0], self.policy
        ticket = event["ticket_id"]
        answers = self._window(customer)
        month = [a for a in answers if at - _MONTH <= a[0] <= at]
        newest = answers[-1][0]
        closed = [c for c in customer.closed if c[0] >= self._edge(newest)]
        tickets = {customer.said[a[3]]["ticket_id"] for a in month}
        tickets |= {c[1] for c in closed if at - _MONTH <= c[0] <= at}
        others = [a[2] for a in answers if a[3] != survey]
        low = sum(a[2] <= policy.poor_rating.at_most for a in month)
        mine = sorted((c[0], [-1.0 if f is None else float(f) for f in c[2]], c[2]) for c in closed if c[1] == ticket)
        facts = tuple(
            next((f for f in (event.get(fact), *(c[2][i] for c in reversed(mine))) if f is not None), None)
            for i, fact in enumerate(_FACTS)
        )
        escalated_at = customer.escalated.get(ticket)
        if escalated_at is not None and escalated_at < self._edge(newest):
            escalated_at = None
        was_escalated = True if escalated_at is not None else event.get("was_escalated")
        return Figures(
            tickets_30d=len(tickets),
            low_ratings_30d=low,
            previous_avg=Fraction(sum(others), len(others)) if others else None,
            previous_n=len(others) or None,
            was_escalated=was_escalated,
            escalated_at=escalated_at,
            facts=facts,
            severity=self._severity(name, event["rating"], at, low, _broken(facts), bool(was_escalated)),
        )

    def _severity(self, name: str, rating: int, at: datetime, low: int, broken: bool, escalated: bool) -> str:
        table, account = self.policy.severity, self.accounts.get(name)
        column = "unknown"
        if account is not None and account.arr is not None and account.currency in (None, table.currency):
            column = next(band.name for band in table.bands if account.arr >= band.at_least)
        renewal = account.renewal_at if account else None
        within = table.raise_on_renewal_within_days
        raises = (
            low >= table.raise_from_low_ratings,
            table.raise_on_broken_sla and broken,
            table.raise_on_escalation and escalated,
            renewal is not None and within is not None and at <= renewal <= at + timedelta(days=within),
        )
        return _STEPS[max(0, _STEPS.index(table.poor_rating[rating][column]) - sum(raises))]

    def _trend(self, name: str, customer: Customer, new: Answer) -> None:
        rule = self.policy.declining_trend
        past = sorted(customer.past)
        newest = past[-1][0]
        given = [(a[0], a[2]) for a in past]
        if customer.given != given[:-1] or customer.told is None:
            customer.told = tell(given, rule)
        else:  # the same and one more: a customer with thousands would take hours
            tell_on(customer.told, given[-1], rule)
        customer.given, told = given, customer.told
        falling = told.strong
        if falling:
            since = told.suspect[0][0]
            recently = [r for at, r in told.suspect if at >= newest - timedelta(days=rule.recent_days)]
            recovered = len(recently) >= rule.recent_min and _drop(recently, told.usual) <= _exact(rule.resolved_below)
            falling = not recovered
        if customer.trend_open:
            if not falling and customer.trend is not None:
                customer.open[customer.trend[0]] = "resolved"
                customer.trend_open = False
            return
        if not falling or new[2] == 5 or _drop([r for _, r in told.suspect], told.usual) <= _exact(rule.drop):
            return
        if customer.trend is not None:
            rested = newest - customer.trend[1] >= timedelta(days=rule.at_most_every_days)
            again = since > customer.trend[1] or (recently and _drop(recently, told.usual) > _exact(rule.drop))
            if not rested or not again:
                return
        alert = str(alert_id(Kind.DECLINING_TREND, name, new[3]))
        customer.trend, customer.trend_open = (alert, newest), True
        customer.open[alert] = "firing"


def _drop(recent: list[int], usual: list[int]) -> Fraction:
    return 1 - Fraction(sum(recent) * len(usual), len(recent) * sum(usual))


def _exact(share: float) -> Fraction:
    return Fraction(str(share))


def _broken(facts: tuple[Any, ...]) -> bool:
    took, promised = facts[:2]
    return took is not None and promised is not None and took > promised
