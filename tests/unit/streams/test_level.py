"""The evidence for a fall: what suspects, what convinces, what is taken back."""

import math
from itertools import pairwise

import pytest

from schemas.policy import load_policy
from streams.level import AT_MOST_BY_CHANCE, Level, Prior, chance_of, needed_of
from streams.spans import DAY
from streams.tilt import line

RULE = load_policy(None).declining_trend
PRIOR = Prior.of(RULE)
USUAL = [5, 4, 5, 5, 3, 5, 4, 5, 5, 4] * 3


def folded(*ratings: int, every: int = 4 * DAY) -> Level:
    level = Level.unknown()
    level.fold(zip(range(DAY, DAY + every * len(ratings), every), ratings, strict=True), PRIOR)
    return level


def test_the_line_is_the_likelihood_ratio_of_two_tilts_of_the_same_shares() -> None:
    shares = (0.1, 0.05, 0.1, 0.25, 0.5)
    intercept, slope, variance = line(shares, 4.0, 0.75)
    before = [p * math.exp(tilt_to(shares, 4.0) * r) for r, p in enumerate(shares, 1)]
    after = [p * math.exp(tilt_to(shares, 3.0) * r) for r, p in enumerate(shares, 1)]
    for rating in range(1, 6):
        ratio = math.log(after[rating - 1] / sum(after) / (before[rating - 1] / sum(before)))
        assert intercept - slope * rating == pytest.approx(ratio)
    assert variance == pytest.approx(sum((r - 4) ** 2 * w for r, w in enumerate(before, 1)) / sum(before))


@pytest.mark.parametrize("many", [0, 10, 10_000, 10**9])
@pytest.mark.parametrize("rating", range(1, 6))
def test_a_line_is_found_where_all_ratings_are_alike(rating: int, many: int) -> None:
    counts = [many if each == rating else 0 for each in range(1, 6)]
    shares = [(count + 20 * share) / (many + 20) for count, share in zip(counts, PRIOR.shares, strict=True)]
    mean = (rating * many + PRIOR.weight * PRIOR.mean) / (many + PRIOR.weight)
    intercept, slope, variance = line(shares, mean, 0.715)
    assert variance > 0
    if mean * 0.715 > 1.03:  # else there is no room below
        assert intercept - slope * 1 > 0 > intercept - slope * 5


def tilt_to(shares: tuple[float, ...], mean: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(100):
        tilt = (low + high) / 2
        weights = [p * math.exp(tilt * r) for r, p in enumerate(shares, 1)]
        found = sum(r * w for r, w in enumerate(weights, 1)) / sum(weights)
        low, high = (low, tilt) if found > mean else (tilt, high)
    return tilt


def test_a_fall_is_dated_to_the_first_suspect_rating() -> None:
    level = folded(*USUAL, 2, 1, 2, 3, 1, 2)
    assert level.suspicion is not None
    assert level.suspicion.strong
    assert level.suspicion.since == DAY + 30 * 4 * DAY
    assert (level.suspicion.n, level.suspicion.total) == (6, 11)
    assert (level.n, level.total) == (len(USUAL), sum(USUAL))


def test_a_single_poor_rating_is_a_suspicion_that_good_ones_take_back() -> None:
    assert folded(*USUAL, 1).suspicion is not None
    level = folded(*USUAL, 1, 5, 5, 5, 5)
    assert level.suspicion is None
    assert (level.n, level.total) == (len(USUAL) + 5, sum(USUAL) + 21)


def test_a_recovered_customer_has_no_suspicion_left() -> None:
    fallen = folded(*USUAL, 1, 1, 1, 1, 1, 1)
    assert fallen.suspicion is not None
    assert fallen.suspicion.strong
    assert folded(*USUAL, 1, 1, 1, 1, 1, 1, *[5] * 15).suspicion is None


def test_a_level_that_stays_lower_for_the_windows_length_is_the_usual_one() -> None:
    level = folded(*USUAL, *[2, 3] * 20)
    assert level.suspicion is None
    assert level.total / level.n < 3
    assert folded(*USUAL, *[2, 3] * 20, 2, 3, 3, 2, 3).suspicion is None


def test_the_score_is_bounded_so_that_good_ratings_bring_it_down() -> None:
    level = folded(*USUAL, *[1] * 20)
    assert level.suspicion is not None
    assert level.suspicion.score <= 1.5 * needed_of(level.suspicion, level.n) * 1.05


def test_a_short_history_needs_more() -> None:
    short, long = folded(*USUAL[:10], 1, 1, 1), folded(*USUAL[:20], 1, 1, 1)
    assert short.suspicion is not None
    assert long.suspicion is not None
    assert not short.suspicion.strong
    assert needed_of(short.suspicion, short.n) > needed_of(long.suspicion, long.n)


def test_fewer_ratings_than_the_policy_asks_for_suspect_nothing() -> None:
    assert folded(*[5] * (RULE.baseline_min - 1), 1).suspicion is None
    assert folded(*[5] * RULE.baseline_min, 1).suspicion is not None


def test_what_is_suspect_while_the_level_is_learned_becomes_a_part_of_it() -> None:
    level = folded(*USUAL[:17], 3, 2, 3)
    assert level.suspicion is None
    assert level.n == RULE.learned_from


def test_a_long_baseline_forgets_its_older_half_when_that_is_old() -> None:
    level = folded(*[4] * 300, *[5] * 300, every=DAY)
    assert level.n < 200
    assert level.total / level.n > 4.9


def test_chance_falls_with_the_score_and_is_the_policys_at_the_threshold() -> None:
    level = folded(*USUAL, 2, 2, 2)
    found = level.suspicion
    assert found is not None
    chances = []
    for share in (0.0, 0.2, 0.5, 1.0, 1.4):
        found.score = share * needed_of(found, level.n)
        chances.append(chance_of(found, level.n))
    assert chances[0] == 1
    assert all(before >= after for before, after in pairwise(chances))
    assert chances[3] == pytest.approx(AT_MOST_BY_CHANCE, rel=0.02)


def test_a_copy_is_folded_on_by_itself() -> None:
    level = folded(*USUAL, 1, 2)
    before = level.copy()
    assert before == level
    level.fold([(DAY * 900, 1), (DAY * 901, 5)], PRIOR)
    assert before == folded(*USUAL, 1, 2)
