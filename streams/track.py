"""What is remembered of a customer: the ratings of the window, in order, and what was alerted.

One value a customer, expiring by the customer's own event time: see docs/decisions/0002-one-value-a-customer.md.
Folding an answer that is newer than all others costs the same however long the history is; a late or a revised one
recounts from its place.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Sequence
from operator import attrgetter
from typing import Final, Literal

import msgspec

from schemas.policy import Policy
from streams.pieces import PIECE, Pieces

FORMAT = 1
"""Of the encoded state. A release reads its own and the one before."""

DAY = 86_400_000_000
"""Microseconds."""
HOUR = DAY // 24
MONTH = 30 * DAY
_MANY = 200  # answers in 30 days, from which on they are counted up and down
MOST_BYTES = 400_000
"""Of one value: well below Kafka's limit of 1 MiB for a record."""


class Answer(msgspec.Struct, array_like=True, gc=False):
    """One answer to one survey.

    Attributes:
        at: when it was given, in microseconds since 1970.
        rating: 1 to 5.
        survey: a later answer to the same survey takes this one's place.
        event: id of the event; of two answers given at the same time the one with the greater id counts.
        ticket: None where the survey goes by the ticket's id.
        revision: of the alert on this answer's rating; 0: there never was one.
        open: whether that alert still stands.
    """

    at: int
    rating: int
    survey: str
    event: str
    ticket: str | None = None
    revision: int = 0
    open: bool = False


class TrendAlert(msgspec.Struct, array_like=True, gc=False):
    """The customer's last alert on a falling trend.

    Attributes:
        survey: the answer that fired it, which its id is made of.
        event: that answer's event.
        at: that answer's time, in microseconds since 1970.
        revision: last published.
        open: not resolved yet.
    """

    survey: str
    event: str
    at: int
    revision: int
    open: bool


class _Head(msgspec.Struct, array_like=True, gc=False):
    format: int
    epoch: int
    applied: int
    answers: list[Answer]
    closed: list[tuple[int, str]]
    trend: TrendAlert | None
    answer_pieces: list[tuple[int, int]] = []
    closed_pieces: list[tuple[int, int]] = []


class Spans(msgspec.Struct, frozen=True, gc=False):
    """The policy's windows in microseconds, so that folding compares integers."""

    window: int
    recent: int
    baseline: int

    def edge(self, newest: int) -> int:
        """What lies before this has expired. By the full hour, so that a long list is not moved for every rating."""
        return (newest - self.window) // HOUR * HOUR

    @classmethod
    def of(cls, policy: Policy) -> "Spans":
        """The spans that `policy` asks for."""
        trend = policy.declining_trend
        return cls(policy.window_days * DAY, trend.recent_days * DAY, trend.baseline_days * DAY)


APPLIED: Final = "applied"
DUPLICATE: Final = "duplicate"
LATE: Final = "late"
"""Older than the window, or than another answer to the same survey: it changes nothing."""
Fold = Literal["applied", "duplicate", "late"]
"""What an event did to the track."""


class Sums(msgspec.Struct, gc=False):
    """Counts and sums of ratings: of all, of the recent span, and of the baseline before it.

    `first_recent` and `first_baseline` are the places in the list where these spans begin.
    """

    total: int = 0
    recent: int = 0
    baseline: int = 0
    first_recent: int = 0
    first_baseline: int = 0
    month: "Month | None" = None


class Month(msgspec.Struct, gc=False):
    """What the 30 days up to the newest answer hold; kept up only where they hold many.

    `ratings` counts by rating, `tickets` by ticket; `first` is the place where they begin.
    """

    first: int
    ratings: list[int]
    tickets: dict[str, int]

    def add(self, answer: Answer, by: int) -> None:
        """Count an answer in (1) or out (-1)."""
        self.ratings[answer.rating] += by
        ticket = answer.ticket or answer.survey
        left = self.tickets.get(ticket, 0) + by
        if left:
            self.tickets[ticket] = left
        else:
            del self.tickets[ticket]


_at = attrgetter("at")
_order = attrgetter("at", "event")
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode_answers = msgspec.msgpack.Decoder(list[Answer]).decode
_decode_closed = msgspec.msgpack.Decoder(list[tuple[int, str]]).decode


class UnknownFormat(Exception):
    """A state that another release wrote and that this one cannot read."""


