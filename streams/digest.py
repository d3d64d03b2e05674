"""What does the week's digest tell a CSM, and in which order?"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.alert import Evidence, Kind, PolicyVersion, Severity, Trend
from schemas.customer import Person
from schemas.digest import Digest, Item, OpenAlert, Part, Standing, digest_id
from schemas.policy import Policy
from streams.week import Slot
from streams.words import count, money, number

_SEVERITIES = tuple(Severity)
_EVIDENCES = tuple(Evidence)  # the strongest first
_MOST = 1_000  # falling accounts: a record must fit into Kafka
_NAMED = 3  # open alerts of an account
_EVIDENCE = {
    Evidence.STRONG: "strong evidence",
    Evidence.WEAK: "weak evidence, it may be chance",
    Evidence.INSUFFICIENT: "too few ratings to tell",
}


def compose(csm: Person, slot: Slot, standings: Iterable[Standing], policy: Policy, now: datetime) -> Digest:
    """The digest of `csm` on these accounts, which are all of the CSM's; `now` is when it is made."""
    ranked: dict[Part, list[_Ranked]] = {part: [] for part in Part}
    for standing in standings:
        own = policy.for_customer(standing.customer_id, standing.tier)
        for found in _said(standing, own, slot.at, now):
            ranked[found.item.part].append(found)
    items: list[Item] = []
    more: dict[Part, int] = {}
    for part, all_of_it in ranked.items():
        ordered = [each.item for each in sorted(all_of_it, key=lambda each: (each.rank, each.item.customer_id))]
        # A fall is never left out: that is what the digest is for.
        shown = ordered[: _MOST if part is Part.FALLING else policy.digest.most]
        items += shown
        if len(ordered) > len(shown):
            more[part] = len(ordered) - len(shown)
    return Digest(
        alert_id=digest_id(csm.email, slot.week),
        occurred_at=slot.at,
        detected_at=now,
        csm=csm,
        week=slot.week,
        items=tuple(items),
        more=more,
        reasons=_reasons(csm, policy),
        policy=PolicyVersion(name=policy.policy, version=policy.version),
    )


class _Ranked(NamedTuple):
    item: Item
    rank: tuple[float, ...]  # smaller is first


def _said(standing: Standing, policy: Policy, due: datetime, now: datetime) -> Iterator[_Ranked]:
    fall = _fall(standing, policy, now)
    found = (
        fall or _quiet(standing, policy, now),
        _open(standing, policy, now),
        _unanswered(standing, policy, now),
        _recovered(standing, policy, due),
    )
    return (each for each in found if each is not None)


def _fall(standing: Standing, policy: Policy, now: datetime) -> _Ranked | None:
    trend = standing.trend
    # Means are quotients: a drop of exactly the policy's share is not more than it.
    if trend is None or trend.drop is None or round(trend.drop, 9) <= policy.declining_trend.drop:
        return None
    age = (now - trend.as_of).days
    is_old = age >= policy.digest.quiet_days
    if trend.evidence is Evidence.INSUFFICIENT:
        if is_old:
            return None
        words = f"Down {trend.drop:.0%} on {_counts(trend)}: {_EVIDENCE[trend.evidence]}."
        return _Ranked(_item(Part.TOO_FEW, standing, words, trend=trend), (-_worth(standing, policy) * trend.drop,))
    said = [f"Down {trend.drop:.0%}: {_measured(trend)}; {_evidence(trend)}."]
    at_stake = None if standing.arr is None else standing.arr * trend.drop
    if at_stake is None:
        said.append("Its ARR is not known.")
    else:
        said.append(f"{money(at_stake, standing.currency)} of ARR at stake{_no_rate(standing, policy)}.")
    weight = 1
    if (left := _days_to_renewal(standing, now)) is not None and left <= policy.digest.renewal_days:
        weight = 2
        said.append(f"Renews in {count(left, 'day')}.")
    if is_old:
        said.append(f"No rating for {count(age, 'day')}.")
    rank = (is_old, _EVIDENCES.index(trend.evidence), -_worth(standing, policy) * trend.drop * weight, -trend.drop)
    return _Ranked(_item(Part.FALLING, standing, " ".join(said), trend=trend, at_stake=at_stake), rank)


def _open(standing: Standing, policy: Policy, now: datetime) -> _Ranked | None:
    oldest = now - timedelta(days=policy.digest.open_days)
    waiting = [
        alert
        for alert in standing.open
        if alert.task_due_at is not None or (not alert.seen and alert.occurred_at >= oldest)
    ]
    if not waiting:
        return None
    waiting.sort(key=lambda alert: (_SEVERITIES.index(alert.severity), alert.occurred_at))
    words = "; ".join(_still_open(alert, now) for alert in waiting[:_NAMED])
    words = words[0].upper() + words[1:]
    left = len(waiting) - _NAMED
    rest = f"; and {count(left, 'more alert')}" if left > 0 else ""
    rank = (_SEVERITIES.index(waiting[0].severity), -_worth(standing, policy))
    return _Ranked(_item(Part.OPEN, standing, f"{words}{rest}."), rank)


