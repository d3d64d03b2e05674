"""What an alert says: why it fired, what is usual, for whom it is, and what became known later."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.alert import Kind, Status
from schemas.customer import Customer, Person
from schemas.policy import Policy, Routing, Told, UsualLevels, load_policy
from schemas.wire import Alert, CsatReceived, Trend
from streams.alert import build, context_of
from streams.answers import Answer
from streams.detect import Rules, microseconds
from streams.judges import Judge
from streams.spans import DAY
from streams.tickets import NOTHING, Closing, Said
from streams.track import Track

SHIPPED = load_policy(None)
AT = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)
NAME = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
ACCOUNT = Customer(
    customer_id=NAME,
    name="GlobalTech",
    arr=175_000,
    currency="USD",
    csm=Person(name="Ana Diaz", email="ana@example.com"),
)
TREND = Trend(recent_n=1, baseline_n=0, since=AT, evidence="insufficient")
FALLEN = Trend(
    recent_n=4, baseline_n=29, since=AT, evidence="strong", recent_avg=3.0, baseline_avg=4.0, drop=0.25, p=0.012
)


def raised(
    customer: Customer | None = ACCOUNT,
    policy: Policy = SHIPPED,
    *,
    kind: Kind = Kind.POOR_RATING,
    status: Status = Status.FIRING,
    trend: Trend = TREND,
    said: Said = NOTHING,
    silent: bool = False,
    rating: int = 1,
    **event: Any,
) -> Alert:
    answer = CsatReceived(ticket_id="T-1", event_id="e-1", customer_id=NAME, rating=rating, responded_at=AT, **event)
    judge = Judge(policy, Rules.of(policy))
    return build(
        kind,
        answer,
        status=status,
        revision=1,
        context=context_of(folded(rating, judge), microseconds(AT), answer, said, customer, judge),
        trend=trend,
        customer=customer,
        policy=policy,
        silent=silent,
        now=AT,
        first="T-1",
        said=said,
    )


def folded(rating: int, judge: Judge) -> Track:
    """Ten ratings of 4.2 on average, two tickets closed lately, and the rating at hand."""
    track, at, spans = Track(), microseconds(AT), judge.rules.spans
    for n in range(10):
        track.fold(Answer(at - (50 - n) * DAY, 5 if n < 2 else 4, f"S-{n}", f"e-{n}", f"S-{n}"), spans)
    for n in (1, 2):
        track.close_ticket(Closing(at - n, f"C-{n}"), spans)
    track.fold(Answer(at, rating, "T-1", "e-1", "T-1"), spans)
    return track


def with_policy(**changes: Any) -> Policy:
    return SHIPPED.model_copy(update=changes)


def test_the_reasons_of_a_poor_rating_in_full() -> None:
    policy = with_policy(usual_levels=UsualLevels(overall=4.3, categories={"Billing": 3.9}))
    account = ACCOUNT.model_copy(update={"renewal_at": AT + timedelta(days=20)})
    alert = raised(account, policy, ticket_category="Billing", resolution_time_hours=72.0, sla_hours=24.0)
    assert alert.reasons == (
        "Rated 1 of 5: 2 or less alerts, 3 would not have.",
        "Usual: 4.2 from this customer (10 other ratings in 120 days), 3.9 for Billing among all customers.",
        "Severity critical: rated 1 of 5, ARR $175,000 (enterprise).",
        "Still critical: resolved in 72 hours, 24 hours promised.",
        "Still critical: renewal in 20 days, on 2026-06-01; 90 days or less raises.",
        "For Ana Diaz: CSM of GlobalTech.",
    )
    assert (alert.context.category_usual, alert.context.renewal_in_days) == (3.9, 20)


def test_a_category_without_a_level_is_compared_with_all_tickets() -> None:
    policy = with_policy(usual_levels=UsualLevels(overall=4.3, categories={"Billing": 3.9}))
    alert = raised(policy=policy, ticket_category="Other")
    assert alert.reasons[1].endswith(", 4.3 among all customers.")
    assert alert.context.category_usual is None


def test_a_falling_trend_says_what_would_have_kept_it_silent() -> None:
    alert = raised(kind=Kind.DECLINING_TREND, trend=FALLEN, rating=3)
    assert alert.reasons[0] == (
        "Down 25%: average 3 since 2026-05-12 (4 ratings), 4 before (29 ratings). Strong evidence: of customers "
        "without any change 1.2% show as much within 52 ratings. A drop of 20% or less would not have alerted, nor "
        "one that chance alone shows in over 5%."
    )


@pytest.mark.parametrize(("evidence", "says"), [("weak", "."), ("insufficient", ", too few ratings to say.")])
def test_a_trend_that_is_over_says_how_it_stands_by_now(evidence: str, says: str) -> None:
    trend = replace(FALLEN, evidence=evidence, recent_avg=4.0, drop=0.0, p=None)
    stands = f"average 4 over the last 30 days (4 ratings), 4 over the 90 days before (29 ratings){says}"
    resolved = raised(kind=Kind.DECLINING_TREND, status=Status.RESOLVED, trend=trend, rating=5)
    assert resolved.reasons[0] == f"Resolved, no longer falling: {stands}"
    updated = raised(kind=Kind.DECLINING_TREND, status=Status.UPDATED, trend=trend, rating=3)
    assert updated.reasons[0] == f"Fell when it was raised; by now: {stands}"


@pytest.mark.parametrize(
    ("customer", "says"),
    [
        (ACCOUNT, "For Ana Diaz: CSM of GlobalTech."),
        (ACCOUNT.model_copy(update={"csm": None}), "For whoever takes unowned accounts: the account has no CSM."),
        (None, "For whoever takes unowned accounts: the account is not known yet."),
    ],
)
def test_for_whom_it_is_and_why(customer: Customer | None, says: str) -> None:
    alert = raised(customer)
    assert alert.reasons[-1] == says
    assert alert.route is None


@pytest.mark.parametrize(
    ("told", "to", "channel", "says"),
    [
        (Told.CHANNEL, "channel", "C1", "For the channel that the policy names for severity critical. The account"),
        (Told.DIGEST, "digest", None, "For the weekly digest alone: so the policy has it for severity critical. The"),
    ],
)
def test_the_policy_says_who_gets_what(told: Told, to: str, channel: str | None, says: str) -> None:
    alert = raised(policy=with_policy(routing=Routing(critical=told, channel="C1")))
    assert alert.route is not None
    assert (alert.route.to, alert.route.channel) == (to, channel)
    assert alert.reasons[-1].startswith(says)
    assert alert.reasons[-1].endswith("has the CSM Ana Diaz.")
    assert raised(policy=with_policy(routing=Routing(low=told, channel="C1"))).route is None


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=90), 90),
        (timedelta(days=90, seconds=1), None),
        (timedelta(hours=23), 0),
        (timedelta(0), 0),
        (timedelta(seconds=-1), None),
    ],
)
def test_a_renewal_counts_by_the_ratings_own_time(left: timedelta, days: int | None) -> None:
    account = ACCOUNT.model_copy(update={"renewal_at": AT + left, "arr": 5})
    alert = raised(account, rating=2)
    assert alert.context.renewal_in_days == days
    assert alert.severity == ("low" if days is None else "medium")


def test_the_ticket_takes_from_others_what_the_rating_does_not_say() -> None:
    said = Said(
        microseconds(AT - timedelta(hours=5)),
        resolution_time_hours=80.0,
        sla_hours=24.0,
        first_contact_resolution=False,
    )
    alert = raised(said=said, resolution_time_hours=30.0, was_escalated=False)
    ticket = alert.ticket
    assert (ticket.resolution_time_hours, ticket.sla_hours, ticket.first_contact_resolution) == (30.0, 24.0, False)
    assert ticket.was_escalated
    assert alert.context.escalated_at == AT - timedelta(hours=5)


def test_what_nobody_said_stays_unknown() -> None:
    ticket = raised(said=Said(resolution_time_hours=2.0)).ticket
    assert (ticket.was_escalated, ticket.sla_hours) == (None, None)


def test_a_silent_one_says_so() -> None:
    assert raised(silent=True).reasons[-1].startswith("Recorded only: the answer was over 7 days old")


def test_each_alert_carries_the_policy_that_decided() -> None:
    assert raised(policy=with_policy(version="7")).policy.version == "7"
