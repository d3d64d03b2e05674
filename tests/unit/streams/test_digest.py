from datetime import timedelta

import pytest

from schemas.alert import Evidence, Kind, Severity
from schemas.digest import Digest, Part, digest_id
from schemas.policy import Policy, WeeklyDigest
from tests.alerts import CSM
from tests.digests import DUE, NOW, POLICY, account, ago, customer, digest, everything, fallen, unanswered


def parts(made: Digest) -> list[tuple[Part, str]]:
    return [(item.part, item.customer_id) for item in made.items]


def words(made: Digest) -> str:
    (item,) = made.items
    return item.words


def changed(**changes: object) -> Policy:
    return POLICY.model_copy(update=changes)


def test_nothing_to_say() -> None:
    made = digest(account(1), account(2))
    assert made.items == ()
    assert made.more == {}


def test_it_is_named_by_the_csm_and_the_week_alone() -> None:
    made = digest(account(1, trend=fallen()))
    assert made.alert_id == digest_id("ana@example.com", "2026-W20") == digest().alert_id
    assert digest_id("ana@example.com", "2026-W21") != made.alert_id != digest_id("bo@example.com", "2026-W20")
    assert (made.csm, made.week, made.occurred_at, made.detected_at) == (CSM, "2026-W20", DUE, NOW)


def test_a_fall_comes_with_its_numbers_and_its_evidence() -> None:
    renews = NOW + timedelta(days=40, hours=1)
    said = words(digest(account(1, arr=175_000, trend=fallen(p=0.004), renewal_at=renews)))
    assert said == (
        "Down 27%: 3.1 on average from 5 ratings since 2026-04-10, 4.25 from 12 before; strong evidence (p = 0.004). "
        "$47,250 of ARR at stake. Renews in 40 days."
    )


@pytest.mark.parametrize(
    ("drop", "listed"),
    [(0.2, False), (1 - 4 / 5, False), (1 - 2.4 / 3, False), (0.2001, True), (0.19, False), (None, False)],
)
def test_only_more_than_the_policys_share_is_a_fall(drop: float | None, listed: bool) -> None:
    assert bool(digest(account(1, trend=fallen(drop=drop))).items) is listed


def test_strong_evidence_comes_first_then_what_is_at_stake() -> None:
    made = digest(
        account(1, arr=10_000, trend=fallen(1)),
        account(2, arr=900_000, trend=fallen(2, evidence=Evidence.WEAK)),
        account(3, arr=50_000, trend=fallen(3)),
        account(4, arr=20_000, trend=fallen(4, drop=0.8)),
        account(5, arr=None, trend=fallen(5, drop=0.9)),
        account(6, arr=30_000, trend=fallen(6), renewal_at=NOW + timedelta(days=10)),
    )
    # At stake: 3 has 13,500, 4 has 16,000, 6 has 8,100 and twice that before its renewal.
    assert [item.customer_id for item in made.items] == [customer(n) for n in (6, 4, 3, 1, 5, 2)]


def test_arr_in_another_currency_is_compared_by_the_policys_rate_or_as_unknown() -> None:
    rates = POLICY.severity.model_copy(update={"rates": {"EUR": 1.1}})
    made = digest(
        account(1, arr=100_000, currency="USD", trend=fallen(1)),
        account(2, arr=95_000, currency="EUR", trend=fallen(2)),
        account(3, arr=9_000_000, currency="JPY", trend=fallen(3)),
        policy=changed(severity=rates),
    )
    assert [item.customer_id for item in made.items] == [customer(n) for n in (2, 1, 3)]
    assert "€25,650 of ARR at stake." in made.items[0].words
    assert "¥2,430,000 of ARR at stake (ranked as unknown: the policy has no rate for JPY)." in made.items[2].words


def test_every_fall_is_there_however_small_the_limit() -> None:
    policy = changed(digest=WeeklyDigest(most=2))
    accounts = [account(n, trend=fallen(n)) for n in range(1, 30)]
    few = [account(n, trend=fallen(n, evidence=Evidence.INSUFFICIENT)) for n in range(30, 35)]
    made = digest(*accounts, *few, policy=policy)
    assert sum(item.part is Part.FALLING for item in made.items) == 29
    assert sum(item.part is Part.TOO_FEW for item in made.items) == 2
    assert made.more == {Part.TOO_FEW: 3}


