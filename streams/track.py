"""What is remembered of a customer: the ratings of the window, in order, and what was alerted.

One value a customer, expiring by the customer's own event time: see docs/decisions/0002-one-value-a-customer.md.
Folding an answer that is newer than all others costs the same however long the history is; a late or a revised one
recounts from its place.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container
from typing import Final, Literal

import msgspec

from streams.answers import Answer, Answers, Mark, Packed
from streams.pieces import PIECE, Pieces
from streams.spans import MONTH, Month, Spans, Sums

FORMAT = 1
"""Of the encoded state. A release reads its own and the one before."""

MOST_BYTES = 400_000
"""Of one value: well below Kafka's limit of 1 MiB for a record."""
MOST_WAITING = 20
"""Alerts of one customer that wait for the account; more than that are not updated when it arrives."""
_MANY = 200  # answers in 30 days, from which on they are counted up and down


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
    answers: Packed
    closed: list[tuple[int, str]]
    trend: TrendAlert | None
    waiting: list[str]
    answer_pieces: list[tuple[int, int]]
    closed_pieces: list[tuple[int, int]]


APPLIED: Final = "applied"
DUPLICATE: Final = "duplicate"
LATE: Final = "late"
"""Older than the window, or than another answer to the same survey: it changes nothing."""
Fold = Literal["applied", "duplicate", "late"]
"""What an event did to the track."""

_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode_answers = msgspec.msgpack.Decoder(Packed).decode
_decode_closed = msgspec.msgpack.Decoder(list[tuple[int, str]]).decode


class UnknownFormat(Exception):
    """A state that another release wrote and that this one cannot read."""


