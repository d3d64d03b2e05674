"""The figures of outcomes in words, the same on the page and in the terminal."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.outcome import Comparison, Detection, Group, Interval, Outcomes, Overall, Verdict

VERDICTS: Mapping[Verdict, str] = {
    Verdict.REACHED: "target reached",
    Verdict.MISSED: "target not reached",
    Verdict.UNDECIDED: "cannot be told yet",
    Verdict.TOO_LITTLE: "too little data",
}
_TITLES = {
    ("satisfaction", "matched"): "Satisfaction after a follow-up",
    ("escalations", "matched"): "Escalations after a follow-up",
    ("satisfaction", "holdout"): "Satisfaction after an alert, against held-out ones",
    ("escalations", "holdout"): "Escalations after an alert, against held-out ones",
}
_SIDES = {
    "matched": ("with a follow-up", "without one"),
    "holdout": ("delivered", "held out"),
}
_LEFT_OUT = {"satisfaction": "without a rating since", "escalations": "escalated before that"}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class Figure(NamedTuple):
    """One of them.

    Attributes:
        says: what was found, in a sentence without its full stop.
        rows: what it rests on: labels and values.
        method: how it was found.
    """

    title: str
    verdict: Verdict
    says: str
    rows: tuple[tuple[str, str], ...]
    method: str


def figures(found: Outcomes) -> Iterator[Figure]:
    """All of them."""
    yield _detection(found.detection)
    yield from map(_comparison, found.comparisons)
    yield _overall(found.overall)


def _detection(found: Detection) -> Figure:
    says = "no drop in this time"
    if found.share is not None:
        says = f"{found.within_day:,} of {_count(found.drops, 'drop')}: {_share(found.share)}"
    rows = [("target", "all of them")]
    if found.median_seconds is not None:
        rows.append(("the middle one took", _took(found.median_seconds)))
    rows.append(("poor ratings without any alert", f"{found.missed:,}"))
    rows.append(("not counted: old when the rating came, or history", f"{found.old:,}"))
    return Figure("Drops found within 24 hours of the answer", found.verdict, says, tuple(rows), found.method)


def _comparison(found: Comparison) -> Figure:
    helped, others = _SIDES[found.by]
    sides = ((helped, found.helped), (others, found.others))
    rows = [("target", f"{found.target:+.0%}, against what it would have been")]
    rows += [(f"{label}, mixed alike" if side is found.others else label, _group(found, side)) for label, side in sides]
    if found.difference is None:
        numbers = " and ".join(f"{_count(side.customers, 'customer')} {label}" for label, side in sides)
        return Figure(_TITLES[found.of, found.by], found.verdict, f"only {numbers}", tuple(rows), found.method)
    if found.by_itself is not None:
        rows.append(("would have come by itself", f"{found.by_itself:+.2f}"))
    unit = " of 5" if found.of == "satisfaction" else " of the cases"
    rows.append(("difference", _difference(found.difference, share=found.of == "escalations") + unit))
    if found.unmatched:
        rows.append((f"not counted: {helped}, and nobody like them {others}", _count(found.unmatched, "case")))
    says = "no share can be told, for one side has none"
    if found.relative is not None:
        says = f"{_change(found.relative)}, against what it would have been"
    return Figure(_TITLES[found.of, found.by], found.verdict, says, tuple(rows), found.method)


def _group(found: Comparison, side: Group) -> str:
    said = f"{_count(side.cases, 'case')} of {_count(side.customers, 'customer')}"
    if side.before is not None and side.after is not None:
        said += f": {side.before:.2f} before, {side.after:.2f} after"
    elif side.after is not None:
        said += f": {side.after:.1%}"
    return f"{said}; {side.left_out:,} more {_LEFT_OUT[found.of]}" if side.left_out else said


def _overall(found: Overall) -> Figure:
    rows = [("target", f"no more than {-found.target:g} of 5 lost")]
    if found.recent_avg is not None:
        rows.append(("now", f"{found.recent_avg:.2f} ({_count(found.recent_n, 'rating')})"))
    if found.before_avg is not None:
        rows.append(("before", f"{found.before_avg:.2f} ({_count(found.before_n, 'rating')})"))
    rows.append(("customers", f"{found.customers:,}"))
    says = f"only {_count(found.customers, 'customer')} in both times"
    if found.difference is not None:
        says = f"{_difference(found.difference)} of 5"
    return Figure("Satisfaction of all customers", found.verdict, says, tuple(rows), found.method)


def _count(number: int, noun: str) -> str:
    """1 case, 2,401 cases."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _share(found: Interval) -> str:
    return f"{found.value:.1%} (95% interval {found.low:.1%} to {found.high:.1%})"


def _change(found: Interval) -> str:
    return f"{found.value:+.1%} (95% interval {found.low:+.1%} to {found.high:+.1%})"


def _difference(found: Interval, *, share: bool = False) -> str:
    form = "+.1%" if share else "+.2f"
    return f"{found.value:{form}} (95% interval {found.low:{form}} to {found.high:{form}})"


def _took(seconds: float) -> str:
    for size, unit in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"
