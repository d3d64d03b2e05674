"""The measure of detection: that what it compares is what it says, and that the shipped policy keeps its word."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from bench import rivals
from bench.detection import LATER, SOON, Figures, at_false, first_alert, mean, measure
from bench.detection_page import drawn, text
from bench.histories import FALLS, KINDS, OTHERS, Fall, fallen, histories, mean_of
from schemas.policy import load_policy
from streams.pipeline import Pipeline
from streams.simulate import HORIZON, reached

POLICY = load_policy(None)
RULE = POLICY.declining_trend
LIMIT = RULE.threshold


@pytest.fixture(scope="module")
def figures() -> Figures:
    return measure(count=150, seed=20)


def test_the_shipped_policy_is_seldom_wrong_and_finds_what_is_there(figures: Figures) -> None:
    # The page's figures, of many more histories, are 4 %, 49 % and 79 %: three standard errors are left to chance.
    everywhere = mean(list(figures.shipped.values()))
    assert everywhere.false <= 0.07
    assert all(each.false <= 0.16 for each in (*figures.shipped.values(), *figures.others.values()))
    assert everywhere.soon["to 71%"] >= 0.41
    assert everywhere.later["to 71%"] >= 0.73
    assert everywhere.soon["to 71%, mixed"] >= 0.41


def test_at_the_same_false_alarms_it_finds_more_than_the_others_and_less_than_the_limit(figures: Figures) -> None:
    ours, known = figures.curves["csatwatch"], figures.curves["the limit"]
    for way in ("plain rule", "permutation test"):
        assert at_false(ours.later, 0.05) > at_false(figures.curves[way].later, 0.05)
    assert at_false(ours.later, 0.05) < at_false(known.later, 0.05)


def test_every_kind_and_way_is_on_the_page_and_in_the_picture(figures: Figures) -> None:
    page = text(figures, "python -m bench detection")
    assert all(f"| {name} " in page for name in (*KINDS, *OTHERS, "all of them"))
    picture = ET.fromstring(drawn(figures))  # noqa: S314 (made here)
    space = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{space}polyline")) == 2 * len(figures.curves)
    shown = {each.text for each in picture.iter(f"{space}text")}
    assert {f"found within {SOON} ratings", f"found within {LATER} ratings", *figures.curves} <= shown


def test_the_pipeline_alerts_where_the_threshold_is_reached() -> None:
    pipeline = Pipeline(POLICY, 1)
    fired = 0
    for name, shares in KINDS.items():
        for fall in (None, Fall(0.5), Fall(0.71)):
            for history in histories(shares, fall, 40, name):
                reach = [place - history.baseline for place, shown in reached(history.ratings, RULE) if shown >= LIMIT]
                if not reach or reach[0] >= 0:  # an alert before counts no more, and holds the next one up
                    fired += bool(reach)
                    assert first_alert(history, pipeline) == (reach[0] if reach else None)
    assert fired > 240


@pytest.mark.parametrize("fall", FALLS.values(), ids=FALLS)
@pytest.mark.parametrize("shares", KINDS.values(), ids=KINDS)
def test_a_fall_leaves_so_much_of_the_mean(shares: tuple[int, ...], fall: Fall) -> None:
    before = [share / 100 for share in shares]
    after = fallen(before, fall)
    assert sum(after) == pytest.approx(1)
    assert mean_of(after) == pytest.approx(mean_of(before) * fall.kept)


def test_the_same_seed_makes_the_same_histories() -> None:
    shares = KINDS["5 / 4 / 8 / 23 / 60"]
    once, again, other = (list(histories(shares, None, 5, seed)) for seed in ("a", "a", "b"))
    assert once == again != other
    assert {len(each.ratings) - each.baseline for each in once} == {HORIZON}


def test_the_permutation_test_is_exact() -> None:
    (history,) = histories(KINDS["12 / 10 / 15 / 28 / 35"], Fall(0.5), 1, "exact")
    short = history._replace(ratings=[5, 4, 5, 5, 4, 5, 3, 5, 1, 2, 1, 3, 2, 5, 1, 2], baseline=15)
    ((_, shown),) = rivals.permutation(short, RULE)
    sums = [sum(chosen) for chosen in combinations(short.ratings, rivals.RECENT)]
    least = sum(short.ratings[-rivals.RECENT :])
    assert 2.718281828459045**-shown == pytest.approx(sum(each <= least for each in sums) / len(sums))
