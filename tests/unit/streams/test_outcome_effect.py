"""The estimates: a known effect is found, a known absence of one too, as often as the interval promises."""

from random import Random
from statistics import fmean

import pytest

from streams.outcome_effect import FEWEST, Unit, change_of_means, effect, share, student


def treated(seed: int, gain: float, *, customers: int = 150) -> list[Unit]:
    """Customers after a bad spell, who rate as they always do; the worse it looked, the likelier they were helped."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    units = []
    for number in range(customers):
        level = random.gauss(4.0, 0.5)
        for _ in range(random.choice((1, 1, 2, 3))):
            before = min(level + random.gauss(0, 0.7) for _ in range(2))  # an alert comes of the worse of two spells
            helped = random.random() < (0.75 if before < 3.4 else 0.3)
            after = level + random.gauss(0, 0.6) + (gain if helped else 0.0)
            units.append(Unit(str(number), before < 3.4, helped, before, before, after))
    return units


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_the_interval_holds_what_is_there_as_often_as_it_says(gain: float) -> None:
    found = [effect(treated(seed, gain)) for seed in range(200)]
    known = [each for each in found if each is not None]
    assert len(known) == 200
    held = fmean(each.difference.low <= gain <= each.difference.high for each in known)
    assert 0.91 <= held <= 0.99
    assert fmean(each.difference.value for each in known) == pytest.approx(gain, abs=0.02)


def test_what_comes_back_by_itself_is_told_from_what_was_won() -> None:
    nothing, something = (
        [each for each in (effect(treated(seed, gain)) for seed in range(60)) if each] for gain in (0.0, 0.5)
    )
    assert fmean(each.after - each.before for each in nothing) > 0.3  # plain before and after: all of it chance
    assert fmean(each.by_itself for each in nothing) == pytest.approx(
        fmean(each.after - each.before for each in nothing), abs=0.03
    )
    for each in something:
        assert each.after - each.before == pytest.approx(each.by_itself + each.difference.value)
    assert sum(each.difference.low > 0 for each in something) > 55
    assert sum(each.difference.low > 0 for each in nothing) < 7


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_a_ratio_of_risks_is_found(ratio: float) -> None:
    held, values = 0, []
    for seed in range(200):
        random = Random(seed)  # noqa: S311 (reproducible, not secret)
        units = []
        for number in range(400):
            grave = random.random() < 0.4
            helped = random.random() < (0.7 if grave else 0.3)
            risk = (0.4 if grave else 0.15) * (ratio if helped else 1.0)
            units.append(Unit(str(number // 2), grave, helped, 0.0, 0.0, float(random.random() < risk)))
        found = effect(units)
        assert found is not None
        assert found.relative is not None
        held += found.relative.low <= ratio - 1 <= found.relative.high
        values.append(found.relative.value)
    assert 0.91 <= held / 200 <= 0.99
    assert fmean(values) == pytest.approx(ratio - 1, abs=0.04)


def test_several_cases_of_one_customer_are_no_more_than_one() -> None:
    once = [Unit(str(n), None, bool(n % 2), 3.0, 3.0, 3.0 + (n % 7) / 7) for n in range(100)]
    twice = effect([*once, *once])
    single = effect(once)
    assert single is not None
    assert twice is not None
    assert twice.difference.high - twice.difference.low == pytest.approx(
        single.difference.high - single.difference.low, rel=0.02
    )


def test_only_what_is_comparable_is_compared() -> None:
    units = [Unit(str(n), "a", bool(n % 2), 3.0, 3.0, 4.0 + n % 3) for n in range(80)]
    alone = [Unit(f"x{n}", "b", True, 3.0, 3.0, 1.0) for n in range(9)]  # nobody without help is like them
    one = [Unit("y", "c", True, 3.0, 3.0, 1.0), Unit("z", "c", False, 3.0, 3.0, 1.0)]
    found = effect([*units, *alone, *one])
    assert found is not None
    assert found.unmatched == 10
    assert found._replace(unmatched=0) == effect(units)


def test_too_few_customers_say_nothing() -> None:
    units = [Unit(str(n), None, n % 2 == 0, 3.0, 3.0, 4.0 + n % 3) for n in range(2 * FEWEST)]
    assert effect(units) is not None
    assert effect(units[:-1]) is None
    assert effect([unit._replace(customer="one") for unit in units]) is None
    assert effect([]) is None


def test_satisfaction_that_changed_is_told_from_chance() -> None:
    held = 0
    for seed in range(200):
        random = Random(seed)  # noqa: S311 (reproducible, not secret)
        spells = {}
        for number in range(120):
            level, n, m = random.gauss(4, 0.5), random.randint(0, 6), random.randint(0, 6)
            first, second = (sum(random.gauss(level - fell, 1) for _ in range(k)) for k, fell in ((n, 0.0), (m, 0.2)))
            spells[str(number)] = n, first, m, second
        found = change_of_means(spells)
        assert found is not None
        held += found.low <= -0.2 <= found.high
    assert 0.91 <= held / 200 <= 0.99
    assert change_of_means({"a": (3, 12.0, 2, 8.0)}) is None


def test_known_quantiles_and_shares() -> None:
    assert [round(student(n), 2) for n in (10, 19, 30, 1000)] == [2.23, 2.09, 2.04, 1.96]
    found = share(9, 10)
    assert found is not None
    assert (found.value, round(found.low, 3), round(found.high, 3)) == (0.9, 0.596, 0.982)
    whole = share(10, 10)
    assert whole is not None
    assert whole.high == 1.0
    assert share(0, 0) is None
