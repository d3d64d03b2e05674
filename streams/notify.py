"""When and where does a message go out, and who hears of the alert next? Pure: the time is part of the case."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.alert import Alert, Kind, Severity
from schemas.digest import Digest
from schemas.life import HANDLED, Life
from schemas.notice import Hold, Later, Neighbour, Note, Notice, Thread, Way, notice_of, notice_step, which
from schemas.policy import Policy
from streams import hours
from streams.reader import backup, lane, reader, zone
from streams.severity import band

_LOUD = frozenset({Severity.CRITICAL, Severity.HIGH})
_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_LOOK_AGAIN = timedelta(seconds=1)
# Of a trend, for the message of the poor rating that it belongs below: mostly both come of one event.
_PATIENCE = timedelta(minutes=1)
_LITTLE_PATIENCE = timedelta(seconds=10)


class Channels(NamedTuple):
    """Channels by what they are for, each by its id; None: there is none."""

    unowned: str | None = None
    manager: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a message that is due.

    Attributes:
        step: see `schemas.notice`.
        at: now, aware UTC.
        created_at: when the ledger got the step.
        neighbours: the customer's other open alerts, for a message that was not posted yet.
    """

    alert: Alert | Digest
    step: str
    at: datetime
    created_at: datetime
    life: Life = field(default_factory=Life)
    neighbours: Sequence[Neighbour] = ()

    @property
    def notice(self) -> Notice | None:
        """What kind of notice it is; None: the alert's own message."""
        return notice_of(self.step)


def way(case: Case, policy: Policy, channels: Channels) -> Way | None:
    """How the message goes out; None: nobody is there to tell."""
    match case.notice:
        case Notice.OPERATOR:
            return _to(channels.operator, None)
        case Notice.MANAGER:
            return _to(channels.manager, _unanswered(case.alert, "for_manager"))
        case Notice.BACKUP:
            person = backup(case.alert, policy, case.at)
            return Way(person, note=_unanswered(case.alert, "for_backup")) if person else None
    found = reader(case.alert, policy, case.at)
    if found.person is None and found.channel is None:
        return Way(channel=channels.unowned)
    root = _root(case, policy)
    if root is None or root.channel is None or root.ts is None:
        return found
    broadcast = case.alert.severity in _LOUD or _RANKS[case.alert.severity] < _RANKS[root.severity]
    return replace(found, thread=Thread(root.channel, root.ts, broadcast))


def hold(case: Case, policy: Policy) -> Hold | None:
    """Until when a message that was not posted yet has to wait; None: it goes out now."""
    if case.notice is Notice.OPERATOR:
        return None
    if case.alert.severity is Severity.CRITICAL:
        return _behind(case, policy, _LITTLE_PATIENCE)
    quiet, where = policy.notify.quiet_hours, zone(case.alert, policy)
    if quiet and (end := hours.ends(quiet, where, case.at)):
        return Hold(end, f"quiet hours until {_words(end, where)}")
    root = _root(case, policy)
    snoozes = (case.life.snoozed_until, root.snoozed_until if root else None)
    until = max((each for each in snoozes if each), default=case.at)
    if until > case.at:
        return Hold(until, f"snoozed until {_words(until, where)}")
    return _gathering(case, policy) or _behind(case, policy, _PATIENCE)


def following(case: Case, policy: Policy, channels: Channels) -> Iterator[Later]:
    """What becomes due after the message is shown at `case.at`, unless somebody takes the alert in hand."""
    if not isinstance(case.alert, Alert) or not case.alert.status.open or case.life.handled:
        return
    match case.notice:
        case None:
            yield from _escalations(case, case.alert, policy, channels)
            yield from _repeat(case, policy, 1)
            if (until := case.life.snoozed_until) and until > case.at:
                yield Later(notice_step(case.step, Notice.SNOOZE, f"{until.timestamp():.0f}"), until, unless=HANDLED)
        case Notice.REPEAT:
            yield from _repeat(case, policy, int(which(case.step)) + 1)


def _escalations(case: Case, alert: Alert, policy: Policy, channels: Channels) -> Iterator[Later]:
    escalation = policy.notify.escalation
    if alert.severity not in escalation.severities:
        return
    timers = escalation.after.get(band(alert.customer, policy.severity)[0], escalation.otherwise)
    person = backup(alert, policy, case.at)
    told = (
        (Notice.BACKUP, lane(person) if person else None, timers.backup),
        (Notice.MANAGER, channels.manager, timers.manager),
    )
    for notice, to, timer in told:
        if to is not None and timer is not None:
            where = zone(alert, policy)
            due = hours.after(policy.notify.business_hours, where, case.at, timedelta(hours=timer))
            yield Later(notice_step(case.step, notice), due, to, HANDLED)


def _repeat(case: Case, policy: Policy, number: int) -> Iterator[Later]:
    interval = policy.notify.repeat_interval
    if interval is not None and number <= policy.notify.repeat_at_most:
        yield Later(notice_step(case.step, Notice.REPEAT, str(number)), case.at + interval, unless=HANDLED)


def _gathering(case: Case, policy: Policy) -> Hold | None:
    """Whether a customer's first message waits for others."""
    if case.notice is not None or not isinstance(case.alert, Alert) or _root(case, policy):
        return None
    ready = case.created_at + policy.notify.group_wait
    return Hold(ready, "waits for other alerts of the customer") if ready > case.at else None


def _behind(case: Case, policy: Policy, patience: timedelta) -> Hold | None:
    """Whether a trend waits for the message that it belongs below."""
    if case.notice is not None or case.alert.kind is not Kind.DECLINING_TREND or _root(case, policy):
        return None
    coming = any(each.ts is None and each.kind is Kind.POOR_RATING for each in case.neighbours)
    if not coming or case.at >= case.created_at + patience:
        return None
    return Hold(case.at + _LOOK_AGAIN, "waits for the message of the poor rating")


def _root(case: Case, policy: Policy) -> Neighbour | None:
    """The message below which the alert goes: that of its own ticket first, then the newest."""
    alert = case.alert
    if case.notice is not None or not isinstance(alert, Alert):
        return None
    fitting = [each for each in case.neighbours if _fits(alert, each, policy, case.at)]
    return max(fitting, key=lambda each: (_same_ticket(alert, each), each.shown_at or case.at), default=None)


def _fits(alert: Alert, root: Neighbour, policy: Policy, at: datetime) -> bool:
    if root.ts is None or root.shown_at is None:
        return False
    notify, age = policy.notify, at - root.shown_at
    if _same_ticket(alert, root):
        return age <= timedelta(minutes=notify.same_ticket_minutes)
    below = alert.kind is Kind.DECLINING_TREND and root.kind is Kind.POOR_RATING
    return not root.handled and age <= (timedelta(minutes=notify.trend_minutes) if below else notify.group_interval)


def _same_ticket(alert: Alert, root: Neighbour) -> bool:
    return alert.kind is root.kind is Kind.POOR_RATING and root.ticket_id == alert.ticket.ticket_id


def _to(channel: str | None, note: Note | None) -> Way | None:
    return Way(channel=channel, note=note) if channel else None


def _unanswered(alert: Alert | Digest, key: str) -> Note:
    return Note(key, {"csm": alert.csm.name}) if alert.csm else Note(f"{key}_unowned")


def _words(at: datetime, where: ZoneInfo) -> str:
    return f"{at.astimezone(where):%Y-%m-%d %H:%M %Z}"