class Track:
    """One customer's window.

    Attributes:
        applied: offset of the last record in it: a replay is recognised by it.
        epoch: of the event topic that this offset belongs to.
        sums: None where they are to be counted.
    """

    __slots__ = (
        "_answer_pieces",
        "_closed_pieces",
        "_surveys",
        "answers",
        "applied",
        "closed",
        "epoch",
        "sums",
        "trend",
    )

    def __init__(self) -> None:
        self.epoch = 0
        self.applied = -1
        self.answers: list[Answer] = []
        self.closed: list[tuple[int, str]] = []
        self.trend: TrendAlert | None = None
        self.sums: Sums | None = None
        self._surveys: dict[str, Answer] = {}
        self._answer_pieces = Pieces()
        self._closed_pieces = Pieces()

    def encode(self) -> dict[str, bytes | None]:
        """The values that changed, by the suffix of their key; None deletes. About 60 bytes a rating.

        The head, with the newest ratings, goes by the customer's id alone and is always among them.
        """
        changed: dict[str, bytes | None] = {}
        answers, closed = self._answer_pieces, self._closed_pieces
        if len(self.answers) > 2 * PIECE:
            answers.seal(len(self.answers))
        if len(self.closed) > 2 * PIECE:
            closed.seal(len(self.closed))
        while len(head := self._encode_head()) > MOST_BYTES:
            pieces, size = max(
                ((answers, len(self.answers)), (closed, len(self.closed))), key=lambda x: x[1] - x[0].total
            )
            pieces.seal_half(size)
        for pieces, mark, entries in ((answers, "a", self.answers), (closed, "c", self.closed)):
            changed.update(_encode_pieces(pieces, mark, entries))
        # Splitting a piece changes what the head says of it.
        changed[""] = self._encode_head() if changed else head
        return changed

    @classmethod
    def decode(cls, head: bytes, piece: Callable[[str], bytes | None]) -> "Track":
        """The track of a head; `piece` gives the value of a key's suffix. Raises `UnknownFormat`."""
        track = cls()
        try:
            state = _decode_head(head)
            if state.format != FORMAT:
                msg = f"a state of format {state.format}, this release reads {FORMAT}: run the release that wrote it"
                raise UnknownFormat(msg)
            track.epoch, track.applied, track.trend = state.epoch, state.applied, state.trend
            for number, _ in state.answer_pieces:
                track.answers += _decode_answers(piece(f"/a{number}") or b"")
            for number, _ in state.closed_pieces:
                track.closed += _decode_closed(piece(f"/c{number}") or b"")
        except msgspec.DecodeError as error:
            msg = f"a state that this release cannot read ({error})"
            raise UnknownFormat(msg) from None
        track.answers += state.answers
        track.closed += state.closed
        track._answer_pieces = Pieces(state.answer_pieces)
        track._closed_pieces = Pieces(state.closed_pieces)
        track._surveys = {a.survey: a for a in track.answers}
        return track

    def clear(self) -> None:
        """Forget everything but up to where the records were read."""
        self._answer_pieces.drop_all()
        self._closed_pieces.drop_all()
        self.answers, self.closed, self._surveys = [], [], {}
        self.trend = self.sums = None

    def touched(self, answer: Answer) -> None:
        """Something in `answer` was changed from outside."""
        self._answer_pieces.changed(self._place(answer))

    def _encode_head(self) -> bytes:
        answers, closed = self._answer_pieces, self._closed_pieces
        return _encode(
            _Head(
                FORMAT,
                self.epoch,
                self.applied,
                self.answers[answers.total :] if answers.kept else self.answers,
                self.closed[closed.total :] if closed.kept else self.closed,
                self.trend,
                answers.kept,
                closed.kept,
            )
        )

    @property
    def newest(self) -> int:
        """Time of the newest answer, in microseconds since 1970; only of a track that has one."""
        return self.answers[-1].at

    def answer_to(self, survey: str) -> Answer | None:
        """The answer that counts for a survey, where it is in the window."""
        return self._surveys.get(survey)

    def fold(self, answer: Answer, spans: Spans) -> Fold:
        """Take an answer in. It inherits the alert of the answer whose place it takes."""
        answers, surveys, at, survey = self.answers, self._surveys, answer.at, answer.survey
        before = surveys.get(survey)
        if before is None and answers and at > answers[-1].at:  # nearly all of them
            surveys[survey] = answer
            answers.append(answer)
            if self.sums is not None:
                self._advance(self.sums, answer, spans)
            if answers[0].at < at - spans.window:
                self._expire(spans)
            return APPLIED
        if answers and at < spans.edge(answers[-1].at):
            return LATE
        if before is not None:
            if (at, answer.event) <= (before.at, before.event):
                return DUPLICATE if answer.event == before.event else LATE
            answer.revision, answer.open = before.revision, before.open
            place = self._place(before)
            self._answer_pieces.removed(place)
            del answers[place]
        surveys[survey] = answer
        place = self._place(answer)
        if place < len(answers):
            self._answer_pieces.inserted(place)
        answers.insert(place, answer)
        self.sums = None
        self._expire(spans)
        return APPLIED

    def close_ticket(self, ticket: str, at: int, spans: Spans) -> Fold:
        """Note that a ticket was closed: it counts among the customer's tickets whether or not it is rated."""
        closing = (at, ticket)
        place = bisect_left(self.closed, closing)
        if self.closed[place : place + 1] == [closing]:
            return DUPLICATE
        newest = self.newest if self.answers else self.closed[-1][0] if self.closed else at
        if at < spans.edge(newest):
            return LATE
        if place < len(self.closed):
            self._closed_pieces.inserted(place)
        self.closed.insert(place, closing)
        self._expire(spans)
        return APPLIED

    def counted(self, spans: Spans) -> Sums:
        """The sums as of the newest answer."""
        if self.sums is None:
            self.sums = self._count(spans)
        return self.sums

    def month_up_to(self, at: int, poor: int, spans: Spans) -> tuple[int, int]:
        """Distinct tickets, rated or closed, and ratings of at most `poor`, of the 30 days up to and with `at`."""
        answers = self.answers
        now = at >= answers[-1].at
        if now and (month := self.counted(spans).month) is not None:
            return len(month.tickets) + self._only_closed(at, month.tickets), sum(month.ratings[: poor + 1])
        first = bisect_left(answers, at - MONTH, key=_at)
        found = answers[first:] if now else answers[first : bisect_right(answers, at, key=_at)]
        if now and len(found) > _MANY:
            month = self.counted(spans).month = Month(first, [0] * 6, {})
            for answer in found:
                month.add(answer, 1)
        tickets = {a.ticket or a.survey for a in found}
        return len(tickets) + self._only_closed(at, tickets), sum([a.rating <= poor for a in found])

    def _only_closed(self, at: int, rated: Container[str]) -> int:
        if not self.closed:
            return 0
        month = self.closed[bisect_left(self.closed, (at - MONTH, "")) : bisect_left(self.closed, (at + 1, ""))]
        return len({ticket for _, ticket in month if ticket not in rated})

    def _place(self, answer: Answer) -> int:
        return bisect_left(self.answers, (answer.at, answer.event), key=_order)

    def _expire(self, spans: Spans) -> None:
        edge = spans.edge(self.newest if self.answers else self.closed[-1][0])
        if self.answers and self.answers[0].at < edge:
            gone = bisect_left(self.answers, edge, key=_at)
            for answer in self.answers[:gone]:
                del self._surveys[answer.survey]
                if self.sums is not None:
                    self.sums.total -= answer.rating
            if self.sums is not None:  # the spans fit into the window: what expires has left them before
                self.sums.first_baseline -= gone
                self.sums.first_recent -= gone
                if self.sums.month is not None:
                    self.sums.month.first -= gone
            self._answer_pieces.expired(gone)
            del self.answers[:gone]
        if self.closed and self.closed[0][0] < edge:
            gone = bisect_left(self.closed, (edge, ""))
            self._closed_pieces.expired(gone)
            del self.closed[:gone]

    def _advance(self, sums: Sums, answer: Answer, spans: Spans) -> None:
        answers, rating = self.answers, answer.rating
        sums.total += rating
        sums.recent += rating
        edge = answer.at - spans.recent
        first = sums.first_recent
        while (passed := answers[first]).at < edge:
            sums.recent -= passed.rating
            sums.baseline += passed.rating
            first = sums.first_recent = first + 1
        edge -= spans.baseline
        first = sums.first_baseline
        while (passed := answers[first]).at < edge:
            sums.baseline -= passed.rating
            first = sums.first_baseline = first + 1
        month = sums.month
        if month is not None:
            month.add(answer, 1)
            edge = answer.at - MONTH
            while (passed := answers[month.first]).at < edge:
                month.add(passed, -1)
                month.first += 1

    def _count(self, spans: Spans) -> Sums:
        answers = self.answers
        recent_from = self.newest - spans.recent
        first_recent = bisect_left(answers, recent_from, key=_at)
        first_baseline = bisect_left(answers, recent_from - spans.baseline, key=_at)
        return Sums(
            total=sum(a.rating for a in answers),
            recent=sum(a.rating for a in answers[first_recent:]),
            baseline=sum(a.rating for a in answers[first_baseline:first_recent]),
            first_recent=first_recent,
            first_baseline=first_baseline,
        )


def _encode_pieces(pieces: Pieces, mark: str, entries: Sequence[object]) -> dict[str, bytes | None]:
    changed: dict[str, bytes | None] = {}
    waiting = list(pieces.take())
    for number, begin, end in waiting:
        value = _encode(entries[begin:end]) if end else None
        if value is not None and len(value) > MOST_BYTES and end - begin > 1:
            pieces.split(number)
            changed |= _encode_pieces(pieces, mark, entries)
        else:
            changed[f"/{mark}{number}"] = value
    return changed
