"""Did it help: which cases are compared, and what is said of them."""

from dataclasses import replace
from datetime import timedelta
from math import log
from statistics import fmean

import pytest

from schemas.alert import Kind
from schemas.outcome import Comparison, Fired, Outcomes, Spell, Verdict
from schemas.policy import Holdout, OutcomeRules, load_policy
from streams.outcome_cases import AFTER, BEFORE, GRACE, cases
from streams.outcome_effect import FEWEST
from streams.outcome_words import VERDICTS, figures
from tests.outcomes import DAY, NOW, Year, fired, outcomes_of, year

POLICY = load_policy(None)
HOLDING = POLICY.model_copy(update={"outcomes": OutcomeRules(holdout=Holdout(share=0.3))})
BEGAN = NOW - 100 * DAY


def comparison(found: Outcomes, of: str, by: str = "matched") -> Comparison:
    return next(each for each in found.comparisons if (each.of, each.by) == (of, by))


def test_a_case_is_a_customer_from_an_alert_on_until_its_time_is_over() -> None:
    again, later, recent = BEGAN + GRACE + AFTER, BEGAN + GRACE + AFTER + DAY, NOW - GRACE - AFTER + DAY
    alerts = [fired("a", at) for at in (BEGAN, BEGAN + DAY, again, later, recent)]
    found = cases(reversed(alerts), POLICY, NOW)
    assert [case.window.began_at for case in found.matched] == [BEGAN, later]
    window = found.matched[0].window
    assert (window.since, window.after, window.until) == (BEGAN - BEFORE, BEGAN + GRACE, again)
    assert found.holdout == []


@pytest.mark.parametrize(
    ("alerts", "helped"),
    [
        ([fired("a", BEGAN, followed_up_at=BEGAN + GRACE)], True),
        ([fired("a", BEGAN, followed_up_at=BEGAN + GRACE + DAY)], False),
        ([fired("a", BEGAN)], False),
        ([fired("a", BEGAN), fired("a", BEGAN + DAY, followed_up_at=BEGAN + 2 * DAY)], True),
        ([fired("a", BEGAN), fired("b", BEGAN, followed_up_at=BEGAN)], False),
    ],
)
def test_helped_is_who_heard_of_us_soon(alerts: list[Fired], helped: bool) -> None:
    assert cases(alerts, POLICY, NOW).matched[0].helped is helped


def test_what_nobody_was_told_of_is_no_case() -> None:
    found = cases([fired("a", BEGAN, silent=True), fired("b", BEGAN, held_out=True)], POLICY, NOW)
    assert found.matched == []


def test_lots_are_compared_among_those_for_whom_they_were_drawn() -> None:
    falls = [
        fired("a", BEGAN, kind=Kind.DECLINING_TREND),
        fired("b", BEGAN, kind=Kind.DECLINING_TREND, held_out=True),
        fired("c", BEGAN, kind=Kind.DECLINING_TREND, held_out=True, shown=True),  # was told before its ARR was known
        fired("d", BEGAN, kind=Kind.DECLINING_TREND, arr=90_000.0),
        fired("e", BEGAN, kind=Kind.DECLINING_TREND, arr=None),
        fired("f", BEGAN),
    ]
    found = cases(falls, HOLDING, NOW).holdout
    assert [(case.customer_id, case.helped) for case in found] == [("a", True), ("b", False)]


@pytest.mark.parametrize(("gain", "ratio"), [(0.0, 1.0), (0.7, 0.5)])
def test_a_known_effect_is_found_and_a_known_absence_of_one(gain: float, ratio: float) -> None:
    gained, risked, held = [], [], 0
    for seed in range(100, 108):
        made = year(seed, gain=gain, ratio=ratio)
        true, found = fmean(made.gains), outcomes_of(made)
        rated, escalated = comparison(found, "satisfaction"), comparison(found, "escalations")
        assert rated.difference is not None
        assert rated.by_itself is not None
        assert escalated.relative is not None
        assert rated.helped.before is not None
        assert rated.helped.after is not None
        assert rated.helped.after - rated.helped.before == pytest.approx(rated.by_itself + rated.difference.value)
        gained.append(rated.difference.value - true)
        risked.append(log((1 + escalated.relative.value) / ratio))
        held += rated.difference.low <= true <= rated.difference.high
        held += escalated.relative.low <= ratio - 1 <= escalated.relative.high
    assert fmean(gained) == pytest.approx(0, abs=0.05)
    assert fmean(risked) == pytest.approx(0, abs=0.12)
    assert held >= 13  # of 16