def test_an_old_fall_is_told_as_old_and_comes_last() -> None:
    made = digest(
        account(1, arr=900_000, trend=fallen(1, as_of=ago(75)), last_rating_at=ago(75)),
        account(2, arr=5, trend=fallen(2, evidence=Evidence.WEAK)),
    )
    assert parts(made) == [(Part.FALLING, customer(2)), (Part.FALLING, customer(1))]
    assert made.items[1].words.endswith("No rating for 75 days.")


def test_too_few_ratings_are_said_to_be_too_few() -> None:
    made = digest(account(1, trend=fallen(recent_n=2, evidence=Evidence.INSUFFICIENT)))
    assert parts(made) == [(Part.TOO_FEW, customer(1))]
    assert words(made) == "Down 27% on 2 recent ratings against 12: too few ratings to tell."


def test_an_override_of_a_customer_counts() -> None:
    policy = Policy.model_validate(
        POLICY.model_dump()
        | {"overrides": [{"tier": "gold", "declining_trend": {"drop": 0.15, "resolved_below": 0.1}}]}
    )
    made = digest(
        account(1, trend=fallen(1, drop=0.18)), account(2, tier="gold", trend=fallen(2, drop=0.18)), policy=policy
    )
    assert parts(made) == [(Part.FALLING, customer(2))]


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (unanswered(), "Rated 1 of 5 on 2026-05-08, not acknowledged."),
        (unanswered(kind=Kind.DECLINING_TREND), "Falling trend on 2026-05-08, not acknowledged."),
        (unanswered(seen=True), None),
        (unanswered(occurred_at=ago(31)), None),
        (
            unanswered(occurred_at=ago(31), seen=True, task_due_at=ago(-2)),
            "Rated 1 of 5 on 2026-04-10, its task is due 2026-05-13.",
        ),
        (unanswered(seen=True, task_due_at=ago(2.5)), "Rated 1 of 5 on 2026-05-08, its task is 2 days overdue."),
    ],
)
def test_what_waits(alert: object, said: str | None) -> None:
    made = digest(account(1, open=(alert,)))
    assert [item.words for item in made.items] == ([said] if said else [])
    assert all(item.part is Part.OPEN for item in made.items)


def test_of_many_open_alerts_the_most_severe_are_named() -> None:
    alerts = [unanswered(rating=1 + n % 2, severity=Severity.MEDIUM) for n in range(4)]
    made = digest(account(1, open=(*alerts, unanswered(severity=Severity.CRITICAL, rating=2, occurred_at=ago(1)))))
    assert words(made).startswith("Rated 2 of 5 on 2026-05-10, not acknowledged; ")
    assert words(made).endswith("; and 2 more alerts.")


@pytest.mark.parametrize(
    ("followed_up", "rated", "waiting"), [(8, 9, True), (8, 7, False), (6, 9, False), (8, None, True), (8, 8, True)]
)
def test_a_follow_up_without_an_answer(followed_up: int, rated: int | None, waiting: bool) -> None:
    alert = unanswered(seen=True, occurred_at=ago(10), followed_up_at=ago(followed_up))
    made = digest(account(1, open=(alert,), last_rating_at=None if rated is None else ago(rated), known_since=ago(20)))
    assert (Part.UNANSWERED in [item.part for item in made.items]) is waiting
    if waiting:
        assert words(made) == "Followed up 8 days ago, on 2026-05-03, and no rating since (rated 1 of 5 on 2026-05-01)."


def test_recovered_within_the_week() -> None:
    assert parts(digest(account(1, recovered_at=ago(6.9), recovered=None))) == [(Part.RECOVERED, customer(1))]
    assert parts(digest(account(1, recovered_at=DUE - timedelta(days=7, seconds=1)))) == []


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (account(1, last_rating_at=ago(60), last_ticket_at=ago(60)), "No rating for 60 days; last ticket 60 days ago."),
        (account(1, last_rating_at=ago(90), last_ticket_at=ago(1)), "No rating for 90 days; last ticket 1 day ago."),
        (account(1, last_rating_at=None, last_ticket_at=None), "No rating so far; no ticket known."),
        (account(1, last_rating_at=None, last_ticket_at=None, known_since=ago(59)), None),
        (account(1, last_rating_at=ago(59), last_ticket_at=ago(59)), None),
    ],
)
def test_quiet_accounts(standing: object, said: str | None) -> None:
    made = digest(standing)  # type: ignore[arg-type]
    assert [item.words for item in made.items] == ([said] if said else [])


def test_the_parts_come_in_their_order_whatever_that_of_the_accounts() -> None:
    made = everything()
    assert [item.part for item in made.items] == sorted((i.part for i in made.items), key=list(Part).index)
    assert {item.part for item in made.items} == set(Part)
