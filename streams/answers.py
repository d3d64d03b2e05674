"""The answers of one customer's window, oldest first, as columns: a list each of times, ratings, surveys and so on.

An object an answer would take twice the memory and ten times as long to encode; counting over a span is one call. An
answer at the end is only noted at first, since a dozen lists are a dozen places in memory to touch.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import msgspec

NEVER = -(1 << 62)
"""Before any time in microseconds since 1970."""

_NO_TIMES: list[int] = []
_FEW = 8  # answers that are looked through faster than kept apart


class Answer(NamedTuple):
    """One answer to one survey.

    Attributes:
        at: when it was given, in microseconds since 1970.
        rating: 1 to 5.
        survey: a later answer to the same survey takes this one's place.
        event: id of the event; of two answers given at the same time the one with the greater id counts.
        ticket: the survey's id where the survey goes by the ticket's.
    """

    at: int
    rating: int
    survey: str
    event: str
    ticket: str


_Appended = tuple[int, int, str, str, str]
Given = tuple[int, int, *tuple[str, ...]]
"""What begins with the time of an answer, in microseconds since 1970, and its rating."""


class Mark(NamedTuple):
    """The last revision of the alert on an answer's rating, and whether that alert still stands."""

    revision: int
    open: bool

    @property
    def packed(self) -> int:
        """As it stands in `Answers.marks`."""
        return self.revision << 1 | self.open


class Packed(msgspec.Struct, array_like=True, gc=False):
    """Columns as they are kept. `tickets` is empty where they are the surveys, `marks` where there are none."""

    at: Sequence[int]
    ratings: bytes
    surveys: Sequence[str]
    events: Sequence[str]
    tickets: Sequence[str]
    marks: Sequence[int]