def _unanswered(standing: Standing, policy: Policy, now: datetime) -> _Ranked | None:
    latest = now - timedelta(days=policy.digest.unanswered_days)
    waiting = [
        alert
        for alert in standing.open
        if alert.followed_up_at is not None
        and alert.followed_up_at <= latest
        and (standing.last_rating_at is None or standing.last_rating_at <= alert.followed_up_at)
    ]
    if not waiting:
        return None
    alert = min(waiting, key=lambda alert: alert.followed_up_at or now)
    at = alert.followed_up_at or now
    words = f"Followed up {count((now - at).days, 'day')} ago, on {at:%Y-%m-%d}, and no rating since ({_about(alert)})."
    return _Ranked(_item(Part.UNANSWERED, standing, words), (-_worth(standing, policy), at.timestamp()))


def _recovered(standing: Standing, policy: Policy, due: datetime) -> _Ranked | None:
    at = standing.recovered_at
    if at is None or at < due - timedelta(days=7):
        return None
    trend = standing.recovered
    words = f"Back up: {_measured(trend)}." if trend and trend.recent_avg is not None else "Back up."
    return _Ranked(_item(Part.RECOVERED, standing, words, trend=trend), (-_worth(standing, policy),))


def _quiet(standing: Standing, policy: Policy, now: datetime) -> _Ranked | None:
    long_ago = now - timedelta(days=policy.digest.quiet_days)
    last = standing.last_rating_at
    if (last or standing.known_since) > long_ago:
        return None
    words = [f"No rating for {count((now - last).days, 'day')}" if last else "No rating so far"]
    if standing.last_ticket_at is None:
        words.append("no ticket known")
    else:
        words.append(f"last ticket {count(max((now - standing.last_ticket_at).days, 0), 'day')} ago")
    rank = (-_worth(standing, policy), (last or standing.known_since).timestamp())
    return _Ranked(_item(Part.QUIET, standing, f"{'; '.join(words)}."), rank)


def _item(
    part: Part, standing: Standing, words: str, *, trend: Trend | None = None, at_stake: float | None = None
) -> Item:
    return Item(
        part=part,
        customer_id=standing.customer_id,
        name=standing.name,
        arr=standing.arr,
        currency=standing.currency,
        at_stake=at_stake,
        renewal_at=standing.renewal_at,
        words=words,
        trend=None if trend is None else Trend(**{name: getattr(trend, name) for name in Trend.model_fields}),
    )


def _measured(trend: Trend) -> str:
    recent = f"{number(trend.recent_avg or 0)} on average from {count(trend.recent_n, 'rating')}"
    since = f" since {trend.since:%Y-%m-%d}" if trend.since else ""
    if trend.baseline_avg is None:
        return f"{recent}{since}"
    return f"{recent}{since}, {number(trend.baseline_avg)} from {trend.baseline_n} before"


def _counts(trend: Trend) -> str:
    return f"{count(trend.recent_n, 'recent rating')} against {trend.baseline_n}"


def _evidence(trend: Trend) -> str:
    return _EVIDENCE[trend.evidence] + (f" (p = {trend.p:.2g})" if trend.p is not None else "")


def _still_open(alert: OpenAlert, now: datetime) -> str:
    words = [_about(alert)]
    if not alert.seen:
        words.append("not acknowledged")
    if alert.task_due_at is not None:
        late = (now - alert.task_due_at).days
        words.append(
            f"its task is {count(late, 'day')} overdue" if late > 0 else f"its task is due {alert.task_due_at:%Y-%m-%d}"
        )
    return ", ".join(words)


def _about(alert: OpenAlert) -> str:
    what = f"rated {alert.rating} of 5" if alert.kind is Kind.POOR_RATING else "falling trend"
    return f"{what} on {alert.occurred_at:%Y-%m-%d}"


def _worth(standing: Standing, policy: Policy) -> float:
    """ARR in the policy's currency; 0, and so behind all others, where that is not known."""
    if standing.arr is None or (rate := _rate(standing, policy)) is None:
        return 0.0
    return standing.arr * rate


def _rate(standing: Standing, policy: Policy) -> float | None:
    table = policy.severity
    return 1.0 if standing.currency in {None, table.currency} else table.rates.get(standing.currency or "")


def _no_rate(standing: Standing, policy: Policy) -> str:
    if _rate(standing, policy) is not None:
        return ""
    return f" (ranked as unknown: the policy has no rate for {standing.currency})"


def _days_to_renewal(standing: Standing, now: datetime) -> int | None:
    if standing.renewal_at is None or standing.renewal_at < now:
        return None
    return (standing.renewal_at - now).days


def _reasons(csm: Person, policy: Policy) -> tuple[str, ...]:
    rule, drop = policy.digest, policy.declining_trend.drop
    when = f"The digest of {csm.name}: one a week, on {rule.weekday.capitalize()} at {rule.hour}:00."
    what = f"Falling is an average more than {drop:.0%} below the customer's own baseline."
    return (when, what, "In order: strong evidence first, then ARR times the drop, twice that before a renewal.")
