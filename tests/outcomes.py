"""A made-up year of customers who have bad spells: alerts, follow-ups, ratings and escalations, with a known effect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import NormalDist
from uuid import UUID

from schemas.alert import Kind
from schemas.outcome import Around, Fired, Outcomes, Spell, Window
from schemas.policy import Policy, load_policy
from streams.outcome import Known, outcomes
from streams.outcome_cases import cases

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
_SPREAD = 1.1


@dataclass
class Year:
    """What was said and done; ratings and escalations by customer."""

    fired: list[Fired] = field(default_factory=list)
    ratings: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    escalations: dict[str, list[datetime]] = field(default_factory=dict)
    gains: list[float] = field(default_factory=list)  # what help added to a rating, by alert that had it

    def around(self, windows: Iterable[Window]) -> list[Around]:
        """Counted in the plainest way."""
        found = []
        for w in windows:
            rated = self.ratings[w.customer_id]
            before = [rating for at, rating in rated if w.since < at <= w.began_at]
            after = [rating for at, rating in rated if w.after < at <= w.until]
            escalated = [at for at in self.escalations[w.customer_id] if w.began_at < at <= w.until]
            found.append(Around(len(before), sum(before), len(after), sum(after), min(escalated, default=None)))
        return found


def fired(customer: str, at: datetime, **changes: object) -> Fired:
    """An alert on a poor rating, found at once."""
    alert = Fired(
        alert_id=f"{customer} {at}",
        customer_id=customer,
        kind=Kind.POOR_RATING,
        fired_at=at,
        found_at=at + timedelta(seconds=1),
        silent=False,
        held_out=False,
        shown=False,
        followed_up_at=None,
        arr=10_000.0,
        currency="USD",
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


def usual(mean: float) -> float:
    """The mean of ratings that are drawn around `mean`, rounded and cut off."""
    above = (1 - NormalDist(mean, _SPREAD).cdf(edge) for edge in (1.5, 2.5, 3.5, 4.5))
    return 1 + sum(above)


def year(seed: int, *, gain: float, ratio: float, customers: int = 300) -> Year:
    """Customers rate every few days; now and then a poor rating alerts, and the worse it looks the likelier is help.

    `gain`: points that help adds to each rating of the next weeks, where it does not end at 5 already. `ratio`: of the
    risk of an escalation, with help to without.
    """
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    made = Year()
    for number in range(customers):
        customer, level = str(UUID(int=number)), random.gauss(3.7, 0.5)
        rated: list[tuple[datetime, int]] = []
        escalated: list[datetime] = []
        at, quiet_until, helped_until = NOW - 300 * DAY, NOW - 280 * DAY, NOW - 400 * DAY
        while at < NOW:
            mean = level + (gain if at < helped_until else 0.0)
            rating = min(5, max(1, round(random.gauss(mean, _SPREAD))))
            rated.append((at, rating))
            if rating <= 2 and at > quiet_until:
                recent = [r for when, r in rated if when > at - 90 * DAY]
                below = 4 - sum(recent) / len(recent)
                helped = random.random() < min(0.9, max(0.1, 0.3 + 0.3 * below))
                hours = timedelta(hours=random.uniform(1, 60))
                made.fired.append(fired(customer, at, followed_up_at=at + hours if helped else None))
                if helped:
                    helped_until = at + 34 * DAY
                    made.gains.append(usual(level + gain) - usual(level))
                if random.random() < min(0.6, max(0.1, 0.2 + 0.12 * below)) * (ratio if helped else 1):
                    escalated.append(at + timedelta(days=random.uniform(4, 30)))
                quiet_until = at + 35 * DAY
            at += timedelta(days=random.uniform(1, 6))
        made.ratings[customer], made.escalations[customer] = rated, escalated
    return made


def outcomes_of(made: Year, policy: Policy | None = None, spells: Sequence[Spell] = (), missed: int = 0) -> Outcomes:
    """The figures of a year, as of `NOW`."""
    rules = policy or load_policy(None)
    found = cases(made.fired, rules, NOW)
    return outcomes(Known(made.fired, found, made.around(found.windows), missed, spells), rules, NOW)
