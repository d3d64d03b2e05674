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
from schemas.policy import Policy

Answer = tuple[datetime, str, int, str]  # responded_at, event_id, rating, survey


@dataclass
class Customer:
    """What is known of one customer."""

    answers: dict[str, Answer] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)  # alert id → status last published
    standing: set[str] = field(default_factory=set)  # alerts of poor ratings that are neither retracted nor forgotten
    trend: tuple[str, datetime] | None = None  # alert id and event time of the last one
    trend_open: bool = False


class Oracle:
    """Feed it the events of `csat-events` in the order of their offsets."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.customers: dict[str, Customer] = defaultdict(Customer)

    def take_all(self, values: Iterable[bytes]) -> Mapping[str, str]:
        """Alert id → last status, of everything raised."""
        for value in values:
            self.take(json.loads(value))
        return {alert: status for c in self.customers.values() for alert, status in c.open.items()}

    def take(self, event: Mapping[str, Any]) -> None:
        """One `support_csat_received`; other events change nothing here."""
        if event["event_type"] != "support_csat_received":
            return
        name = event["customer_id"]
        customer = self.customers[name]
        survey = event.get("response_id") or event["ticket_id"]
        at = datetime.fromisoformat(event["responded_at"])
        new = (at, event["event_id"], event["rating"], survey)
        kept = self._window(customer)
        if kept and at < self._edge(kept[-1][0]):
            return
        before = next((a for a in kept if a[3] == survey), None)
        if before is not None and new[:2] <= before[:2]:
            return
        customer.answers[survey] = new
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
        elif stands:
            customer.open[alert] = "retracted"

    def _trend(self, name: str, customer: Customer, new: Answer) -> None:
        rule = self.policy.declining_trend
        drop, newest = self._drop(customer)
        if customer.trend_open:
            if drop is not None and drop <= Fraction(str(rule.resolved_below)) and customer.trend is not None:
                customer.open[customer.trend[0]] = "resolved"
                customer.trend_open = False
            return
        rested = customer.trend is None or newest - customer.trend[1] >= timedelta(days=rule.at_most_every_days)
        if drop is not None and drop > Fraction(str(rule.drop)) and rested:
            alert = str(alert_id(Kind.DECLINING_TREND, name, new[3]))
            customer.trend, customer.trend_open = (alert, newest), True
            customer.open[alert] = "firing"

    def _drop(self, customer: Customer) -> tuple[Fraction | None, datetime]:
        rule = self.policy.declining_trend
        answers = self._window(customer)
        newest = answers[-1][0]
        recent_from = newest - timedelta(days=rule.recent_days)
        baseline_from = recent_from - timedelta(days=rule.baseline_days)
        recent = [a[2] for a in answers if a[0] >= recent_from]
        baseline = [a[2] for a in answers if baseline_from <= a[0] < recent_from]
        if len(recent) < rule.recent_min or len(baseline) < rule.baseline_min:
            return None, newest
        return 1 - Fraction(sum(recent) * len(baseline), len(recent) * sum(baseline)), newest