def test_a_lot_tells_the_effect_of_alerting() -> None:
    made = year(3, gain=0.8, ratio=1.0)
    drawn = [
        replace(each, kind=Kind.DECLINING_TREND, held_out=each.followed_up_at is None, followed_up_at=None)
        for each in made.fired
    ]
    made.fired = drawn
    found = outcomes_of(made, HOLDING)
    assert [(each.by, each.of) for each in found.comparisons[:2]] == [
        ("holdout", "satisfaction"),
        ("holdout", "escalations"),
    ]
    difference = comparison(found, "satisfaction", "holdout").difference
    assert difference is not None
    assert difference.low > 0.3
    assert comparison(found, "satisfaction").verdict is Verdict.TOO_LITTLE  # nobody wrote to anybody


def test_too_little_is_said_to_be() -> None:
    made = year(1, gain=0.0, ratio=1.0, customers=20)
    found = outcomes_of(made, spells=[Spell(name, 1, 4, 1, 4) for name in list(made.ratings)[: FEWEST - 1]])
    assert {each.verdict for each in found.comparisons} == {Verdict.TOO_LITTLE} == {found.overall.verdict}
    assert {each.difference for each in found.comparisons} == {None} == {found.overall.difference}
    rated = comparison(found, "satisfaction")
    assert rated.helped.before is rated.helped.after is rated.by_itself is None  # no plain before and after by itself
    assert rated.helped.cases > 0
    nothing = outcomes_of(Year())
    assert {nothing.detection.verdict, nothing.overall.verdict} == {Verdict.TOO_LITTLE}
    assert all(each.rows and "too little" in VERDICTS[each.verdict] for each in figures(nothing))


def test_every_drop_counts_and_the_goal_is_all_of_them() -> None:
    soon = [fired(str(n), BEGAN) for n in range(9)]
    made = Year(fired=[*soon, fired("old", BEGAN, silent=True)])
    made.ratings = {each.customer_id: [] for each in made.fired}
    made.escalations = {name: [] for name in made.ratings}
    detection = outcomes_of(made).detection
    assert (detection.drops, detection.within_day, detection.old) == (9, 9, 1)
    assert detection.verdict is Verdict.REACHED
    assert detection.median_seconds == 1
    late = replace(soon[0], found_at=BEGAN + timedelta(hours=25))
    made.fired[0] = late
    detection = outcomes_of(made, missed=1).detection
    assert (detection.drops, detection.within_day, detection.missed) == (10, 8, 1)
    assert detection.verdict is Verdict.MISSED
    assert detection.share is not None
    assert detection.share.value == 0.8


@pytest.mark.parametrize(("lost", "verdict"), [(0.0, Verdict.REACHED), (0.6, Verdict.MISSED)])
def test_whether_satisfaction_held(lost: float, verdict: Verdict) -> None:
    spells = [Spell(str(n), 10, 38 + n % 5, 10, 38 + n % 5 - round(10 * lost)) for n in range(200)]
    overall = outcomes_of(Year(), spells=spells).overall
    assert overall.verdict is verdict
    assert overall.difference is not None
    assert overall.difference.value == pytest.approx(-lost)
    assert (overall.before_n, overall.recent_n, overall.customers) == (2000, 2000, 200)


def test_the_record_and_the_words_carry_numbers_and_methods() -> None:
    found = outcomes_of(year(0, gain=0.5, ratio=0.5))
    assert Outcomes.from_json(found.to_json()) == found
    for each in figures(found):
        assert each.method.endswith(".")
        assert "95 %" in each.method or "Wilson" in each.method
        assert "None" not in each.says + "".join(value for _, value in each.rows)
    said = {each.title: each for each in figures(found)}
    rows = dict(said["Satisfaction after a follow-up"].rows)
    assert "would have come by itself" in rows
    assert "before" in rows["with a follow-up"]
