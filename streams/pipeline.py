"""The one function that a batch goes through: from records to what is to be sent and which states changed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from schemas.alert import Kind, Status
from schemas.customer import Customer
from schemas.policy import Policy
from schemas.wire import (
    Alert,
    CsatReceived,
    CustomerErased,
    CustomerTrend,
    Event,
    TicketClosed,
    TicketEscalated,
    encode,
)
from streams import alert as alerts
from streams import detect
from streams.answers import Answer, Mark
from streams.detect import BEST
from streams.fold import APPLIED, Fold
from streams.judges import Judges
from streams.life import again, forget_said, news, remembered, steps_of
from streams.partition import partitions_of
from streams.records import Outcome, Raised, Record, Refused, States, Stray
from streams.tickets import Closing, Said
from streams.topology import HEADER_BACKFILL, HEADER_REROUTED
from streams.track import Track
from streams.validate import FUTURE_TOLERANCE, InvalidEvent, check_time, decode, decode_all

_LOG_APPEND_TIME = 1
_TYPES: Mapping[type[Event], str] = {
    CsatReceived: "support_csat_received",
    TicketClosed: "support_ticket_closed",
    TicketEscalated: "support_ticket_escalated",
    CustomerErased: "support_customer_erased",
}
_FUTURE = FUTURE_TOLERANCE // timedelta(microseconds=1)
_ACCOUNT_KNOWN = "the account became known"
MOST_WAITING = 20
"""Alerts of one customer that are brought up to date when the account becomes known, the newest of them."""


class Pipeline:
    """Detection under one policy, on a topic of `partitions` partitions."""

    def __init__(self, policy: Policy, partitions: int) -> None:
        self.policy = policy
        self.partitions = partitions
        self._judges = Judges(policy)

    def process(
        self,
        records: Collection[Record],
        partition: int,
        states: States,
        accounts: Mapping[str, Customer],
        now: datetime | None,
    ) -> Outcome:
        """Fold a batch of one partition's records into `states`.

        `now` is the worker's clock; None in a backtest, where each record arrives at its event's own time.
        A record that the customer's track has already seen changes nothing, so that a batch may be processed again.
        """
        batch = _Batch(self._judges, self.partitions, partition, states, accounts, now)
        batch.run(records)
        return batch.outcome

    def account_arrived(self, customer: Customer, states: States, now: datetime) -> list[tuple[Alert, bytes]]:
        """The open alerts of an account that was not known when they were raised, once more with it."""
        if customer.customer_id not in states.customers_waiting:
            return []
        customer_id = customer.customer_id
        track, accounts = states.take(customer_id), {customer_id: customer}
        judge = self._judges.of(track, customer_id, accounts)
        track.waits = False
        states.set_waits(customer_id, waits=False)
        kept, standing = track.remembered, track.answers.open_before(len(track.answers))
        events = [(Kind.POOR_RATING, kept.event(track.answers.surveys[place])) for place in standing]
        if track.trend is not None and track.trend.open:
            events.append((Kind.DECLINING_TREND, kept.trends()))
        found = []
        for kind, value in events[-MOST_WAITING:]:
            event = None if value is None else decode(value)
            if isinstance(event, CsatReceived):  # else it was silent
                said = track.said_of(event.ticket_id, judge.rules.spans)
                alert = again(kind, event, track, judge, customer, said, why=_ACCOUNT_KNOWN, silent=False, now=now)
                found.append((alert, encode(alert)))
        return found

    def trend(self, track: Track, customer_id: str, accounts: Mapping[str, Customer]) -> CustomerTrend | None:
        """The customer's trend as of the newest rating; None without ratings."""
        if not track.answers:
            return None
        return detect.measure_of(track, self._judges.of(track, customer_id, accounts).rules, customer_id)


