"""The one function that a batch goes through: from records to what is to be sent and which states changed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol, cast

from schemas.alert import Kind, Status
from schemas.customer import Customer
from schemas.policy import Policy
from schemas.wire import (
    Alert,
    Contact,
    CsatReceived,
    CustomerErased,
    Event,
    Ticket,
    TicketClosed,
    TicketEscalated,
    Trend,
    encode,
)
from streams import alert as alerts
from streams import detect
from streams.answers import Answer, Mark
from streams.detect import Rules
from streams.fold import APPLIED, Fold
from streams.partition import partition_of
from streams.tickets import Closing, Said
from streams.topology import HEADER_BACKFILL, HEADER_REROUTED
from streams.track import Track, TrendAlert
from streams.validate import FUTURE_TOLERANCE, InvalidEvent, decode, in_future
from streams.words import count, day

_LOG_APPEND_TIME = 1
_TYPES: Mapping[type[Event], str] = {
    CsatReceived: "support_csat_received",
    TicketClosed: "support_ticket_closed",
    TicketEscalated: "support_ticket_escalated",
    CustomerErased: "support_customer_erased",
}
_FUTURE = FUTURE_TOLERANCE // timedelta(microseconds=1)


class Record(Protocol):
    """A record of the event topic, as the consumer hands it over. `timestamp` is in milliseconds since 1970."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class States(Protocol):
    """The states of one partition's customers.

    Attributes:
        customers_waiting: those with alerts that were published before their account was known.
    """

    customers_waiting: set[str]

    def take(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer. It is kept with the next checkpoint."""
        ...

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`, and drop what was waiting."""
        ...

    def set_waits(self, customer_id: str, *, waits: bool) -> None:
        """Note whether alerts of the customer wait for the account; kept with the next checkpoint."""
        ...


_MOST_HOMES = 1_000_000
_ACCOUNT_KNOWN = "the account became known"
MOST_WAITING = 20
"""Alerts of one customer that are brought up to date when the account becomes known, the newest of them."""
_MOST_REMEMBERED = 50_000  # bytes of an event; a larger one is kept without what csatwatch does not know


class Raised(NamedTuple):
    """An alert to publish, and the time of the record behind it in milliseconds since 1970."""

    alert: Alert
    value: bytes
    timestamp: int


class Judge(NamedTuple):
    """A policy, and its thresholds as they are compared."""

    policy: Policy
    rules: Rules


class Step(NamedTuple):
    """A new revision in the life of an alert; `survey` fired it, and its id is made of that."""

    kind: Kind
    status: Status
    revision: int
    survey: str


class Refused(NamedTuple):
    """A record for the dead letters."""

    record: Record
    error: InvalidEvent


class Stray(NamedTuple):
    """A record that belongs on another partition."""

    record: Record
    partition: int


@dataclass(slots=True)
class Outcome:
    """What follows from a batch. Everything in it must be acknowledged by the broker before the states are kept."""

    raised: list[Raised] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by (event type, result); their sum is the batch's length."""


class Pipeline:
    """Detection under one policy, on a topic of `partitions` partitions."""

    def __init__(self, policy: Policy, partitions: int) -> None:
        self.policy = policy
        self.partitions = partitions
        self._judges = {selected: Judge(each, Rules.of(each)) for selected, each in policy.all_for.items()}
        self.judge = self._judges[None, None]
        self.overridden = len(self._judges) > 1
        self._homes: dict[str, int] = {}

    def process(
        self,
        records: Iterable[Record],
        partition: int,
        states: States,
        accounts: Mapping[str, Customer],
        now: datetime | None,
    ) -> Outcome:
        """Fold a batch of one partition's records into `states`.

        `now` is the worker's clock; None in a backtest, where each record arrives at its event's own time.
        A record that the customer's track has already seen changes nothing, so that a batch may be processed again.
        """
        if len(self._homes) > _MOST_HOMES:
            self._homes.clear()
        batch = _Batch(self, self._homes, partition, states, accounts, now)
        batch.run(records)
        return batch.outcome

    def account_arrived(self, customer: Customer, states: States, now: datetime) -> list[tuple[Alert, bytes]]:
        """The open alerts of an account that was not known when they were raised, once more with it."""
        if customer.customer_id not in states.customers_waiting:
            return []
        customer_id = customer.customer_id
        track, accounts = states.take(customer_id), {customer_id: customer}
        judge = self.judge_for(track, customer_id, accounts)
        track.waits = False
        states.set_waits(customer_id, waits=False)
        remembered, standing = track.remembered, track.answers.open_before(len(track.answers))
        events = [(Kind.POOR_RATING, remembered.event(track.answers.surveys[place])) for place in standing]
        if track.trend is not None and track.trend.open:
            events.append((Kind.DECLINING_TREND, remembered.trends()))
        found = []
        for kind, value in events[-MOST_WAITING:]:
            event = None if value is None else decode(value)
            if isinstance(event, CsatReceived):  # else it was silent
                said = track.said_of(event.ticket_id, judge.rules.spans)
                alert = _again(kind, event, track, judge, customer, said, why=_ACCOUNT_KNOWN, silent=False, now=now)
                found.append((alert, encode(alert)))
        return found

    def trend(self, track: Track, customer_id: str, accounts: Mapping[str, Customer]) -> Trend | None:
        """The customer's trend as of the newest rating; None without ratings."""
        return detect.measure(track, self.judge_for(track, customer_id, accounts).rules) if len(track.answers) else None

    def judge_for(self, track: Track, customer_id: str, accounts: Mapping[str, Customer]) -> Judge:
        """By what the customer is judged, the overrides of the policy in it."""
        if not self.overridden:
            return self.judge
        account = accounts.get(customer_id)
        judge = self._judges[self.policy.selected_by(customer_id, account.tier if account else None)]
        if track.sums is not None and track.sums.spans != judge.rules.spans:
            track.sums = None  # the account is of another tier now
        return judge


class _Batch:
    """One batch on its way. What runs for every event makes nothing that only an alert needs."""

    __slots__ = ("_accounts", "_clock", "_homes", "_judge", "_now", "_partition", "_pipeline", "_states", "outcome")

    def __init__(
        self,
        pipeline: Pipeline,
        homes: dict[str, int],
        partition: int,
        states: States,
        accounts: Mapping[str, Customer],
        now: datetime | None,
    ) -> None:
        self.outcome = Outcome()
        self._pipeline = pipeline
        self._judge = pipeline.judge  # of the customer at hand
        self._homes = homes  # customer → partition, of those that were seen
        self._partition = partition
        self._states = states
        self._accounts = accounts
        self._now = now
        self._clock = None if now is None else detect.microseconds(now)

    def run(self, records: Iterable[Record]) -> None:
        """Fold all of them."""
        homes, here, take, rules = self._homes, self._partition, self._states.take, self._judge.rules
        spans, poor, applied, overridden = rules.spans, rules.poor, 0, self._pipeline.overridden
        for record in records:
            arrived = record.timestamp * 1000 if record.timestamp_type == _LOG_APPEND_TIME else self._clock
            try:
                event = decode(record.value, homes)
                at = _time_of(event, arrived)
            except InvalidEvent as error:
                self.outcome.refused.append(Refused(record, error))
                self._count("unknown", "dead_letter")
                continue
            customer_id = event.customer_id
            if homes.get(customer_id) != here and not self._belongs_here(record, event):
                continue
            track = take(customer_id)
            offset = record.offset
            if offset <= track.applied:
                self._count(_TYPES[event.__class__], "replayed")
                continue
            track.applied = offset
            if overridden:
                self._judge = self._pipeline.judge_for(track, customer_id, self._accounts)
                rules = self._judge.rules
                spans, poor = rules.spans, rules.poor
            if event.__class__ is not CsatReceived:
                self._take_other(event, at, record, arrived, track)
                continue
            ticket, rating = event.ticket_id, event.rating
            if not track.append(at, rating, event.response_id or ticket, event.event_id, ticket, spans):
                self._take_again(event, at, record, arrived, track)
                continue
            applied += 1
            turn = detect.turn(track, rating, rules)
            if rating <= poor or turn is not None:
                self._raise(event, at, None, turn, track, record, arrived)
        if applied:
            self.outcome.counts[_TYPES[CsatReceived], APPLIED] += applied

    def _count(self, kind: str, result: str) -> None:
        self.outcome.counts[kind, result] += 1

    def _belongs_here(self, record: Record, event: Event) -> bool:
        customer_id = event.customer_id
        home = self._homes.get(customer_id)
        if home is None:
            home = self._homes[customer_id] = partition_of(customer_id, self._pipeline.partitions)
        if home == self._partition or _has(record, HEADER_REROUTED):
            return True
        self.outcome.strays.append(Stray(record, home))
        self._count(_TYPES[type(event)], "rerouted")
        return False

    def _take_other(self, event: Event, at: int, record: Record, arrived: int | None, track: Track) -> None:
        result: str = APPLIED
        spans = self._judge.rules.spans
        if isinstance(event, TicketClosed):
            facts = event.resolution_time_hours, event.sla_hours, event.first_contact_resolution
            fold = partial(track.close_ticket, Closing(at, event.ticket_id, *facts), spans)
            result = self._learn(event.ticket_id, fold, at, record, arrived, track)
        elif isinstance(event, TicketEscalated):
            fold = partial(track.escalate_ticket, event.ticket_id, at, spans)
            result = self._learn(event.ticket_id, fold, at, record, arrived, track)
        elif isinstance(event, CustomerErased) and event.contact is not None:
            _forget_said(track, event.contact)
        elif isinstance(event, CustomerErased):
            self._states.forget(event.customer_id, record.offset)
        self._count(_TYPES[type(event)], result)

    def _learn(
        self, ticket: str, fold: Callable[[], Fold], at: int, record: Record, arrived: int | None, track: Track
    ) -> Fold:
        """Take in what is said of a ticket, and bring the alerts that stand on it up to date."""
        standing = track.answers.standing(ticket)
        if not standing:
            return fold()
        spans = self._judge.rules.spans
        before = track.said_of(ticket, spans)
        result = fold()
        after = track.said_of(ticket, spans)
        if after != before:
            silent = self._is_silent(at, record, arrived)
            for survey in standing:
                self._raise_again(survey, before, after, track, record, silent=silent)
        return result

    def _raise_again(
        self, survey: str, before: Said, after: Said, track: Track, record: Record, *, silent: bool
    ) -> None:
        """The alert on the answer to `survey` once more, where what became known of its ticket makes it another one."""
        value, mark, place = track.remembered.event(survey), track.answers.mark(survey), track.answers.place(survey)
        if value is None or mark is None or place is None:
            return  # it was silent
        event = decode(value, self._homes)
        if not isinstance(event, CsatReceived):
            return
        why = _news(alerts.ticket_of(event, before), alerts.ticket_of(event, after), after)
        if why is None:
            return
        now, account = self._now or detect.instant(track.answers.at[place]), self._accounts.get(event.customer_id)
        alert = _again(Kind.POOR_RATING, event, track, self._judge, account, after, why=why, silent=silent, now=now)
        self._publish(alert, track, record)

    def _publish(self, alert: Alert, track: Track, record: Record) -> None:
        value = encode(alert)
        self.outcome.raised.append(Raised(alert, value, record.timestamp))
        if alert.customer is None and not alert.silent and not track.waits:
            track.waits = True
            self._states.set_waits(alert.customer_id, waits=True)

    def _is_silent(self, at: int, record: Record, arrived: int | None) -> bool:
        old = arrived is not None and arrived - at > self._judge.rules.silent_after
        return old or _has(record, HEADER_BACKFILL)

    def _take_again(self, event: CsatReceived, at: int, record: Record, arrived: int | None, track: Track) -> None:
        """An answer that is not simply the newest: late, or another one to the same survey, or a repeat."""
        rules, survey, ticket = self._judge.rules, event.survey, event.ticket_id
        result = track.fold(Answer(at, event.rating, survey, event.event_id, ticket), rules.spans)
        self._count(_TYPES[CsatReceived], result)
        if result is APPLIED:
            turn, mark = detect.turn(track, event.rating, rules), track.answers.mark(survey)
            if turn is not None or (mark is not None and mark.open) or event.rating <= rules.poor:
                self._raise(event, at, mark, turn, track, record, arrived)

    def _raise(
        self,
        event: CsatReceived,
        at: int,
        mark: Mark | None,
        turn: Status | None,
        track: Track,
        record: Record,
        arrived: int | None,
    ) -> None:
        """Alert on an answer that was just folded. `mark`: of the alert on its survey so far."""
        rules, account = self._judge.rules, self._accounts.get(event.customer_id)
        silent = self._is_silent(at, record, arrived)
        context = alerts.context_of(track, at, event.rating, rules)
        trend = detect.measure(track, rules)
        said = track.said_of(event.ticket_id, rules.spans)
        for step in _steps(event, mark, track, turn, rules):
            alert = alerts.build(
                step.kind,
                event,
                status=step.status,
                revision=step.revision,
                context=context,
                trend=trend,
                customer=account,
                policy=self._judge.policy,
                silent=silent,
                now=self._now or detect.instant(at),
                first=step.survey,
                said=said,
            )
            self._publish(alert, track, record)
            if step.kind is Kind.POOR_RATING:
                # More may become known of the ticket while the alert stands.
                if step.status is not Status.RETRACTED and not silent:
                    track.remembered.keep(step.survey, _remembered(event, record.value or b""))
                elif mark is not None and mark.open:
                    track.remembered.drop(step.survey)
            elif step.status is Status.FIRING and account is None and not silent:
                track.remembered.keep_trends(_remembered(event, record.value or b""))
            else:
                track.remembered.keep_trends(None)


def _again(
    kind: Kind,
    event: CsatReceived,
    track: Track,
    judge: Judge,
    account: Customer | None,
    said: Said,
    *,
    why: str,
    silent: bool,
    now: datetime,
) -> Alert:
    """The next revision of the alert that `event` fired and that stands, since more is known: `why` says what."""
    survey = event.survey
    if kind is Kind.POOR_RATING:
        mark = track.answers.mark(survey) or Mark(0, open=True)
        revision = mark.revision + 1
        track.mark(survey, Mark(revision, open=True))
    else:
        last = cast("TrendAlert", track.trend)
        revision, survey = last.revision + 1, last.survey
        last.revision = revision
    at = detect.microseconds(event.responded_at)
    return alerts.build(
        kind,
        event,
        status=Status.UPDATED,
        revision=revision,
        context=alerts.context_of(track, at, event.rating, judge.rules),
        trend=detect.measure(track, judge.rules),
        customer=account,
        policy=judge.policy,
        silent=silent,
        now=now,
        first=survey,
        said=said,
        why=why,
    )


def _steps(event: CsatReceived, mark: Mark | None, track: Track, turn: Status | None, rules: Rules) -> list[Step]:
    """What an answer does to the customer's alerts."""
    steps, survey = [], event.survey
    poor = event.rating <= rules.poor
    stood = mark is not None and mark.open
    if poor or stood:
        status = Status.RETRACTED if not poor else Status.UPDATED if stood else Status.FIRING
        revision = 1 if mark is None else mark.revision + 1
        track.mark(survey, Mark(revision, poor))
        steps.append(Step(Kind.POOR_RATING, status, revision, survey))
    last = track.trend
    if turn is Status.RESOLVED and last is not None:
        last.revision += 1
        last.open = False
        steps.append(Step(Kind.DECLINING_TREND, turn, last.revision, last.survey))
    elif turn is Status.FIRING:
        revision = last.revision + 1 if last is not None and last.survey == survey else 1
        track.trend = TrendAlert(survey, event.event_id, track.newest, revision, open=True)
        steps.append(Step(Kind.DECLINING_TREND, turn, revision, survey))
    return steps


def _remembered(event: CsatReceived, value: bytes) -> bytes:
    return value if len(value) <= _MOST_REMEMBERED else encode(event)


def _forget_said(track: Track, person: Contact) -> None:
    """Keep no event in which this person spoke: the alerts on them stand, and are not made again."""
    answers = track.answers
    for place in answers.open_before(len(answers)):
        if _spoke(track.remembered.event(answers.surveys[place]), person):
            track.remembered.drop(answers.surveys[place])
    if _spoke(track.remembered.trends(), person):
        track.remembered.keep_trends(None)


def _spoke(value: bytes | None, person: Contact) -> bool:
    event = None if value is None else decode(value)
    if not isinstance(event, CsatReceived) or event.contact is None:
        return False
    pairs = (person.id, event.contact.id), (person.email, event.contact.email)
    return any(asked is not None and said is not None and asked.lower() == said.lower() for asked, said in pairs)


def _news(before: Ticket, after: Ticket, said: Said) -> str | None:
    """What became known of a ticket that changes how severe an alert on it is; None: nothing."""
    if after.was_escalated and not before.was_escalated and said.escalated_at is not None:
        return f"the ticket was escalated on {day(detect.instant(said.escalated_at))}"
    if after.sla_broken != before.sla_broken:
        took, promised = count(after.resolution_time_hours or 0, "hour"), count(after.sla_hours or 0, "hour")
        return f"the ticket took {took}, {promised} promised"
    return None


def _time_of(event: Event, arrived: int | None) -> int:
    """The event's own time in microseconds; where it has none that of its arrival, 0 in a backtest.

    Raises `InvalidEvent`.
    """
    if isinstance(event, CsatReceived):
        field, time = "responded_at", event.responded_at
    elif isinstance(event, TicketClosed):
        field, time = "closed_at", event.closed_at
    elif isinstance(event, TicketEscalated):
        field, time = "escalated_at", event.escalated_at
    else:
        return arrived or 0
    at = round(time.timestamp() * 1e6)  # `detect.microseconds`, in place: this is for every event
    if arrived is not None and at - arrived > _FUTURE:
        raise in_future(field, time)
    return at


def _has(record: Record, name: str) -> bool:
    return bool(record.headers) and any(header == name for header, _ in record.headers)
