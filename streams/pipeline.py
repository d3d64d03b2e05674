"""The one function that a batch goes through: from records to what is to be sent and which states changed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from schemas.alert import Kind, Status
from schemas.customer import Customer
from schemas.policy import Policy
from schemas.wire import (
    Alert,
    CsatReceived,
    CustomerErased,
    Event,
    TicketClosed,
    TicketEscalated,
    Trend,
    decode_alert,
    encode,
)
from streams import alert as alerts
from streams import detect
from streams.detect import Rules
from streams.partition import partition_of
from streams.topology import HEADER_BACKFILL, HEADER_REROUTED
from streams.track import APPLIED, Answer, Fold, Track, TrendAlert
from streams.validate import FUTURE_TOLERANCE, InvalidEvent, decode, in_future

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
    """The states of one partition's customers."""

    def track(self, customer_id: str) -> Track:
        """The customer's track, an empty one for a new customer. What is changed in it must be told to `changed`."""
        ...

    def changed(self, customer_id: str) -> None:
        """The customer's track is to be kept with the next checkpoint."""
        ...

    def forget(self, customer_id: str, applied: int) -> None:
        """Replace the customer's track by an empty one that has seen `applied`, and drop what was waiting."""
        ...

    def waiting(self, customer_id: str) -> Mapping[str, bytes]:
        """Open alerts that were published before the account was known: alert id → record."""
        ...

    def set_waiting(self, customer_id: str, waiting: Mapping[str, bytes]) -> None:
        """Keep `waiting` with the next checkpoint; an empty one is dropped."""
        ...


_MOST_HOMES = 1_000_000
MOST_WAITING = 20
"""Alerts of one customer that wait for the account; more than that are not updated when it arrives."""


class Raised(NamedTuple):
    """An alert to publish, and the time of the record behind it in milliseconds since 1970."""

    alert: Alert
    value: bytes
    timestamp: int


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
        self.rules = Rules.of(policy)
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
        batch.outcome.counts.update([batch.take(record) for record in records])
        return batch.outcome

    def account_arrived(self, customer: Customer, states: States, now: datetime) -> list[tuple[Alert, bytes]]:
        """The open alerts of an account that was not known when they were raised, once more with it."""
        waiting = states.waiting(customer.customer_id)
        if not waiting:
            return []
        track = states.track(customer.customer_id)
        found = []
        for value in waiting.values():
            alert = decode_alert(value)
            holder = track.answer_to(alert.response_id) if alert.kind == Kind.POOR_RATING else track.trend
            if holder is None or not holder.open or holder.revision != alert.revision:
                continue
            holder.revision += 1
            if isinstance(holder, Answer):
                track.touched(holder)
            updated = alerts.with_account(alert, customer, holder.revision, self.policy, now)
            found.append((updated, encode(updated)))
        states.changed(customer.customer_id)
        states.set_waiting(customer.customer_id, {})
        return found

    def trend(self, track: Track) -> Trend | None:
        """The customer's trend as of the newest rating; None without ratings."""
        return detect.measure(track, self.rules) if track.answers else None


