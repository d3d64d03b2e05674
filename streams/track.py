"""What is remembered of a customer: the ratings of the window, in order, and what was alerted.

One value a customer, expiring by the customer's own event time: see docs/decisions/0002-one-value-a-customer.md.
Folding an answer that is newer than all others costs the same however long the history is; a late or a revised one
recounts from its place.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container
from itertools import chain
from typing import Any

import msgspec

from streams.answers import NEVER, Answer, Answers, Mark, Packed
from streams.fold import APPLIED, DUPLICATE, LATE, Fold
from streams.level import Level
from streams.levels import Levels
from streams.pieces import PIECE, Pieces
from streams.remembered import Remembered, nowhere
from streams.spans import MONTH, Compared, Month, Spans, Sums, compare_few
from streams.tickets import NOTHING, Closing, Said, Tickets

FORMAT = 1
"""Of the encoded state. A release reads its own and the one before."""

MOST_BYTES = 400_000
"""Of one value: well below Kafka's limit of 1 MiB for a record."""
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
    closed: list[Closing]
    trend: TrendAlert | None
    waits: bool
    answer_pieces: list[tuple[int, int]]
    closed_pieces: list[tuple[int, int]]
    escalated: dict[str, int] = {}
    before: Level | None = None


class _Format(msgspec.Struct, array_like=True, gc=False):
    """What heads of all formats begin with."""

    format: int


FORMER: dict[int, Callable[[bytes], _Head]] = {}
"""Reads heads of a format before this one, by its number: a release that raises the format puts the last one here."""

_encode = msgspec.msgpack.Encoder().encode
_decode_format = msgspec.msgpack.Decoder(_Format).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode_answers = msgspec.msgpack.Decoder(Packed).decode
_decode_closed = msgspec.msgpack.Decoder(list[Closing]).decode


# Shared by most customers and changed by none: their history is in one piece, and nothing but ratings told of their
# tickets. Of a customer with a rating or two that is a quarter of the memory.
_IN_ONE = Pieces()
_UNTOLD = Tickets()
_NONE: list[Any] = []


class UnknownFormat(Exception):
    """A state that another release wrote and that this one cannot read."""


