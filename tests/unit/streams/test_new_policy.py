"""A running system takes another policy at a restart: it judges what comes, and lets the past be."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from schemas.customer import Customer
from schemas.policy import Override, Policy, load_policy
from schemas.wire import Alert
from streams.pipeline import Pipeline
from tests.memory import ACME, NOW, KeptStates, answer, records

SHIPPED = load_policy(None)
DAY = timedelta(days=1)
ROW = dict.fromkeys(("enterprise", "mid", "small", "unknown"), "low")


def policy(**changes: Any) -> Policy:
    """The shipped one with other values, version 2."""
    data = SHIPPED.model_dump() | {"version": "2"}
    for name, value in changes.items():
        data[name] = data[name] | value if isinstance(value, dict) else value
    return Policy.model_validate(data)


STRICTER = policy(
    poor_rating={"at_most": 3},
    severity={"poor_rating": {**SHIPPED.severity.model_dump()["poor_rating"], 3: ROW}},
    declining_trend={"drop": 0.11, "recent_min": 1, "baseline_min": 1},
)


class System:
    """Detection over restarts, each with a policy; the states are those that were kept."""

    def __init__(self) -> None:
        self.states = KeptStates()
        self.taken: list[Mapping[str, Any]] = []

    def run(
        self,
        policy: Policy,
        events: Iterable[Mapping[str, Any]],
        *,
        replay: bool = False,
        accounts: Mapping[str, Customer] | None = None,
    ) -> list[Alert]:
        """The alerts of these events; `replay`: all records before them come once more, as after a lost commit."""
        first = len(self.taken)
        self.taken += events
        made = records(self.taken)
        out = Pipeline(policy, 1).process(made[0 if replay else first :], 0, self.states, accounts or {}, NOW)
        self.states.keep()
        return [each.alert for each in out.raised]


def history(*ratings: int, every: timedelta = 4 * DAY) -> list[dict[str, Any]]:
    return [answer(rating, NOW + i * every) for i, rating in enumerate(ratings)]


def test_a_stricter_policy_does_not_alert_the_past_again() -> None:
    system, past = System(), history(5, 5, 5, 5, 5, 5, 5, 5, 5, 3, 2, 3, 3)
    before = [alert for alert in system.run(SHIPPED, past) if alert.kind == "poor_rating"]
    assert [(alert.rating, alert.policy.version) for alert in before] == [(2, "1")]
    assert system.run(STRICTER, [], replay=True) == []
    found = system.run(STRICTER, [answer(5, NOW + 51 * DAY)], replay=True)
    assert "poor_rating" not in [alert.kind for alert in found]


def test_what_comes_next_is_judged_by_the_new_policy() -> None:
    system = System()
    system.run(SHIPPED, history(5, 5, 3))
    found = system.run(STRICTER, [answer(3, NOW + 9 * DAY)])
    poor = [alert for alert in found if alert.kind == "poor_rating"]
    assert [(alert.status, alert.policy.version, alert.context.low_ratings_30d) for alert in poor] == [
        ("firing", "2", 2)  # the ordinal counts by what is poor now
    ]


def test_a_milder_policy_leaves_an_alert_alone_until_more_is_said() -> None:
    system, milder = System(), policy(poor_rating={"at_most": 1})
    system.run(SHIPPED, [answer(2, NOW, ticket_id="T")])
    assert system.run(milder, [], replay=True) == []
    escalated = {
        "event_type": "support_ticket_escalated",
        "event_id": "x",
        "customer_id": ACME,
        "ticket_id": "T",
        "escalated_at": (NOW + DAY).isoformat(),
    }
    (updated,) = system.run(milder, [escalated])
    assert updated.reasons[0] == "Rated 2 of 5: poor when it came; by now 1 or less is."
    (gone,) = system.run(milder, [answer(2, NOW + 2 * DAY, ticket_id="T", event_id="again")])
    assert (gone.status, gone.revision) == ("retracted", 3)


def previous(alerts: list[Alert]) -> tuple[float | None, int | None]:
    (alert,) = [each for each in alerts if each.kind == "poor_rating"]
    return alert.context.previous_avg, alert.context.previous_n


def test_a_narrower_window_counts_over_less_from_the_next_rating_on() -> None:
    system = System()
    system.run(SHIPPED, [answer(3, NOW), answer(5, NOW + 90 * DAY)])
    narrow = policy(window_days=40, declining_trend={"recent_days": 10, "baseline_days": 30})
    assert previous(system.run(narrow, [answer(1, NOW + 100 * DAY)])) == (5.0, 1)


def test_a_wider_window_fills_up_from_then_on() -> None:
    narrow = policy(window_days=40, declining_trend={"recent_days": 10, "baseline_days": 30})
    system = System()
    system.run(narrow, [answer(3, NOW), answer(4, NOW + 60 * DAY), answer(5, NOW + 90 * DAY)])
    assert previous(system.run(SHIPPED, [answer(1, NOW + 100 * DAY)])) == (4.5, 2)


@pytest.mark.parametrize("spans", [(10, 30, 40), (30, 90, 120), (60, 100, 200), (5, 20, 60)])
def test_sums_are_counted_anew_over_other_spans(spans: tuple[int, int, int]) -> None:
    recent, baseline, window = spans
    other = policy(window_days=window, declining_trend={"recent_days": recent, "baseline_days": baseline})
    system, past = System(), history(5, 4, 5, 3, 4, 5, 5, 4, 2, 5, every=3 * DAY)
    system.run(SHIPPED, past)
    last = answer(1, NOW + 31 * DAY)
    (alert,) = [each for each in system.run(other, [last]) if each.kind == "poor_rating"]
    ages = [(31 - 3 * i, rating) for i, rating in enumerate((5, 4, 5, 3, 4, 5, 5, 4, 2, 5))] + [(0, 1)]
    now = [rating for age, rating in ages if age <= recent]
    before = [rating for age, rating in ages if recent < age <= recent + baseline]
    assert alert.trend is not None
    assert (alert.trend.recent_n, alert.trend.baseline_n) == (len(now), len(before))
    assert alert.trend.recent_avg == sum(now) / len(now)
    assert alert.trend.baseline_avg == (sum(before) / len(before) if before else None)


def account(tier: str) -> dict[str, Customer]:
    return {ACME: Customer(customer_id=ACME, name="Acme", arr=30_000, currency="USD", tier=tier)}


GOLD = policy(
    overrides=[
        {
            "tier": "gold",
            "poor_rating": {"at_most": 1},
            "declining_trend": {"recent_days": 5},
            "silent_after_days": 1,
            "severity": {"raise_on_escalation": False},
        },
        {"customer": ACME, "routing": {"medium": "digest"}},
    ]
)


def test_a_tiers_values_hold_for_its_accounts() -> None:
    assert System().run(GOLD, [answer(2, NOW)], accounts=account("gold")) == []
    (alert,) = System().run(GOLD, [answer(2, NOW)], accounts=account("silver"))
    assert alert.severity == "medium"
    (alert,) = System().run(GOLD, [answer(1, NOW, was_escalated=True)], accounts=account("gold"))
    assert alert.severity == "high"
    assert alert.reasons[0] == f"Rated 1 of 5: 1 or less alerts for tier gold and customer {ACME}, 2 would not have."


def test_a_customers_values_hold_for_it_whatever_its_tier() -> None:
    (alert,) = System().run(GOLD, [answer(2, NOW)], accounts=account("silver"))
    assert alert.route is not None
    other = "00000000-0000-4000-8000-000000000000"
    (alert,) = System().run(GOLD, [answer(2, NOW, customer_id=other)])
    assert alert.route is None


def test_an_account_that_moves_to_another_tier_is_judged_by_that_ones_spans() -> None:
    system, pipeline = System(), Pipeline(GOLD, 1)
    made = records([*history(5, 4, 5, every=3 * DAY), answer(1, NOW + 7 * DAY)])
    seen: list[tuple[str, int]] = []
    for record, tier in zip(made, ("gold", "silver", "gold", "silver"), strict=True):
        pipeline.process([record], 0, system.states, account(tier), NOW)
        trend = pipeline.trend(system.states.take(ACME), ACME, account(tier))
        assert trend is not None
        seen.append((tier, trend.recent_n))
    assert seen == [("gold", 1), ("silver", 2), ("gold", 2), ("silver", 4)]


def test_an_account_that_comes_later_brings_its_tiers_values() -> None:
    system = System()
    system.run(GOLD, [answer(1, NOW, was_escalated=True)])
    ((found, _),) = Pipeline(GOLD, 1).account_arrived(account("gold")[ACME], system.states, NOW)
    assert found.severity == "high"
    assert not any("escalated" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    "whom", [lambda: Override(tier="gold"), lambda: Override(customer=ACME)], ids=["tier", "customer"]
)
def test_an_override_of_nothing_changes_nothing(whom: Callable[[], Override]) -> None:
    same = SHIPPED.model_copy(update={"overrides": (whom(),)})
    same = Policy.model_validate(same.model_dump(exclude_unset=True))
    events = history(5, 5, 5, 5, 5, 5, 5, 5, 5, 1, 1, 2, 1)
    plain, with_override = (System().run(each, events, accounts=account("gold")) for each in (SHIPPED, same))
    assert [(a.alert_id, a.severity, a.trend) for a in plain] == [
        (a.alert_id, a.severity, a.trend) for a in with_override
    ]
