"""The figures of a backtest in words: labelled rows, a cell for each policy and, of two, how they differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.alert import Evidence, Kind, Severity, Status
from streams.backtest.aftermath import FELL_MIN
from streams.backtest.figures import KINDS, Csm, Figures, Followed, PolicyFigures

KIND_NAMES: Mapping[str, str] = {Kind.POOR_RATING: "poor rating", Kind.DECLINING_TREND: "declining trend"}
_KINDS_NAMED: Mapping[str, str] = {Kind.POOR_RATING: "Poor ratings", Kind.DECLINING_TREND: "Declining trends"}
UNOWNED = "unowned"


class Row(NamedTuple):
    """A figure under each policy; of two policies, `change` is from the first to the second."""

    label: str
    cells: Sequence[str]
    change: str = ""


class Section(NamedTuple):
    """Rows under a title."""

    title: str
    rows: Sequence[Row]


def sections(figures: Figures) -> list[Section]:
    """Everything there is to say, the most important first."""
    policies, days = figures.policies, figures.within_days
    found = [
        Section(
            "Alerts",
            [
                _counts("alerts", policies, lambda each: each.alerts),
                _means("a week", policies, lambda each: each.a_week),
                _means("a week a CSM", policies, lambda each: each.a_week_a_csm),
                *(_counts(_KINDS_NAMED[kind].lower(), policies, _of_kind(kind)) for kind in KINDS),
            ],
        ),
        Section(
            "Severity when first raised", [_counts(severity, policies, _severe(severity)) for severity in Severity]
        ),
        Section(
            "Evidence of the declining trends",
            [_counts(evidence, policies, _evident(evidence)) for evidence in Evidence],
        ),
        Section(
            "What became of them",
            [
                _counts("poor ratings retracted", policies, _changed(Kind.POOR_RATING, Status.RETRACTED)),
                _counts("trends resolved", policies, _changed(Kind.DECLINING_TREND, Status.RESOLVED)),
            ],
        ),
        *(_followed(figures, kind) for kind in KINDS),
        Section(
            "Customers that escalated",
            [
                _counts("customers", policies, lambda each: each.escalations.customers),
                _shares(
                    f"an alert in the {days} days before", policies, _escalations(lambda each: each.alerted_within)
                ),
                _shares("an alert only earlier", policies, _escalations(lambda each: each.alerted_earlier)),
                _shares("no alert before", policies, _escalations(lambda each: each.never_alerted)),
            ],
        ),
    ]
    if any(each.difference for each in policies):
        found += [_difference(figures, kind) for kind in KINDS]
    return found


def csms(figures: Figures) -> Section:
    """Alerts a week of each CSM, with those of the worst week; most alerts first."""
    names: dict[str | None, str] = {}
    for policy in figures.policies:
        for csm in policy.csms:
            names.setdefault(csm.email, csm.name or csm.email or UNOWNED)
    by_email = [{csm.email: csm for csm in policy.csms} for policy in figures.policies]
    total = {email: sum(each[email].alerts for each in by_email if email in each) for email in names}
    rows = []
    for email in sorted(names, key=lambda each: (-total[each], each or "")):
        found = [each.get(email) for each in by_email]
        means = [csm.a_week if csm else 0.0 for csm in found]
        rows.append(Row(names[email], [_busy(csm) for csm in found], _change(means, ".1f")))
    return Section("Alerts a week, by CSM", rows)


def customers(figures: Figures, most: int) -> Section:
    """The customers with most alerts."""
    names: dict[str, str] = {}
    for policy in figures.policies:
        for each in policy.customers:
            names.setdefault(each.customer_id, each.name or each.customer_id)
    counts = [{each.customer_id: each.alerts for each in policy.customers} for policy in figures.policies]
    total = {customer: sum(each.get(customer, 0) for each in counts) for customer in names}
    top = sorted(names, key=lambda each: (-total[each], each))[:most]
    # One that is not among a policy's top has fewer there, not none.
    rows = [Row(names[each], [f"{found[each]:,}" if each in found else "fewer" for found in counts]) for each in top]
    return Section("Customers with most alerts", rows)


def summary(figures: Figures) -> str:
    """What went through, in a sentence or two."""
    history = figures.history
    begin, end = history.begin, history.end
    span = f", {begin:%Y-%m-%d} to {end:%Y-%m-%d} ({history.weeks:.1f} weeks)" if begin and end else ""
    text = f"{_number(history.events - history.refused, 'event')} of {_number(history.customers, 'customer')}{span}."
    if history.refused:
        text += f" {_number(history.refused, 'line')} left out: no events."
    return text


def notes(figures: Figures) -> list[str]:
    """How to read it."""
    days = figures.within_days
    fall = (
        f"A further fall: the ratings of the {days} days after an alert, {FELL_MIN} at least, have a lower mean than "
        "the recent ratings that the alert reported. A customer that only returns to the old level does not count."
    )
    found = [
        "An alert counts once, as it was when it first fired, in the week of its rating (Monday to Sunday, UTC).",
        fall,
        f"Alerts of the history's last {days} days are too recent to tell, and in no share.",
    ]
    if len(figures.policies) > 1:
        found.append(
            f"Nearby: the other policy raises another of the kind on the customer within {days} days of this one."
        )
    return found


def _followed(figures: Figures, kind: Kind) -> Section:
    policies, history = figures.policies, figures.history

    def share(of: Callable[[Followed], int]) -> Callable[[PolicyFigures], tuple[int, int]]:
        return lambda each: (of(each.followed[kind]), each.followed[kind].judged)

    return Section(
        f"{_KINDS_NAMED[kind]}, followed within {figures.within_days} days by",
        [
            _shares("an escalation", policies, share(lambda each: each.escalated)),
            _shares("  the same after any rating", policies, lambda _: (history.rated_escalated, history.rated)),
            _shares("a further fall", policies, share(lambda each: each.fell_further)),
            _shares("either", policies, share(lambda each: each.either)),
            _counts("too recent to tell", policies, lambda each: each.followed[kind].too_recent),
        ],
    )


def _difference(figures: Figures, kind: Kind) -> Section:
    def row(label: str, of: Callable[[PolicyFigures], int]) -> Row:
        return Row(label, [f"{of(each):,}" for each in figures.policies])

    return Section(
        f"{_KINDS_NAMED[kind]} raised",
        [
            row("by both", lambda each: each.difference.both.get(kind, 0) if each.difference else 0),
            row("nearby by the other", lambda each: each.difference.near.get(kind, 0) if each.difference else 0),
            row("by this one only", lambda each: each.difference.alone.get(kind, 0) if each.difference else 0),
        ],
    )


def _of_kind(kind: Kind) -> Callable[[PolicyFigures], int]:
    return lambda each: each.kinds.get(kind, 0)


def _severe(severity: Severity) -> Callable[[PolicyFigures], int]:
    return lambda each: each.severities.get(severity, 0)


def _evident(evidence: Evidence) -> Callable[[PolicyFigures], int]:
    return lambda each: each.evidence.get(Kind.DECLINING_TREND, {}).get(evidence, 0)


def _changed(kind: Kind, status: Status) -> Callable[[PolicyFigures], int]:
    return lambda each: each.changes.get(kind, {}).get(status, 0)


def _escalations(of: Callable[..., int]) -> Callable[[PolicyFigures], tuple[int, int]]:
    return lambda each: (of(each.escalations), each.escalations.customers)


def _counts(label: str, policies: Iterable[PolicyFigures], of: Callable[[PolicyFigures], int]) -> Row:
    values = [of(each) for each in policies]
    return Row(label, [f"{value:,}" for value in values], _change(values, ",d"))


def _means(label: str, policies: Iterable[PolicyFigures], of: Callable[[PolicyFigures], float | None]) -> Row:
    values = [of(each) for each in policies]
    return Row(label, ["-" if value is None else f"{value:,.1f}" for value in values], _change(values, ",.1f"))


def _shares(label: str, policies: Iterable[PolicyFigures], of: Callable[[PolicyFigures], tuple[int, int]]) -> Row:
    found = [of(each) for each in policies]
    shares = [100 * part / whole if whole else None for part, whole in found]
    cells = [
        "-" if share is None else f"{part:,} of {whole:,} ({share:.0f}%)"
        for share, (part, whole) in zip(shares, found, strict=True)
    ]
    change = _change(shares, ".0f")
    return Row(label, cells, f"{change} points" if change not in {"", "="} else change)


def _change(values: Sequence[float | None], form: str) -> str:
    before, *others = values
    after = others[0] if others else None
    if before is None or after is None:
        return ""
    shown = format(after - before, "+" + form)
    return shown if float(shown.replace(",", "")) else "="


def _busy(csm: Csm | None) -> str:
    return "0.0" if csm is None else f"{csm.a_week:,.1f} (at most {csm.most_in_a_week:,})"


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
