"""Did it help? How soon drops are found, what came after a follow-up and without one, whether satisfaction held."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from schemas.alert import PolicyVersion
from schemas.outcome import (
    Around,
    Comparison,
    Detection,
    Fired,
    Group,
    Interval,
    Outcomes,
    Overall,
    Spell,
    Verdict,
)
from schemas.policy import Policy
from streams.outcome_cases import AFTER, BEFORE, GRACE, Case, Cases
from streams.outcome_effect import FEWEST, Effect, Unit, change_of_means, effect, share

PERIOD = timedelta(days=365)
"""Alerts of so long are looked at."""
SPAN = timedelta(days=90)
"""Of which overall satisfaction is compared with the one before."""
DAY = timedelta(days=1)

SATISFACTION, ESCALATIONS = 0.15, -0.40
"""Targets: relative to what it would have been."""
HELD = -0.1
"""Points of 5 that overall satisfaction may lose and still be held."""

_FEWEST_EVENTS = 10  # escalations, on both sides together: of fewer the interval says nothing
_LEVELS = (2.0, 2.75, 3.5, 4.25)  # of a mean rating before: strata lie between
_COUNTS = (2, 4, 8)  # ratings before


class Known(NamedTuple):
    """What was found out.

    Attributes:
        around: by case, in the order of `Cases.windows`.
        missed: poor ratings of the period without an alert.
        spells: ratings of all customers over the last two `SPAN`s.
    """

    fired: Sequence[Fired]
    cases: Cases
    around: Sequence[Around]
    missed: int
    spells: Iterable[Spell]


def outcomes(known: Known, policy: Policy, now: datetime) -> Outcomes:
    """All figures, as of `now`."""
    matched = len(known.cases.matched)
    found = list(zip(known.cases.matched, known.around[:matched], strict=True))
    drawn = list(zip(known.cases.holdout, known.around[matched:], strict=True))
    comparisons = [_satisfaction("matched", found), _escalations("matched", found)]
    if drawn:
        comparisons[:0] = [_satisfaction("holdout", drawn), _escalations("holdout", drawn)]
    return Outcomes(
        as_of=now,
        since=now - PERIOD,
        policy=PolicyVersion(name=policy.policy, version=policy.version),
        detection=_detection(known.fired, known.missed),
        comparisons=tuple(comparisons),
        overall=_overall(known.spells),
    )


def _detection(fired: Sequence[Fired], missed: int) -> Detection:
    told = [each for each in fired if not each.silent]
    took = [each.found_at - each.fired_at for each in told]
    drops, within = len(told) + missed, sum(each <= DAY for each in took)
    return Detection(
        drops=drops,
        within_day=within,
        share=share(within, drops),
        median_seconds=median(each.total_seconds() for each in took) if took else None,
        missed=missed,
        old=len(fired) - len(told),
        verdict=Verdict.TOO_LITTLE if not drops else Verdict.REACHED if within == drops else Verdict.MISSED,
        method=(
            "Poor ratings, with an alert or without, and alerts on falling averages: from the customer's answer to the "
            "alert, with the time that the answer took to arrive. How many falls nobody saw is not known; the page on "
            "detection measures that. Interval: Wilson."
        ),
    )


def _satisfaction(by: Literal["holdout", "matched"], found: Sequence[tuple[Case, Around]]) -> Comparison:
    rated = [(case, around) for case, around in found if around.before_n and around.after_n]
    units = [
        Unit(
            case.customer_id,
            None if by == "holdout" else _alike(case, around),
            case.helped,
            around.before_sum / around.before_n,
            around.before_sum / around.before_n,
            around.after_sum / around.after_n,
        )
        for case, around in rated
    ]
    return _comparison(
        "satisfaction",
        by,
        found,
        units,
        effect(units),
        SATISFACTION,
        f"{_HOW[by]} The mean of the ratings from {GRACE.days} to {(GRACE + AFTER).days} days after the alert, less "
        f"that of the {BEFORE.days} days up to it, on both sides: difference in differences, corrected for what is "
        "left of the difference in the mean before. Interval: 95 %, robust to several cases of one customer.",
    )


def _escalations(by: Literal["holdout", "matched"], found: Sequence[tuple[Case, Around]]) -> Comparison:
    # What had happened before a follow-up could come is on no side.
    clear = [
        (case, around)
        for case, around in found
        if around.escalated_at is None or around.escalated_at > case.window.after
    ]
    units = [
        Unit(
            case.customer_id,
            None if by == "holdout" else _alike(case, around),
            case.helped,
            around.before_sum / around.before_n if around.before_n else 0.0,
            0.0,
            float(around.escalated_at is not None),
        )
        for case, around in clear
    ]
    enough = sum(unit.after for unit in units) >= _FEWEST_EVENTS
    return _comparison(
        "escalations",
        by,
        found,
        units,
        effect(units) if enough else None,
        ESCALATIONS,
        f"{_HOW[by]} The share of cases in which a ticket of the customer was escalated {GRACE.days} to "
        f"{(GRACE + AFTER).days} days after the alert; those with an escalation before are left out; corrected "
        "for what is left of the difference in the mean before. Interval: 95 %, robust to several cases of one "
        "customer.",
    )


_HOW = {
    "matched": (
        f"Somebody wrote or called within {GRACE.days} days of the alert, or nobody did: compared among alerts of one "
        "kind, one ARR band, and about as many ratings before with about the same mean. Nobody drew lots who was "
        "followed up: what the CSMs knew beside that may be a part of the difference."
    ),
    "holdout": (
        "Falling averages of small accounts, delivered or held out by lot, whether or not somebody then followed up: "
        "the effect of alerting at all."
    ),
}


def _comparison(
    of: Literal["satisfaction", "escalations"],
    by: Literal["holdout", "matched"],
    found: Sequence[tuple[Case, Around]],
    units: Sequence[Unit],
    measured: Effect | None,
    target: float,
    method: str,
) -> Comparison:
    sides = [_group(found, units, helped=helped) for helped in (True, False)]
    if measured is None:
        return Comparison(
            of=of,
            by=by,
            helped=sides[0],
            others=sides[1],
            target=target,
            verdict=Verdict.TOO_LITTLE,
            method=f"{method} It takes {FEWEST} comparable customers on each side{_EVENTS[of]}.",
        )
    means = (measured.before, measured.after), (measured.others_before, measured.others_after)
    counted = [
        Group(
            cases=cases_,
            customers=customers,
            before=before if of == "satisfaction" else None,
            after=after,
            left_out=side.left_out,
        )
        for (cases_, customers), (before, after), side in zip(
            (measured.helped, measured.others), means, sides, strict=True
        )
    ]
    return Comparison(
        of=of,
        by=by,
        helped=counted[0],
        others=counted[1],
        unmatched=measured.unmatched,
        by_itself=measured.by_itself if of == "satisfaction" else None,
        difference=measured.difference,
        relative=measured.relative,
        target=target,
        verdict=_verdict(measured.relative, target),
        method=method,
    )


_EVENTS = {"satisfaction": "", "escalations": f", and {_FEWEST_EVENTS} escalations"}


def _group(found: Sequence[tuple[Case, Around]], units: Sequence[Unit], *, helped: bool) -> Group:
    counted = [unit for unit in units if unit.helped is helped]
    everybody = sum(case.helped is helped for case, _ in found)
    return Group(
        cases=len(counted), customers=len({unit.customer for unit in counted}), left_out=everybody - len(counted)
    )


def _alike(case: Case, around: Around) -> tuple[object, ...]:
    """Cases with the same are comparable."""
    level = bisect_left(_LEVELS, around.before_sum / around.before_n) if around.before_n else None
    return case.kind, case.band, level, bisect_left(_COUNTS, around.before_n)


def _overall(spells: Iterable[Spell]) -> Overall:
    by_customer: Mapping[str, tuple[int, float, int, float]] = {
        each.customer_id: (each.before_n, each.before_sum, each.recent_n, each.recent_sum) for each in spells
    }
    before_n, before, recent_n, recent = (sum(each[part] for each in by_customer.values()) for part in range(4))
    difference = change_of_means(by_customer)
    verdict = Verdict.TOO_LITTLE
    if difference is not None:
        held, fell = difference.low > HELD, difference.high < HELD
        verdict = Verdict.REACHED if held else Verdict.MISSED if fell else Verdict.UNDECIDED
    return Overall(
        customers=len(by_customer),
        recent_n=int(recent_n),
        recent_avg=recent / recent_n if recent_n else None,
        before_n=int(before_n),
        before_avg=before / before_n if before_n else None,
        difference=difference,
        target=HELD,
        verdict=verdict,
        method=(
            f"All ratings of the last {SPAN.days} days against those of the {SPAN.days} before. Held: whatever the "
            f"interval holds loses less than {-HELD:g} of 5. Interval: 95 %, robust to several ratings of one "
            "customer. It says nothing of the cause."
        ),
    )


def _verdict(found: Interval | None, target: float) -> Verdict:
    if found is None:
        return Verdict.UNDECIDED
    better, worse = (
        (found.low >= target, found.high < target) if target > 0 else (found.high <= target, found.low > target)
    )
    return Verdict.REACHED if better else Verdict.MISSED if worse else Verdict.UNDECIDED
