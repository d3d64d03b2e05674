"""Alerts held out by lot: who, how many, and that nobody is told."""

from uuid import UUID

import pytest

from schemas.alert import Alert, Kind
from schemas.customer import Customer
from schemas.policy import Holdout, OutcomeRules, Policy, load_policy
from schemas.workflow_files import load_workflows
from streams.hold_out import is_eligible, is_held_out, lot
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.route import steps
from tests.memory import ACME, NOW, answer, records

POLICY = load_policy(None)
WORKFLOWS = load_workflows(None)
FALLING = [*[5] * 25, *[1] * 8]


def holding(share: float) -> Policy:
    return POLICY.model_copy(update={"outcomes": OutcomeRules(holdout=Holdout(share=share))})


def trends(share: float, arr: float | None) -> list[Alert]:
    """The alerts on the falling average of an account with this ARR, under a policy that holds so many out."""
    account = Customer(customer_id=ACME, name="Acme", arr=arr, currency="USD")
    events = [
        answer(rating, NOW.replace(month=1 + n // 28, day=1 + n % 28, hour=4)) for n, rating in enumerate(FALLING)
    ]
    raised = Pipeline(holding(share), 1).process(records(events), 0, MemoryStates(), {ACME: account}, None).raised
    return [Alert.from_json(r.value) for r in raised if r.alert.kind == Kind.DECLINING_TREND]


def test_as_many_are_held_out_as_the_policy_says_and_always_the_same() -> None:
    names = [str(UUID(int=n)) for n in range(4000)]
    held, more = (
        {name for name in names if is_held_out(name, Kind.DECLINING_TREND, 10.0, "USD", holding(share))}
        for share in (0.1, 0.2)
    )
    assert 330 < len(held) < 470
    assert held < more
    assert all(0 <= lot(name) < 1 for name in names)


@pytest.mark.parametrize(
    ("kind", "arr", "currency", "eligible"),
    [
        (Kind.DECLINING_TREND, 24_999.0, "USD", True),
        (Kind.DECLINING_TREND, 24_999.0, None, True),
        (Kind.DECLINING_TREND, 25_000.0, "USD", False),
        (Kind.DECLINING_TREND, 10.0, "EUR", False),  # no rate: it may be worth more
        (Kind.DECLINING_TREND, None, None, False),
        (Kind.POOR_RATING, 10.0, "USD", False),
    ],
)
def test_lots_are_drawn_for_falling_averages_of_small_accounts(
    kind: Kind, arr: float | None, currency: str | None, eligible: bool
) -> None:
    assert is_eligible(kind, arr, currency, POLICY) is eligible


def test_one_that_is_held_out_is_recorded_and_nobody_is_told() -> None:
    (plain,) = trends(0.0, 10_000.0)
    share = lot(str(plain.alert_id)) + 0.01
    assert share <= 0.5
    (held,) = trends(share, 10_000.0)
    assert (held.alert_id, held.severity, held.trend) == (plain.alert_id, plain.severity, plain.trend)
    assert held.silent
    assert held.route is not None
    assert held.route.to == "holdout"
    assert f"Held out by lot, and not delivered: {share:.0%} of such alerts are" in held.reasons[-1]
    assert steps(plain, WORKFLOWS)
    assert not steps(held, WORKFLOWS)
    assert trends(share - 0.02, 10_000.0) == [plain]
    assert trends(share, 90_000.0)[0].silent is False
