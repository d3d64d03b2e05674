"""What a backtest found, for people's tables and pictures and, as JSON, for programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from schemas.alert import Kind
from schemas.customer import Customer
from schemas.policy import Policy
from streams.backtest.aftermath import Whole
from streams.backtest.tally import UNOWNED, After, Tally, Warned, monday_of, week_of
from streams.detect import instant

_TOP = 20  # customers
_WEEK = timedelta(weeks=1)
KINDS = (Kind.POOR_RATING, Kind.DECLINING_TREND)


class History(Struct, frozen=True):
    """What went through: `refused` of the `events` lines are no events.

    Attributes:
        begin, end: times of the first and the last event; `weeks` lie between them, at least one.
        rated, rated_escalated: ratings whose days have passed when the history ends, and those of them that were
            followed by an escalation, alert or not.
    """

    events: int
    refused: int
    customers: int
    begin: datetime | None
    end: datetime | None
    weeks: float
    rated: int
    rated_escalated: int


class Csm(Struct, frozen=True):
    """One CSM's alerts; without name and e-mail: those of accounts that nobody owns, or that are not known."""

    name: str | None
    email: str | None
    alerts: int
    a_week: float
    most_in_a_week: int


class Week(Struct, frozen=True):
    """The alerts of a week by kind, then severity; `monday` is its first day, in UTC."""

    monday: date
    alerts: Mapping[str, Mapping[str, int]]


class Followed(Struct, frozen=True):
    """What came after alerts: of `judged` ones, those whose days have passed when the history ends.

    Attributes:
        escalated, fell_further: an alert may be among both; `either` counts it once.
        too_recent: not among those judged.
    """

    judged: int
    escalated: int
    fell_further: int
    either: int
    too_recent: int


class Escalations(Struct, frozen=True):
    """Customers that escalated, by whether they had an alert before their first escalation."""

    customers: int
    alerted_within: int
    alerted_earlier: int
    never_alerted: int


class TopCustomer(Struct, frozen=True):
    """A customer with many alerts."""

    customer_id: str
    name: str | None
    csm: str | None
    alerts: int


class Difference(Struct, frozen=True):
    """A policy's alerts beside the other policy's, by kind.

    Attributes:
        both: the other policy raises them as well.
        near: it raises another alert of the kind on this customer, within the days that are looked at.
        alone: it raises none.
    """

    both: Mapping[str, int]
    near: Mapping[str, int]
    alone: Mapping[str, int]


class PolicyFigures(Struct, frozen=True):
    """One policy's alerts, each counted once, as it was when it first fired.

    Attributes:
        a_week_a_csm: of the accounts that are owned; None where no account names a CSM.
        kinds, severities: how many there are of each.
        evidence: by kind.
        changes: further revisions, by kind and status.
        csms: most alerts first.
        weeks: every week of the history.
        followed: by kind.
        customers: those with most alerts.
        difference: None where there is one policy.
    """

    policy: str
    version: str
    alerts: int
    a_week: float
    a_week_a_csm: float | None
    kinds: Mapping[str, int]
    severities: Mapping[str, int]
    evidence: Mapping[str, Mapping[str, int]]
    changes: Mapping[str, Mapping[str, int]]
    csms: Sequence[Csm]
    weeks: Sequence[Week]
    followed: Mapping[str, Followed]
    escalations: Escalations
    customers: Sequence[TopCustomer]
    difference: Difference | None

    @property
    def name(self) -> str:
        """As people tell it from another."""
        return f"{self.policy} {self.version}"


class Figures(Struct, frozen=True):
    """A backtest. What comes within `within_days` after an alert is held against it."""

    history: History
    within_days: int
    policies: Sequence[PolicyFigures]


class _Span(NamedTuple):
    weeks: Sequence[int]
    length: float