class Track:
    """One customer's window.

    Attributes:
        applied: offset of the last record in it: a replay is recognised by it.
        changed: for whoever keeps it: whether it is noted already among those to be kept.
        epoch: of the event topic that this offset belongs to.
        published: for whoever publishes the trend: the hash of the last record, where that is known.
        sums: None where they are to be counted anew.
        tickets: what was said of them beside the ratings.
        waits: whether alerts that may still stand were published before the account was known.
    """

    __slots__ = (
        "_answer_pieces",
        "_expires",
        "_levels",
        "_remembered",
        "_stored",
        "answers",
        "applied",
        "changed",
        "epoch",
        "published",
        "sums",
        "tickets",
        "trend",
        "waits",
    )

    def __init__(self, stored: Callable[[str], bytes | None] = nowhere) -> None:
        """An empty one; `stored` gives the value that was last kept under a key's suffix."""
        self.epoch = 0
        self.applied = -1
        self.changed = False
        self.published: int | None = None
        self.answers = Answers()
        self.tickets = _UNTOLD
        self._stored = stored
        self._remembered: Remembered | None = None  # most customers have none
        self.trend: TrendAlert | None = None
        self.sums: Sums | None = None
        self._levels: Levels | None = None  # most customers need none
        self.waits = False
        self._expires = NEVER  # the oldest answer goes when the newest is later than this; at first it is not known
        self._answer_pieces = _IN_ONE

    def encode(self) -> dict[str, bytes | None]:
        """The values that changed, by the suffix of their key; None deletes. About 60 bytes a rating.

        The head, with the newest ratings, goes by the customer's id alone and is always among them.
        """
        alone = self._encode_alone()
        if alone is not None:
            return {"": alone, **self.remembered.take()}
        changed: dict[str, bytes | None] = {}
        answers, tickets = self._answer_pieces, self.tickets
        closed = tickets.pieces
        if answers is _IN_ONE:
            answers = self._answer_pieces = Pieces()
        if len(self.answers) > 2 * PIECE:
            answers.seal(len(self.answers))
        if len(tickets.closed) > 2 * PIECE:
            closed.seal(len(tickets.closed))
        while len(head := self._encode_head()) > MOST_BYTES:
            pieces, size = max(
                ((answers, len(self.answers)), (closed, len(tickets.closed))), key=lambda x: x[1] - x[0].total
            )
            if size - pieces.total <= 1:
                break
            pieces.seal_half(size)
        changed.update(_encode_pieces(answers, "a", self.answers.pack))
        changed.update(_encode_pieces(closed, "c", lambda begin, end: tickets.closed[begin:end]))
        # Splitting a piece changes what the head says of it.
        changed[""] = self._encode_head() if changed else head
        return changed | self.remembered.take()

    def encode_only_head(self) -> bytes | None:
        """The head where nothing else changed, as of nearly all customers; None: `encode` has more."""
        remembered = self._remembered
        return self._encode_alone() if remembered is None or not remembered.changed else None

    @classmethod
    def decode(cls, head: bytes, piece: Callable[[str], bytes | None]) -> "Track":
        """The track of a head; `piece` gives the value of a key's suffix. Raises `UnknownFormat`."""
        track = cls(piece)
        try:
            state = _read(head)
            closed = state.closed
            if state.answer_pieces or state.closed_pieces:
                for number, _ in state.answer_pieces:
                    track.answers.extend(_decode_answers(piece(f"/a{number}") or b""))
                older = (_decode_closed(piece(f"/c{number}") or b"") for number, _ in state.closed_pieces)
                closed = [*chain.from_iterable(older), *closed]
                track._answer_pieces = Pieces(state.answer_pieces)
        except msgspec.DecodeError as error:
            msg = f"a state that this release cannot read ({error})"
            raise UnknownFormat(msg) from None
        track.epoch, track.applied, track.trend, track.waits = state.epoch, state.applied, state.trend, state.waits
        track.answers.extend(state.answers)
        if closed or state.escalated:
            track.tickets = Tickets(closed, state.escalated, Pieces(state.closed_pieces))
        if state.before is not None:
            track._levels = Levels(state.before)
        return track

    def clear(self) -> None:
        """Forget everything but up to where the records were read."""
        for place in self.answers.open_before(len(self.answers)):
            self.remembered.drop(self.answers.surveys[place])
        if self._answer_pieces is not _IN_ONE:
            self._answer_pieces.drop_all()
        if self.tickets is not _UNTOLD:
            self.tickets.clear()
        self.remembered.keep_trends(None)
        self.answers, self.waits = Answers(), False
        self.trend = self.sums = None
        self._levels = None
        self._expires = NEVER

    @property
    def remembered(self) -> Remembered:
        """The events behind the alerts that stand."""
        if self._remembered is None:
            self._remembered = Remembered(self._stored)
        return self._remembered

    def mark(self, survey: str, mark: Mark) -> None:
        """Note what became of the alert on the answer to `survey`, which is in the window."""
        place = self.answers.set_mark(survey, mark)
        if place is not None:
            self._answer_pieces.changed(place)

    def _encode_alone(self) -> bytes | None:
        """The head where it needs no pieces, nor did before; else None."""
        tickets, answers = self.tickets, self.answers
        if answers.few and tickets is _UNTOLD and self._answer_pieces is _IN_ONE:  # as of most customers
            return self._encode_head()
        if self._answer_pieces or tickets.pieces or len(answers) + len(tickets.closed) > 2 * PIECE:
            return None
        head = self._encode_head()
        return head if len(head) <= MOST_BYTES else None

    def _encode_head(self) -> bytes:
        answers, tickets = self._answer_pieces, self.tickets
        begin, answer_pieces, closed, closed_pieces = 0, _NONE, _NONE, _NONE
        if answers is not _IN_ONE:
            begin, answer_pieces = answers.total, answers.kept
        if tickets is not _UNTOLD:
            closed, closed_pieces = tickets.closed[tickets.pieces.total :], tickets.pieces.kept
        return _encode(
            _Head(
                FORMAT,
                self.epoch,
                self.applied,
                self.answers.pack(begin),
                closed,
                self.trend,
                self.waits,
                answer_pieces,
                closed_pieces,
                tickets.escalated,
                None if self._levels is None else self._levels.base,
            )
        )

    @property
    def newest(self) -> int:
        """Time of the newest answer, in microseconds since 1970; only of a track that has one."""
        return self.answers.newest

    def append(self, at: int, rating: int, survey: str, event: str, ticket: str, spans: Spans) -> bool:
        """Take in an answer that is newer than all others, as nearly all are. False: it is none, `fold` it."""
        answers = self.answers
        if not answers.append(at, rating, survey, event, ticket):
            return False
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
        if self._levels is not None:
            self._levels.restart()
        self._expire(spans)
        return APPLIED

    def close_ticket(self, closing: Closing, spans: Spans) -> Fold:
        """Note that a ticket was closed: it counts among the customer's tickets whether or not it is rated."""
        result = self._told().close(closing, self._edge(closing.at, spans))
        if result is APPLIED:
            self.tickets.expire(self._edge(closing.at, spans))
        return result

    def escalate_ticket(self, ticket: str, at: int, spans: Spans) -> Fold:
        """Note that a ticket was escalated."""
        return self._told().escalate(ticket, at, self._edge(at, spans))

    def _told(self) -> Tickets:
        """The customer's own tickets."""
        if self.tickets is _UNTOLD:
            self.tickets = Tickets()
        return self.tickets

    def said_of(self, ticket: str, spans: Spans) -> Said:
        """What other events than ratings say of a ticket."""
        tickets = self.tickets
        return tickets.said_of(ticket, self._edge(0, spans)) if tickets.closed or tickets.escalated else NOTHING

    def counted(self, spans: Spans) -> Sums:
        """The sums as of the newest answer."""
        sums = self.sums
        if sums is None:
            sums = self.sums = Sums(spans)
        if sums.counted < len(self.answers):
            self.answers.settle()
            sums.catch_up(self.answers)
        return sums

    def total(self, spans: Spans) -> int:
        """The sum of all ratings."""
        few = self.answers.few
        return self.counted(spans).total if few is None else sum([answer[1] for answer in few])

    def compared(self, spans: Spans) -> Compared:
        """The recent ratings and those before them, as of the newest answer."""
        few = self.answers.few
        return self.counted(spans).compared if few is None else compare_few(few, self.answers.newest, spans)

    def level(self, spans: Spans) -> Level:
        """What the customer's ratings usually are, as of the newest answer; not to be changed."""
        levels = self._levels
        if levels is None:
            levels = self._levels = Levels()
        return levels.now(self.answers, spans.prior)

    def is_new(self, spans: Spans) -> bool:
        """Whether too few ratings are known for a suspicion, so that `level` has nothing to tell."""
        return self._levels is None and len(self.answers) <= spans.prior.fewest_usual

    def is_quiet(self, fewest: int, spans: Spans) -> bool:
        """Whether no evidence can be strong yet: fewer ratings than `fewest` are known, or too few came since."""
        levels, size = self._levels, len(self.answers)
        if levels is None:
            return size < fewest
        return levels.are_quiet(size, spans.prior) or (levels.base is None and size < fewest)

    def rest(self, level: Level, spans: Spans) -> None:
        """Be quiet for as long as the evidence of `level`, which is weak, cannot be strong."""
        if self._levels is not None:
            self._levels.rest(level, spans.prior)

    def given_since(self, at: int) -> tuple[int, int]:
        """How many answers were given `at` or later (microseconds), and the sum of their ratings."""
        self.answers.settle()
        first = bisect_left(self.answers.at, at)
        return len(self.answers) - first, sum(self.answers.ratings[first:])

    def month_up_to(self, at: int, poor: int, spans: Spans) -> tuple[int, int]:
        """Distinct tickets, rated or closed, and ratings of at most `poor`, of the 30 days up to and with `at`."""
        answers = self.answers
        if answers.few is not None:
            given = answers.few_between(at - MONTH, at)
            rated = {ticket for _, _, _, _, ticket in given}
            return len(rated) + self._only_closed(at, rated, spans), sum([answer[1] <= poor for answer in given])
        answers.settle()
        first = bisect_left(answers.at, at - MONTH)
        last = bisect_right(answers.at, at) if at < answers.newest else len(answers.at)
        if last - first > _MANY and last == len(answers.at):
            sums = self.counted(spans)
            if sums.month is None:
                sums.month = Month.beginning(first)
            month = sums.month
            month.catch_up(answers)
            return len(month.tickets) + self._only_closed(at, month.tickets, spans), sum(month.ratings[: poor + 1])
        low = sum([answers.ratings.count(rating, first, last) for rating in range(1, poor + 1)])
        if answers.one_a_ticket and not self.tickets.closed:
            return last - first, low
        tickets = set(answers.tickets[first:last])
        return len(tickets) + self._only_closed(at, tickets, spans), low

    def _only_closed(self, at: int, rated: Container[str], spans: Spans) -> int:
        # What has expired goes with the next answer that does: it counts no more already.
        return self.tickets.closed_between(max(at - MONTH, self._edge(at, spans)), at, rated)

    def _edge(self, at: int, spans: Spans) -> int:
        """What lies before this has expired; something that happened `at` counts where nothing else is known."""
        closed = self.tickets.closed
        return spans.edge(self.newest if len(self.answers) else closed[-1].at if closed else at)

    def _expire(self, spans: Spans) -> None:
        answers = self.answers
        self._expires = answers.oldest + spans.window
        if answers.newest <= self._expires and self.tickets is _UNTOLD:  # as mostly
            return
        edge = spans.edge(answers.newest)
        if answers.oldest < edge:
            answers.settle()
            gone = bisect_left(answers.at, edge)
            if self.sums is not None:  # the spans fit into the window: what expires has left them by then
                self.counted(spans).expired(gone, sum(answers.ratings[:gone]))
            if self._levels is None:
                self._levels = Levels()
            self._levels.expired(answers, gone, spans.prior)
            for place in answers.open_before(gone):
                self.remembered.drop(answers.surveys[place])
            self._answer_pieces.expired(gone)
            answers.expire(gone)
        self._expires = answers.oldest + spans.window
        self.tickets.expire(edge)


def _read(head: bytes) -> _Head:
    try:
        state = _decode_head(head)
    except msgspec.DecodeError:
        pass  # another format may have another shape
    else:
        if state.format == FORMAT:
            return state
    written = _decode_format(head).format
    if written not in FORMER:
        ours = " and ".join(str(each) for each in sorted({FORMAT, *FORMER}))
        msg = f"a state of format {written}, this release reads {ours}: run the release that wrote it"
        raise UnknownFormat(msg)
    return FORMER[written](head)


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
