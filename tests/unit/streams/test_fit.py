"""The constants that a history gives, of customers made for it."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from schemas.policy import load_policy
from schemas.wire import CsatReceived
from streams.fit import ALERTED, FEWEST_CUSTOMERS, FEWEST_RATINGS, Fitted, History, NothingToFit
from streams.simulate import HORIZON, draw, most_reached

RULE = load_policy(None).declining_trend
START = datetime(2026, 1, 1, tzinfo=UTC)
HAPPY, MIXED = (2, 2, 6, 20, 70), (12, 10, 15, 28, 35)


def rated(customer: int, number: int, rating: int, *, again: int = 0, category: str | None = "Billing") -> CsatReceived:
    return CsatReceived(
        ticket_id=f"T{number}",
        ticket_category=category,
        event_id=f"e{customer}-{number}-{again}",
        customer_id=str(UUID(int=customer)),
        rating=rating,
        responded_at=START + timedelta(days=number, hours=again),
    )


def history(customers: int, ratings: int, *kinds: tuple[int, ...]) -> History:
    random, made = Random(1), History()  # noqa: S311 (reproducible, not secret)
    for customer in range(customers):
        for number, rating in enumerate(draw(random, kinds[customer % len(kinds)], ratings)):
            made.add(rated(customer, number, rating))
    return made


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return history(60, 60, HAPPY, MIXED).fit(RULE)


def test_the_shares_are_those_of_all_customers(fitted: Fitted) -> None:
    wanted = [(happy + mixed) / 200 for happy, mixed in zip(HAPPY, MIXED, strict=True)]
    assert fitted.all_customers.shares == pytest.approx(wanted, abs=0.02)
    assert sum(fitted.all_customers.shares) == pytest.approx(1)
    assert (fitted.customers, fitted.ratings, fitted.known) == (60, 3_600, 60)
    assert (fitted.first, fitted.last) == (START, START + timedelta(days=59))


def test_customers_who_are_alike_weigh_more() -> None:
    alike = history(40, 40, HAPPY).fit(RULE).all_customers.weight
    apart = history(40, 40, (0, 0, 0, 10, 90), (50, 30, 20, 0, 0)).fit(RULE).all_customers.weight
    assert alike > apart


def test_so_many_customers_without_a_change_reach_the_threshold(fitted: Fitted) -> None:
    assert fitted.threshold is not None
    rule = RULE.model_copy(update={"threshold": fitted.threshold, "all_customers": fitted.all_customers})
    random = Random(2)  # noqa: S311 (reproducible, not secret)
    alerted = [
        most_reached(draw(random, kind, RULE.learned_from + HORIZON), RULE.learned_from, rule) >= fitted.threshold
        for kind in (HAPPY, MIXED) * 400
    ]
    # Four standard errors, and what 60 customers say of all of them.
    assert sum(alerted) / len(alerted) == pytest.approx(ALERTED, abs=0.03)


def test_the_same_history_gives_the_same_constants(fitted: Fitted) -> None:
    assert history(60, 60, HAPPY, MIXED).fit(RULE) == fitted


def test_of_several_answers_to_a_survey_the_latest_counts_in_any_order() -> None:
    made, other = history(30, 25, HAPPY), history(30, 25, HAPPY)
    made.add(rated(0, 3, 1, again=2))
    made.add(rated(0, 3, 5, again=1))
    other.add(rated(0, 3, 5, again=1))
    other.add(rated(0, 3, 1, again=2))
    assert made.fit(RULE) == other.fit(RULE)
    assert made.fit(RULE).ratings == 30 * 25


def test_an_erased_customer_is_in_nothing() -> None:
    made = history(30, 25, HAPPY)
    made.forget(str(UUID(int=0)))
    assert made.fit(RULE).customers == 29


def test_few_long_histories_give_no_threshold() -> None:
    short = history(60, RULE.learned_from - 1, HAPPY).fit(RULE)
    assert short.threshold is None
    assert short.known == 0


def test_few_customers_give_nothing() -> None:
    with pytest.raises(
        NothingToFit, match=f"ratings of {FEWEST_CUSTOMERS - 1} customers: at least {FEWEST_CUSTOMERS} are"
    ):
        history(FEWEST_CUSTOMERS - 1, 30, HAPPY).fit(RULE)


def test_a_category_is_usual_from_so_many_ratings_on() -> None:
    made = history(30, 25, HAPPY)
    for number in range(100, 100 + FEWEST_RATINGS - 1):
        made.add(rated(1, number, 2, category="Rare"))
    made.add(rated(1, 500, 2, category=None))
    assert set(made.fit(RULE).categories) == {"Billing"}
    made.add(rated(1, 200, 2, category="Rare"))
    assert made.fit(RULE).categories["Rare"] == 2