class Answers:
    """The columns, which go as far as the last `settle`. Places in them are ordered by (at, event).

    Attributes:
        newest: time of the newest answer; less than any without one.
        marks: 0 without an alert, else twice its last revision, one more while it stands.
        when: `at` by survey; None before the first `settle`, so that a customer with few ratings takes little memory.
        one_a_ticket: whether every survey here goes by its ticket's id, so that no two are of one ticket. Then
            `tickets` is the list of the surveys itself.
    """

    __slots__ = (
        "_appended",
        "_marked",
        "_standing",
        "at",
        "events",
        "marks",
        "newest",
        "one_a_ticket",
        "ratings",
        "surveys",
        "tickets",
        "when",
    )

    at: list[int]
    ratings: bytearray
    surveys: list[str]
    events: list[str]
    tickets: list[str]
    marks: list[int]

    def __init__(self) -> None:
        self.newest = NEVER
        self.one_a_ticket = True
        self._appended: list[_Appended] = []
        self._marked: dict[str, int] | None = None  # marks of few answers by survey; most customers have none
        self.when: dict[str, int] | None = None
        self.at = _NO_TIMES
        self._standing: dict[str, set[str]] | None = None  # surveys whose alert stood, by ticket; None: not looked for

    def _make_columns(self) -> None:
        self.at = []
        self.ratings = bytearray()
        self.surveys = self.tickets = []
        self.events = []
        self.marks = []

    def __len__(self) -> int:
        return len(self.at) + len(self._appended)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Answers):
            return NotImplemented
        return msgspec.msgpack.encode(self.pack()) == msgspec.msgpack.encode(other.pack())

    __hash__ = None  # type: ignore[assignment]

    @property
    def oldest(self) -> int:
        """Time of the oldest answer; there must be one."""
        return self.at[0] if self.at else self._appended[0][0]

    @property
    def few(self) -> Sequence[Given] | None:
        """All of them, where there are so few that looking through them costs least; else None."""
        return self._appended if self.when is None else None

    def append(self, at: int, rating: int, survey: str, event: str, ticket: str) -> bool:
        """Add an answer that is newer than all others, to a survey that has none. False: it is no such answer."""
        if at <= self.newest:
            return False
        when, appended = self.when, self._appended
        if when is not None:
            if survey in when:
                return False
            when[survey] = at
        else:
            for other in appended:
                if other[2] == survey:
                    return False
        self.newest = at
        appended.append((at, rating, survey, event, ticket))
        if survey != ticket:
            self.one_a_ticket = False
        if when is None and len(appended) > _FEW:
            self.settle()
        return True

    def settle(self) -> dict[str, int]:
        """Bring what was appended into the columns. Returns `when`."""
        when = self.when
        if when is None:
            when = self.when = {appended[2]: appended[0] for appended in self._appended}
            self._make_columns()
        if not self.one_a_ticket and self.tickets is self.surveys:
            self.tickets = self.surveys.copy()
        appended = self._appended
        if appended:
            marks = self._few_marks() or [0] * len(appended)
            self._appended, self._marked = [], None
            at, ratings, surveys, events, tickets = zip(*appended, strict=True)
            self.at += at
            self.ratings += bytes(ratings)
            self.surveys += surveys
            self.events += events
            if not self.one_a_ticket:
                self.tickets += tickets
            self.marks += marks
        return when

    def since(self, place: int) -> Iterable[Given]:
        """Times and ratings from this place on."""
        new = place - len(self.at)
        if new >= 0:
            return self._appended[new:] if new else self._appended
        self.settle()
        return zip(self.at[place:], self.ratings[place:], strict=True)

    def few_between(self, first: int, last: int) -> list[_Appended]:
        """Of few answers those given from `first` to `last`."""
        return [answer for answer in self._appended if first <= answer[0] <= last]

    def _few_marks(self) -> Sequence[int]:
        """The marks of few answers in their order; none where nobody has any."""
        marked = self._marked
        return [marked.get(answer[2], 0) for answer in self._appended] if marked else ()

    def __getitem__(self, place: int) -> Answer:
        self.settle()
        return Answer(self.at[place], self.ratings[place], self.surveys[place], self.events[place], self.tickets[place])

    def __iter__(self) -> Iterator[Answer]:
        return map(self.__getitem__, range(len(self)))

    def insert(self, answer: Answer, mark: int) -> int:
        """Add an answer to a survey that has none, where it belongs. Returns the place."""
        at, rating, survey, event, ticket = answer
        if survey != ticket:
            self.one_a_ticket = False
        when = self.settle()
        place = self._place(at, event)
        self.at.insert(place, at)
        self.ratings.insert(place, rating)
        self.surveys.insert(place, survey)
        self.events.insert(place, event)
        if not self.one_a_ticket:
            self.tickets.insert(place, ticket)
        self.marks.insert(place, mark)
        when[survey] = at
        self.newest = max(self.newest, at)
        self._note_standing(place)
        return place

    def place(self, survey: str) -> int | None:
        """Where the answer to `survey` is."""
        at = self.settle().get(survey)
        if at is None:
            return None
        if self.surveys[-1] == survey:  # mostly
            return len(self.surveys) - 1
        place = bisect_left(self.at, at)
        while self.surveys[place] != survey:
            place += 1
        return place

    def mark(self, survey: str) -> Mark | None:
        """The alert on the answer to `survey`, where there is or was one."""
        if self.when is None:
            mark = self._marked.get(survey, 0) if self._marked else 0
        else:
            place = self.place(survey)
            mark = self.marks[place] if place is not None else 0
        return Mark(mark >> 1, bool(mark & 1)) if mark else None

    def set_mark(self, survey: str, mark: Mark) -> int | None:
        """Note what became of the alert on the answer to `survey`. Returns its place, None where there are no columns.

        Raises `KeyError` where there is no such answer.
        """
        if self.when is None:
            if all(answer[2] != survey for answer in self._appended):
                raise KeyError(survey)
            if self._marked is None:
                self._marked = {}
            self._marked[survey] = mark.packed
            return None
        place = self.place(survey)
        if place is None:
            raise KeyError(survey)
        self.marks[place] = mark.packed
        self._note_standing(place)
        return place

    def standing(self, ticket: str) -> list[str]:
        """The surveys on a ticket whose alert stands, in order."""
        if self._standing is None:
            self.settle()
            self._standing = {}
            for place in self.open_before(len(self.at)):
                self._standing.setdefault(self.tickets[place], set()).add(self.surveys[place])
        return [survey for survey in sorted(self._standing.get(ticket, ())) if self._stands(survey, ticket)]

    def open_before(self, end: int) -> list[int]:
        """The places before `end` of the answers whose alert stands."""
        if self.when is None and not self._marked:
            return []
        self.settle()
        return [place for place, mark in enumerate(self.marks[:end]) if mark & 1]

    def remove(self, place: int) -> int:
        """Take an answer out. Returns its mark."""
        when = self.settle()
        mark = self.marks[place]
        del when[self.surveys[place]]
        self._delete(slice(place, place + 1))
        self.newest = self.at[-1] if self.at else NEVER
        return mark

    def expire(self, count: int) -> None:
        """Take the `count` oldest out."""
        when = self.settle()
        if self.open_before(count):
            self._standing = None
        for survey in self.surveys[:count]:
            del when[survey]
        self._delete(slice(count))

    def pack(self, begin: int = 0, end: int | None = None) -> Packed:
        """A part of the columns, to be encoded at once."""
        if self.when is None and self._appended and not begin and end is None:
            return self._pack_few()
        self.settle()
        whole = begin == 0 and (end is None or end == len(self.at))
        part = slice(begin, end)
        surveys = self.surveys if whole else self.surveys[part]
        tickets = surveys if self.one_a_ticket else self.tickets if whole else self.tickets[part]
        marks = self.marks if whole else self.marks[part]
        return Packed(
            self.at if whole else self.at[part],
            cast("bytes", self.ratings if whole else self.ratings[part]),  # encoded alike
            surveys,
            self.events if whole else self.events[part],
            [] if tickets is surveys or tickets == surveys else tickets,
            marks if any(marks) else [],
        )

    def _pack_few(self) -> Packed:
        """Few answers, at least one, of which no columns are made for that."""
        appended = self._appended
        if len(appended) == 1:  # in half the time
            when, rating, survey, event, ticket = appended[0]
            other = () if ticket == survey else (ticket,)
            return Packed((when,), bytes((rating,)), (survey,), (event,), other, self._few_marks())
        at, ratings, surveys, events, tickets = zip(*appended, strict=True)
        return Packed(at, bytes(ratings), surveys, events, () if tickets == surveys else tickets, self._few_marks())

    def extend(self, packed: Packed) -> None:
        """Add answers that are newer than all here."""
        at, surveys = packed.at, packed.surveys
        if not at:
            return
        if self.when is None and len(at) <= _FEW and not self._appended:
            tickets = packed.tickets
            self._appended = list(zip(at, packed.ratings, surveys, packed.events, tickets or surveys, strict=True))
            if tickets:
                self.one_a_ticket = False
            self.newest = at[-1]
            if packed.marks:
                self._marked = {survey: mark for survey, mark in zip(surveys, packed.marks, strict=True) if mark}
            return
        self.one_a_ticket &= not packed.tickets
        when = self.settle()
        self.at += at
        self.ratings += packed.ratings
        self.surveys += surveys
        self.events += packed.events
        if not self.one_a_ticket:
            self.tickets += packed.tickets or surveys
        self.marks += packed.marks or [0] * len(at)
        when.update(zip(surveys, at, strict=True))
        self.newest = self.at[-1]

    def _note_standing(self, place: int) -> None:
        if self._standing is not None and self.marks[place] & 1:
            self._standing.setdefault(self.tickets[place], set()).add(self.surveys[place])

    def _stands(self, survey: str, ticket: str) -> bool:
        place = self.place(survey)
        return place is not None and bool(self.marks[place] & 1) and self.tickets[place] == ticket

    def _place(self, at: int, event: str) -> int:
        place = bisect_left(self.at, at)
        last = bisect_right(self.at, at, place)
        return bisect_left(self.events, event, place, last)

    def _delete(self, part: slice) -> None:
        for column in (self.at, self.ratings, self.surveys, self.events, self.marks):
            del column[part]
        if not self.one_a_ticket:
            del self.tickets[part]