def figures(
    policies: Sequence[Policy],
    tallies: Sequence[Tally],
    accounts: Mapping[str, Customer],
    *,
    events: int,
    refused: int,
    whole: Whole | None,
    within: timedelta,
) -> Figures:
    """The figures of a history."""
    begin, end = (None, None) if whole is None else (instant(whole.begin), instant(whole.end))
    weeks = 1.0 if begin is None or end is None else max((end - begin) / _WEEK, 1.0)
    shown = _Span((), weeks) if whole is None else _Span(range(week_of(whole.begin), week_of(whole.end) + 1), weeks)
    return Figures(
        History(
            events,
            refused,
            whole.customers if whole else 0,
            begin,
            end,
            round(weeks, 1),
            whole.rated if whole else 0,
            whole.escalated if whole else 0,
        ),
        within.days,
        [
            _of_policy(policy, tally, accounts, shown, alone=len(policies) == 1)
            for policy, tally in zip(policies, tallies, strict=True)
        ],
    )


def _of_policy(
    policy: Policy, tally: Tally, accounts: Mapping[str, Customer], span: _Span, *, alone: bool
) -> PolicyFigures:
    alerts = tally.customers.total()
    csms = _csms(tally, accounts, span)
    owned = [each for each in csms if each.email is not None]
    kinds: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    severities: Counter[str] = Counter()
    for (_, kind, severity), n in sorted(tally.weeks.items()):
        kinds[kind] += n
        severities[severity] += n
    return PolicyFigures(
        policy=policy.policy,
        version=policy.version,
        alerts=alerts,
        a_week=round(alerts / span.length, 2),
        a_week_a_csm=round(sum(each.alerts for each in owned) / span.length / len(owned), 2) if owned else None,
        kinds=dict(kinds),
        severities=dict(severities),
        evidence=_nested(tally.evidence),
        changes=_nested(tally.changes),
        csms=csms,
        weeks=_weeks(tally, span),
        followed={kind: _followed(tally, kind) for kind in KINDS},
        escalations=Escalations(
            tally.warned.total(),
            tally.warned[Warned.WITHIN],
            tally.warned[Warned.EARLIER],
            tally.warned[Warned.NEVER],
        ),
        customers=_top(tally, accounts),
        difference=None if alone else Difference(dict(tally.both), dict(tally.near), dict(tally.alone)),
    )


def _csms(tally: Tally, accounts: Mapping[str, Customer], span: _Span) -> list[Csm]:
    names = {each.csm.email: each.csm.name for each in accounts.values() if each.csm is not None}
    total: Counter[str] = Counter(dict.fromkeys(names, 0))
    most: Counter[str] = Counter()
    for (email, _), n in tally.csms.items():
        total[email] += n
        most[email] = max(most[email], n)
    ordered = sorted(total.items(), key=lambda each: (-each[1], each[0]))
    return [
        Csm(names.get(email), None if email == UNOWNED else email, n, round(n / span.length, 2), most[email])
        for email, n in ordered
    ]


def _weeks(tally: Tally, span: _Span) -> list[Week]:
    found: dict[int, dict[str, dict[str, int]]] = {}
    for (week, kind, severity), n in sorted(tally.weeks.items()):
        found.setdefault(week, {}).setdefault(kind, {})[severity] = n
    return [Week(instant(monday_of(week)).date(), found.get(week, {})) for week in span.weeks]


def _followed(tally: Tally, kind: Kind) -> Followed:
    count = {after: tally.after[kind, after] for after in After}
    return Followed(
        judged=sum(count.values()) - count[After.TOO_RECENT],
        escalated=count[After.ESCALATED] + count[After.BOTH],
        fell_further=count[After.FELL] + count[After.BOTH],
        either=count[After.ESCALATED] + count[After.FELL] + count[After.BOTH],
        too_recent=count[After.TOO_RECENT],
    )


def _top(tally: Tally, accounts: Mapping[str, Customer]) -> list[TopCustomer]:
    top = sorted(tally.customers.items(), key=lambda each: (-each[1], each[0]))[:_TOP]
    found = []
    for customer_id, n in top:
        account = accounts.get(customer_id)
        csm = account.csm.name if account and account.csm else None
        found.append(TopCustomer(customer_id, account.name if account else None, csm, n))
    return found


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (kind, what), n in sorted(counts.items()):
        found.setdefault(kind, {})[what] = n
    return found
