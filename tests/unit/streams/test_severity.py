"""The table, and what raises what it says: each raise with its numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.alert import Kind, Severity, Status
from schemas.customer import Customer
from schemas.policy import Policy, load_policy
from schemas.wire import Context, Ticket
from streams.severity import Judged, judge

SHIPPED = load_policy(None)
AT = datetime(2026, 5, 12, tzinfo=UTC)


def account(arr: float | None = 175_000, currency: str | None = "USD", **more: Any) -> Customer:
    return Customer(customer_id="6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11", name="Acme", arr=arr, currency=currency, **more)


def judged(
    rating: int = 2,
    customer: Customer | None = None,
    *,
    kind: Kind = Kind.POOR_RATING,
    status: Status = Status.FIRING,
    policy: Policy = SHIPPED,
    context: dict[str, Any] | None = None,
    **ticket: Any,
) -> Judged:
    found = Context(**({"tickets_30d": 1, "low_ratings_30d": 1} | (context or {})))
    return judge(kind, status, rating, customer, Ticket("T-1", **ticket), found, policy)


def with_table(**changes: Any) -> Policy:
    return SHIPPED.model_copy(update={"severity": SHIPPED.severity.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("rating", "arr", "severity", "why"),
    [
        (1, 175_000, "critical", "rated 1 of 5, ARR $175,000 (enterprise)"),
        (1, 100_000, "critical", "rated 1 of 5, ARR $100,000 (enterprise)"),
        (1, 99_999, "high", "rated 1 of 5, ARR $99,999 (mid)"),
        (2, 175_000, "high", "rated 2 of 5, ARR $175,000 (enterprise)"),
        (2, 0, "low", "rated 2 of 5, ARR $0 (small)"),
        (2, None, "medium", "rated 2 of 5, ARR unknown"),
    ],
)
def test_the_table_says_what_a_rating_at_a_stake_is(rating: int, arr: float | None, severity: str, why: str) -> None:
    assert judged(rating, account(arr)) == (severity, (f"Severity {severity}: {why}.",))


def test_an_account_that_is_not_known_is_said_and_not_guessed() -> None:
    assert judged(1) == ("high", ("Severity high: rated 1 of 5, account not known yet.",))


@pytest.mark.parametrize(
    ("currency", "rates", "severity", "stake"),
    [
        ("EUR", {}, "medium", "ARR €95,000, compared as unknown: the policy has no rate for EUR"),
        ("EUR", {"EUR": 1.1}, "high", "ARR €95,000, $104,500 at the policy's rate (enterprise)"),
        ("SEK", {"SEK": 0.1}, "low", "ARR 95,000 SEK, $9,500 at the policy's rate (small)"),
        (None, {}, "medium", "ARR $95,000 taken as USD, for its currency is not known (mid)"),
    ],
)
def test_another_currency_goes_by_the_policys_rate_or_counts_as_unknown(
    currency: str | None, rates: dict[str, float], severity: str, stake: str
) -> None:
    found = judged(2, account(95_000, currency), policy=with_table(rates=rates))
    assert found == (severity, (f"Severity {severity}: rated 2 of 5, {stake}.",))


RAISES: list[tuple[dict[str, Any], str]] = [
    ({"context": {"low_ratings_30d": 3}}, "the third low rating in 30 days"),
    ({"resolution_time_hours": 72.0, "sla_hours": 24.0}, "resolved in 72 hours, 24 hours promised"),
    ({"was_escalated": True}, "the ticket was escalated"),
    (
        {"was_escalated": True, "context": {"escalated_at": AT - timedelta(days=1)}},
        "the ticket was escalated on 2026-05-11",
    ),
    (
        {"customer": account(5, renewal_at=AT + timedelta(days=49)), "context": {"renewal_in_days": 49}},
        "renewal in 49 days, on 2026-06-30; 90 days or less raises",
    ),
    (
        {"customer": account(5, renewal_at=AT), "context": {"renewal_in_days": 0}},
        "renewal on the day of the rating, 2026-05-12; 90 days or less raises",
    ),
]


@pytest.mark.parametrize(("facts", "why"), RAISES)
def test_what_makes_it_worse_raises_it_by_one_step_and_is_said(facts: dict[str, Any], why: str) -> None:
    found = judged(2, **({"customer": account(5)} | facts))
    assert found.severity == "medium"
    assert found.reasons == ("Severity low: rated 2 of 5, ARR $5 (small).", f"Raised to medium: {why}.")


@pytest.mark.parametrize(
    ("facts", "off"),
    [
        ({"context": {"low_ratings_30d": 3}}, {"raise_from_low_ratings": 4}),
        ({"resolution_time_hours": 72.0, "sla_hours": 24.0}, {"raise_on_broken_sla": False}),
        ({"was_escalated": True}, {"raise_on_escalation": False}),
    ],
)
def test_the_policy_can_leave_a_raise_out(facts: dict[str, Any], off: dict[str, Any]) -> None:
    assert judged(2, account(5), **facts).severity == "medium"
    assert judged(2, account(5), policy=with_table(**off), **facts).severity == "low"


@pytest.mark.parametrize(
    "facts",
    [
        {"context": {"low_ratings_30d": 1}},
        {"resolution_time_hours": 24.0, "sla_hours": 24.0},
        {"resolution_time_hours": 72.0},
        {"was_escalated": False},
    ],
)
def test_what_does_not_make_it_worse_raises_nothing(facts: dict[str, Any]) -> None:
    assert judged(2, account(5), **facts).severity == "low"


def test_all_raises_together_stop_at_critical_and_each_is_said() -> None:
    found = judged(
        2,
        account(5, renewal_at=AT + timedelta(days=9)),
        context={"low_ratings_30d": 2, "renewal_in_days": 9},
        was_escalated=True,
        resolution_time_hours=72.0,
        sla_hours=24.0,
    )
    assert found.severity is Severity.CRITICAL
    assert [reason.partition(":")[0] for reason in found.reasons] == [
        "Severity low",
        "Raised to medium",
        "Raised to high",
        "Raised to critical",
        "Still critical",
    ]


def test_a_falling_trend_has_a_row_of_its_own() -> None:
    found = judged(3, account(), kind=Kind.DECLINING_TREND)
    assert found == ("high", ("Severity high: a falling trend, ARR $175,000 (enterprise).",))


def test_a_rating_that_is_no_longer_poor_is_low_whatever_raises() -> None:
    found = judged(5, account(), status=Status.RETRACTED, was_escalated=True)
    assert found == ("low", ("Severity low: rated 5 of 5 by now.",))


def test_a_rating_that_another_policy_found_poor_is_low() -> None:
    found = judged(3, account(), status=Status.UPDATED, was_escalated=True)
    assert found == ("low", ("Severity low: the policy has no row for 3 of 5 by now.",))