class _Batch:
    """One batch on its way. What runs for every event makes nothing that only an alert needs."""

    __slots__ = (
        "_accounts",
        "_clock",
        "_drafts",
        "_judge",
        "_judges",
        "_now",
        "_partition",
        "_partitions",
        "_states",
        "outcome",
    )

    def __init__(
        self,
        judges: Judges,
        partitions: int,
        partition: int,
        states: States,
        accounts: Mapping[str, Customer],
        now: datetime | None,
    ) -> None:
        self.outcome = Outcome()
        self._judges = judges
        self._judge = judges.usual  # of the customer at hand
        self._partitions = partitions
        self._partition = partition
        self._states = states
        self._accounts = accounts
        self._now = now
        self._clock = None if now is None else detect.microseconds(now)
        self._drafts: list[tuple[Record, Callable[[], Alert]]] = []

    def run(self, records: Collection[Record]) -> None:
        """Fold all of them."""
        events = decode_all([record.value for record in records])  # a value is copied each time it is asked for
        astray = self._look_for_customers(events)
        at_hand, take, rules = self._states.at_hand, self._states.take, self._judge.rules
        spans, poor, applied, overridden = rules.spans, rules.poor, 0, self._judges.differ
        for record, event, at, arrived in self._at_home(records, events, astray):
            customer_id = event.customer_id
            track = at_hand.get(customer_id)
            if track is None or not track.changed:
                track = take(customer_id)
            offset = record.offset
            if offset <= track.applied:
                self._count(_TYPES[event.__class__], "replayed")
                continue
            track.applied = offset
            if overridden:
                self._judge = self._judges.of(track, customer_id, self._accounts)
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
            # The best rating turns nothing but an alert that stands.
            turn = detect.turn(track, rating, rules) if rating < BEST or track.trend is not None else None
            if rating <= poor or turn is not None:
                self._raise(event, at, None, turn, track, record, arrived)
        if applied:
            self.outcome.counts[_TYPES[CsatReceived], APPLIED] += applied
        self._raise_drafts()

    def _look_for_customers(self, events: Sequence[Event | InvalidEvent]) -> Mapping[str, int]:
        """Have the states of those who are not at hand looked for. Returns the partitions of those from elsewhere."""
        at_hand, here = self._states.at_hand, self._partition
        ids = {event.customer_id for event in events if not isinstance(event, InvalidEvent)}
        new = [customer_id for customer_id in ids if customer_id not in at_hand]
        homes = dict(zip(new, partitions_of(new, self._partitions), strict=True))
        self._states.expect([customer_id for customer_id, home in homes.items() if home == here])
        return {customer_id: home for customer_id, home in homes.items() if home != here}

    def _at_home(
        self, records: Iterable[Record], events: Iterable[Event | InvalidEvent], astray: Mapping[str, int]
    ) -> Iterator[tuple[Record, Event, int, int | None]]:
        """The events that are valid and at home, their times and those of their arrival in microseconds since 1970."""
        for record, event in zip(records, events, strict=True):
            if isinstance(event, InvalidEvent):
                self._refuse(record, event)
                continue
            arrived = record.timestamp * 1000 if record.timestamp_type == _LOG_APPEND_TIME else self._clock
            if event.__class__ is CsatReceived:  # as nearly all are
                at = detect.microseconds(event.responded_at)
            else:
                at = _time_of(event, arrived)
            if arrived is not None and at - arrived > _FUTURE:
                try:
                    check_time(event, detect.instant(arrived))
                except InvalidEvent as error:
                    self._refuse(record, error)
                    continue
            if astray and event.customer_id in astray and not self._was_sent_here(record):
                self.outcome.strays.append(Stray(record, astray[event.customer_id]))
                self._count(_TYPES[event.__class__], "rerouted")
                continue
            yield record, event, at, arrived

    def _was_sent_here(self, record: Record) -> bool:
        # One that was sent here while there were fewer partitions is not at home any more.
        return (HEADER_REROUTED, str(self._partitions).encode()) in record.headers

    def _refuse(self, record: Record, error: InvalidEvent) -> None:
        self.outcome.refused.append(Refused(record, error))
        self._count("unknown", "dead_letter")

    def _count(self, kind: str, result: str) -> None:
        self.outcome.counts[kind, result] += 1

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
            forget_said(track, event.contact)
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
        event = decode(value)
        if not isinstance(event, CsatReceived):
            return
        why = news(alerts.ticket_of(event, before), alerts.ticket_of(event, after), after)
        if why is None:
            return
        now, account = self._now or detect.instant(track.answers.at[place]), self._accounts.get(event.customer_id)
        alert = again(Kind.POOR_RATING, event, track, self._judge, account, after, why=why, silent=silent, now=now)
        self._draft(record, lambda: alert, event.customer_id, track, waits=account is None and not silent)

    def _draft(
        self, record: Record, draft: Callable[[], Alert], customer_id: str, track: Track, *, waits: bool
    ) -> None:
        """Have an alert raised; `waits`: until its account is known."""
        self._drafts.append((record, draft))
        if waits and not track.waits:
            track.waits = True
            self._states.set_waits(customer_id, waits=True)

    def _raise_drafts(self) -> None:
        """Make the alerts, all in a row: one among the events takes twice as long, its code being far away by then."""
        raised = self.outcome.raised
        for record, draft in self._drafts:
            alert = draft()
            raised.append(Raised(alert, encode(alert), record.timestamp, record.headers))

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
        said = track.said_of(event.ticket_id, rules.spans)
        context = alerts.context_of(track, at, event, said, account, self._judge)
        trend = detect.measure(track, rules)
        for step in steps_of(event, mark, track, turn, rules):
            draft = partial(
                alerts.build,
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
            self._draft(record, draft, event.customer_id, track, waits=account is None and not silent)
            if step.kind is Kind.POOR_RATING:
                # More may become known of the ticket while the alert stands.
                if step.status is not Status.RETRACTED and not silent:
                    track.remembered.keep(step.survey, remembered(event, record.value or b""))
                elif mark is not None and mark.open:
                    track.remembered.drop(step.survey)
            elif step.status is Status.FIRING and account is None and not silent:
                track.remembered.keep_trends(remembered(event, record.value or b""))
            else:
                track.remembered.keep_trends(None)


def _time_of(event: Event, arrived: int | None) -> int:
    """The event's own time in microseconds; where it has none that of its arrival, 0 in a backtest."""
    if isinstance(event, CsatReceived):
        return detect.microseconds(event.responded_at)
    if isinstance(event, TicketClosed):
        return detect.microseconds(event.closed_at)
    if isinstance(event, TicketEscalated):
        return detect.microseconds(event.escalated_at)
    return arrived or 0


def _has(record: Record, name: str) -> bool:
    return bool(record.headers) and any(header == name for header, _ in record.headers)
