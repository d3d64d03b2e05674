"""Accounts and digests to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.alert import CustomerTrend, Evidence, Kind, Severity, Trend
from schemas.digest import Digest, OpenAlert, Standing
from schemas.policy import Policy, load_policy
from streams.digest import compose
from streams.week import Slot
from tests.alerts import CSM

DUE = datetime(2026, 5, 11, 9, tzinfo=UTC)
NOW = DUE + timedelta(seconds=4)
SLOT = Slot("2026-W20", DUE)
POLICY = load_policy(None)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def customer(number: int) -> str:
    return str(UUID(int=number))


def fallen(number: int = 1, **changes: Any) -> CustomerTrend:
    """A trend that fell by 27 %."""
    fields: dict[str, Any] = {
        "customer_id": customer(number),
        "recent_avg": 3.1,
        "recent_n": 5,
        "since": datetime(2026, 4, 10, tzinfo=UTC),
        "baseline_avg": 4.25,
        "baseline_n": 12,
        "drop": 0.27,
        "evidence": Evidence.STRONG,
        "as_of": ago(2),
    }
    return CustomerTrend(**(fields | changes))


def account(number: int = 1, **changes: Any) -> Standing:
    """An account with nothing to say of it."""
    fields: dict[str, Any] = {
        "customer_id": customer(number),
        "known_since": ago(400),
        "name": f"Customer {number}",
        "arr": 100_000.0,
        "currency": "USD",
        "last_rating_at": ago(2),
        "last_ticket_at": ago(2),
    }
    return Standing(**(fields | changes))


def unanswered(**changes: Any) -> OpenAlert:
    """A poor rating of three days ago that nobody answered."""
    fields: dict[str, Any] = {
        "kind": Kind.POOR_RATING,
        "severity": Severity.HIGH,
        "occurred_at": ago(3),
        "rating": 1,
    }
    return OpenAlert(**(fields | changes))


def digest(*accounts: Standing, policy: Policy = POLICY, csm: Any = CSM) -> Digest:
    """Ana's digest of these accounts."""
    return compose(csm, SLOT, accounts, policy, NOW)


def everything() -> Digest:
    """A digest with each part in it."""
    back = Trend(recent_avg=4.4, recent_n=6, baseline_avg=4.5, baseline_n=14, drop=0.02, evidence=Evidence.WEAK)
    return digest(
        account(1, name="GlobalTech", arr=175_000.0, trend=fallen(), renewal_at=NOW + timedelta(days=40)),
        account(2, name="Initech", arr=250_000.0, trend=fallen(2, evidence=Evidence.WEAK, drop=0.24, recent_avg=3.2)),
        account(3, name="Hooli", arr=None, currency=None, trend=fallen(3, p=0.004)),
        account(
            4,
            name="Umbrella",
            trend=fallen(4, recent_n=2, recent_avg=2.5, drop=0.41, evidence=Evidence.INSUFFICIENT),
        ),
        account(5, name="Stark <Industries> & Sons", open=(unanswered(task_due_at=ago(2.5)),)),
        account(
            6,
            name="Wayne",
            open=(unanswered(seen=True, occurred_at=ago(10), followed_up_at=ago(9)),),
            last_rating_at=ago(12),
        ),
        account(7, name="Cyberdyne", recovered_at=ago(1), recovered=back),
        account(8, name="Wonka", last_rating_at=ago(90), last_ticket_at=ago(71)),
    )