class _Batch:
    """One batch on its way. Its methods run for every event: they make nothing that only an alert needs."""

    __slots__ = ("_accounts", "_clock", "_homes", "_now", "_partition", "_pipeline", "_rules", "_states", "outcome")

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
        self._rules = pipeline.rules
        self._homes = homes  # customer → partition, of those that were seen
        self._partition = partition
        self._states = states
        self._accounts = accounts
        self._now = now
        self._clock = None if now is None else detect.microseconds(now)

    def take(self, record: Record) -> tuple[str, str]:
        """Fold one record. Returns its event type and what became of it."""
        arrived = record.timestamp * 1000 if record.timestamp_type == _LOG_APPEND_TIME else self._clock
        try:
            event = decode(record.value, self._homes)
            at = _time_of(event, arrived)
        except InvalidEvent as error:
            self.outcome.refused.append(Refused(record, error))
            return "unknown", "dead_letter"
        kind = _TYPES[type(event)]
        customer_id = event.customer_id
        home = self._homes.get(customer_id)
        if home is None:
            home = self._homes[customer_id] = partition_of(customer_id, self._pipeline.partitions)
        if home != self._partition and not _has(record, HEADER_REROUTED):
            self.outcome.strays.append(Stray(record, home))
            return kind, "rerouted"
        track = self._states.track(customer_id)
        if record.offset <= track.applied:
            return kind, "replayed"
        track.applied = record.offset
        self._states.changed(customer_id)
        if isinstance(event, CsatReceived):
            return kind, self._answered(event, at, record, arrived, track)
        if isinstance(event, TicketClosed):
            return kind, track.close_ticket(event.ticket_id, at, self._rules.spans)
        if isinstance(event, CustomerErased):
            self._states.forget(customer_id, record.offset)
        return kind, APPLIED

    def _answered(self, event: CsatReceived, at: int, record: Record, arrived: int | None, track: Track) -> Fold:
        ticket, rules = event.ticket_id, self._rules
        survey = event.response_id or ticket
        answer = Answer(at, event.rating, survey, event.event_id, None if survey == ticket else ticket)
        result = track.fold(answer, rules.spans)
        if result is APPLIED:
            turn = detect.turn(track, rules)
            if turn is not None or answer.open or answer.rating <= rules.poor:
                silent = (arrived is not None and arrived - at > rules.silent_after) or _has(record, HEADER_BACKFILL)
                self._raise(_steps(answer, track, turn, rules), event, answer, track, record, silent=silent)
        return result

    def _raise(
        self,
        steps: Iterable[Step],
        event: CsatReceived,
        answer: Answer,
        track: Track,
        record: Record,
        *,
        silent: bool,
    ) -> None:
        context = alerts.context_of(track, answer, self._rules)
        trend = detect.measure(track, self._rules)
        raised = []
        for step in steps:
            alert = alerts.build(
                step.kind,
                event,
                status=step.status,
                revision=step.revision,
                context=context,
                trend=trend,
                customer=self._accounts.get(event.customer_id),
                policy=self._pipeline.policy,
                silent=silent,
                now=self._now or detect.instant(answer.at),
                first=step.survey,
            )
            raised.append(Raised(alert, encode(alert), record.timestamp))
        self.outcome.raised += raised
        _note_waiting(self._states, event.customer_id, raised)


def _steps(answer: Answer, track: Track, turn: Status | None, rules: Rules) -> list[Step]:
    """What an answer that was just folded does to the customer's alerts."""
    steps = []
    poor = answer.rating <= rules.poor
    if poor or answer.open:
        status = Status.RETRACTED if not poor else Status.UPDATED if answer.open else Status.FIRING
        answer.revision += 1
        answer.open = poor
        steps.append(Step(Kind.POOR_RATING, status, answer.revision, answer.survey))
    last = track.trend
    if turn is Status.RESOLVED and last is not None:
        last.revision += 1
        last.open = False
        steps.append(Step(Kind.DECLINING_TREND, turn, last.revision, last.survey))
    elif turn is Status.FIRING:
        revision = last.revision + 1 if last is not None and last.survey == answer.survey else 1
        track.trend = TrendAlert(answer.survey, answer.event, track.newest, revision, open=True)
        steps.append(Step(Kind.DECLINING_TREND, turn, revision, answer.survey))
    return steps


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


def _note_waiting(states: States, customer_id: str, raised: Sequence[Raised]) -> None:
    before = states.waiting(customer_id)
    if not before and all(r.alert.customer is not None or r.alert.silent for r in raised):
        return
    waiting = dict(before)
    for alert, value, _ in raised:
        waiting.pop(alert.alert_id, None)
        if alert.customer is None and not alert.silent and alert.status in (Status.FIRING, Status.UPDATED):
            waiting[alert.alert_id] = value
    if waiting != before:
        states.set_waiting(customer_id, dict(list(waiting.items())[-MOST_WAITING:]))