class Track:
    """One customer's window.

    Attributes:
        applied: offset of the last record in it: a replay is recognised by it.
        epoch: of the event topic that this offset belongs to.
        closed: closed tickets, as time in microseconds since 1970 and ticket.
        sums: None where they are to be counted anew.
        waiting: ids of open alerts that were published before the account was known, oldest first.
    """

    __slots__ = (
        "_answer_pieces",
        "_closed_pieces",
        "_expires",
        "answers",
        "applied",
        "closed",
        "epoch",
        "sums",
        "trend",
        "waiting",
    )

    def __init__(self) -> None:
        self.epoch = 0
        self.applied = -1
        self.answers = Answers()
        self.closed: list[tuple[int, str]] = []
        self.trend: TrendAlert | None = None
        self.sums: Sums | None = None
        self.waiting: list[str] = []
        self._expires = 0  # the oldest answer goes when the newest is later than this
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
        changed.update(_encode_pieces(answers, "a", self.answers.pack))
        changed.update(_encode_pieces(closed, "c", lambda begin, end: self.closed[begin:end]))
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
            for number, _ in state.answer_pieces:
                track.answers.extend(_decode_answers(piece(f"/a{number}") or b""))
            for number, _ in state.closed_pieces:
                track.closed += _decode_closed(piece(f"/c{number}") or b"")
        except msgspec.DecodeError as error:
            msg = f"a state that this release cannot read ({error})"
            raise UnknownFormat(msg) from None
        track.epoch, track.applied, track.trend = state.epoch, state.applied, state.trend
        track.answers.extend(state.answers)
        track.closed += state.closed
        track.waiting = state.waiting
        track._answer_pieces = Pieces(state.answer_pieces)
        track._closed_pieces = Pieces(state.closed_pieces)
        return track

    def clear(self) -> None:
        """Forget everything but up to where the records were read."""
        self._answer_pieces.drop_all()
        self._closed_pieces.drop_all()
        self.answers, self.closed, self.waiting = Answers(), [], []
        self.trend = self.sums = None
        self._expires = 0

    def mark(self, survey: str, mark: Mark) -> None:
        """Note what became of the alert on the answer to `survey`, which is in the window."""
        place = self.answers.place(survey)
        if place is None:
            raise KeyError(survey)
        self.answers.marks[place] = mark.revision << 1 | mark.open
        self._answer_pieces.changed(place)

    def _encode_head(self) -> bytes:
        answers, closed = self._answer_pieces, self._closed_pieces
        return _encode(
            _Head(
                FORMAT,
                self.epoch,
                self.applied,
                self.answers.pack(answers.total),
                self.closed[closed.total :],
                self.trend,
                self.waiting,
                answers.kept,
                closed.kept,
            )
        )

    @property
    def newest(self) -> int:
        """Time of the newest answer, in microseconds since 1970; only of a track that has one."""
        return self.answers.newest

    def append(self, at: int, rating: int, survey: str, event: str, ticket: str, spans: Spans) -> bool:
        """Take in an answer that is newer than all others, as nearly all are. False: it is none, `fold` it."""
        answers = self.answers
        if at <= answers.newest or survey in answers.when:
            return False
        answers.append(at, rating, survey, event, ticket)
        if at > self._expires:
            self._expire(spans)
        return True

    def fold(self, answer: Answer, spans: Spans) -> Fold:
        """Take an answer in. It inherits the alert of the answer whose place it takes."""
        if self.append(*answer, spans):
            return APPLIED
        answers = self.answers
        if len(answers) and answer.at < spans.edge(self.newest):
            return LATE
        mark = 0
        before = answers.place(answer.survey)
        if before is not None:
            at, event = answers.at[before], answers.events[before]
            if (answer.at, answer.event) <= (at, event):
                return DUPLICATE if answer.event == event else LATE
            mark = answers.remove(before)
            self._answer_pieces.removed(before)
        place = answers.insert(answer, mark)
        if place < len(answers) - 1:
            self._answer_pieces.inserted(place)
        self.sums = None
        self._expire(spans)
        return APPLIED

    def close_ticket(self, ticket: str, at: int, spans: Spans) -> Fold:
        """Note that a ticket was closed: it counts among the customer's tickets whether or not it is rated."""
        closing = (at, ticket)
        place = bisect_left(self.closed, closing)
        if self.closed[place : place + 1] == [closing]:
            return DUPLICATE
        newest = self.newest if len(self.answers) else self.closed[-1][0] if self.closed else at
        if at < spans.edge(newest):
            return LATE
        if place < len(self.closed):
            self._closed_pieces.inserted(place)
        self.closed.insert(place, closing)
        self._expire(spans)
        return APPLIED

    def counted(self, spans: Spans) -> Sums:
        """The sums as of the newest answer."""
        sums = self.sums
        if sums is None:
            sums = self.sums = Sums()
        if sums.counted < len(self.answers):
            self.answers.settle()
            sums.catch_up(self.answers, spans)
        return sums

    def month_up_to(self, at: int, poor: int, spans: Spans) -> tuple[int, int]:
        """Distinct tickets, rated or closed, and ratings of at most `poor`, of the 30 days up to and with `at`."""
        answers = self.answers
        answers.settle()
        first = bisect_left(answers.at, at - MONTH)
        last = bisect_right(answers.at, at)
        if last - first > _MANY and last == len(answers):
            sums = self.counted(spans)
            if sums.month is None:
                sums.month = Month.beginning(first)
            month = sums.month
            month.catch_up(answers)
            return len(month.tickets) + self._only_closed(at, month.tickets), sum(month.ratings[: poor + 1])
        tickets = set(answers.tickets[first:last])
        low = sum([answers.ratings.count(rating, first, last) for rating in range(1, poor + 1)])
        return len(tickets) + self._only_closed(at, tickets), low

    def _only_closed(self, at: int, rated: Container[str]) -> int:
        if not self.closed:
            return 0
        month = self.closed[bisect_left(self.closed, (at - MONTH, "")) : bisect_left(self.closed, (at + 1, ""))]
        return len({ticket for _, ticket in month if ticket not in rated})

    def _expire(self, spans: Spans) -> None:
        answers = self.answers
        answers.settle()
        edge = spans.edge(self.newest if len(answers) else self.closed[-1][0])
        gone = bisect_left(answers.at, edge)
        if gone:
            if self.sums is not None:  # the spans fit into the window: what expires has left them by then
                self.counted(spans).expired(gone, sum(answers.ratings[:gone]))
            self._answer_pieces.expired(gone)
            answers.expire(gone)
        if answers.at:
            self._expires = answers.at[0] + spans.window
        if self.closed and self.closed[0][0] < edge:
            gone = bisect_left(self.closed, (edge, ""))
            self._closed_pieces.expired(gone)
            del self.closed[:gone]


def _encode_pieces(pieces: Pieces, mark: str, cut: Callable[[int, int], object]) -> dict[str, bytes | None]:
    changed: dict[str, bytes | None] = {}
    for number, begin, end in list(pieces.take()):
        value = _encode(cut(begin, end)) if end else None
        if value is not None and len(value) > MOST_BYTES and end - begin > 1:
            pieces.split(number)
            changed |= _encode_pieces(pieces, mark, cut)
        else:
            changed[f"/{mark}{number}"] = value
    return changed
