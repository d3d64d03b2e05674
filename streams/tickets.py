"""What is known of a customer's tickets beside their ratings: when they were closed and escalated, with what facts."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec

from streams.fold import APPLIED, DUPLICATE, LATE, Fold
from streams.pieces import Pieces

MOST_ESCALATED = 1_000
"""Escalated tickets of one customer that are remembered; beyond them the one that was escalated first is not."""


class Closing(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A ticket was closed.

    Attributes:
        at: when, in microseconds since 1970.
    """

    at: int
    ticket: str
    resolution_time_hours: float | None = None
    sla_hours: float | None = None
    first_contact_resolution: bool | None = None

    @property
    def facts(self) -> tuple[float, ...]:
        """Of two closings of a ticket at one time the one with the greater facts counts, whatever their order."""
        said = (self.resolution_time_hours, self.sla_hours, self.first_contact_resolution)
        return tuple(-1.0 if fact is None else float(fact) for fact in said)


class Said(NamedTuple):
    """What other events than a rating say of its ticket. `escalated_at` is in microseconds since 1970."""

    escalated_at: int | None = None
    resolution_time_hours: float | None = None
    sla_hours: float | None = None
    first_contact_resolution: bool | None = None


NOTHING = Said()

T = TypeVar("T")

_at = attrgetter("at")
_order = attrgetter("at", "ticket")


class Tickets:
    """The closings and escalations of one customer's window. An `edge` is the time before which things have expired.

    Attributes:
        closed: the closings, ordered by (at, ticket).
        escalated: when each ticket was last escalated, in microseconds since 1970.
        pieces: in which `closed` is kept.
    """

    __slots__ = ("_by_ticket", "closed", "escalated", "pieces")

    def __init__(
        self, closed: list[Closing] | None = None, escalated: dict[str, int] | None = None, pieces: Pieces | None = None
    ) -> None:
        self.closed = [] if closed is None else closed
        self.escalated = {} if escalated is None else escalated
        self.pieces = Pieces() if pieces is None else pieces
        self._by_ticket: dict[str, list[Closing]] | None = None  # the newest first; None: not looked for yet

    def close(self, closing: Closing, edge: int) -> Fold:
        """Note that a ticket was closed."""
        closed = self.closed
        place = bisect_left(closed, _order(closing), key=_order) if closed else 0
        if place < len(closed) and _order(closed[place]) == _order(closing):
            if closing.facts <= closed[place].facts:
                return DUPLICATE
            closed[place] = closing
            self.pieces.changed(place)
        elif closing.at < edge:
            return LATE
        else:
            if place < len(closed):
                self.pieces.inserted(place)
            closed.insert(place, closing)
        if self._by_ticket is not None:
            _note(self._by_ticket, closing)
        return APPLIED

    def escalate(self, ticket: str, at: int, edge: int) -> Fold:
        """Note that a ticket was escalated."""
        if at < edge:
            return LATE
        if at <= self.escalated.get(ticket, at - 1):
            return DUPLICATE
        self.escalated[ticket] = at
        if len(self.escalated) > MOST_ESCALATED:
            del self.escalated[min(self.escalated, key=lambda name: (self.escalated[name], name))]
        return APPLIED

    def said_of(self, ticket: str, edge: int) -> Said:
        """What is known of a ticket: its last escalation, and of each fact what the last closing says that names it."""
        if not self.closed and not self.escalated:
            return NOTHING
        escalated_at = self.escalated.get(ticket, edge - 1)
        found = Said(None if escalated_at < edge else escalated_at)
        for closing in self._closings_of(ticket):
            if closing.at >= edge:
                found = Said(
                    found.escalated_at,
                    _either(found.resolution_time_hours, closing.resolution_time_hours),
                    _either(found.sla_hours, closing.sla_hours),
                    _either(found.first_contact_resolution, closing.first_contact_resolution),
                )
        return found

    def closed_between(self, first: int, last: int, others: Container[str]) -> int:
        """How many tickets that are not among `others` were closed from `first` to `last`."""
        if not self.closed:
            return 0
        found = self.closed[bisect_left(self.closed, first, key=_at) : bisect_right(self.closed, last, key=_at)]
        return len({closing.ticket for closing in found if closing.ticket not in others})

    def expire(self, edge: int) -> None:
        """Forget what lies before `edge`."""
        if self.closed and self.closed[0].at < edge:
            gone = bisect_left(self.closed, edge, key=_at)
            self.pieces.expired(gone)
            del self.closed[:gone]
            self._by_ticket = None
        if self.escalated:
            self.escalated = {ticket: at for ticket, at in self.escalated.items() if at >= edge}

    def clear(self) -> None:
        """Forget everything."""
        self.pieces.drop_all()
        self.closed, self.escalated, self._by_ticket = [], {}, None

    def _closings_of(self, ticket: str) -> Sequence[Closing]:
        if self._by_ticket is None:
            self._by_ticket = {}
            for closing in self.closed:
                _note(self._by_ticket, closing)
        return self._by_ticket.get(ticket, ())


def _note(by_ticket: dict[str, list[Closing]], closing: Closing) -> None:
    closings = [each for each in by_ticket.get(closing.ticket, ()) if each.at != closing.at]
    by_ticket[closing.ticket] = sorted([*closings, closing], key=_at, reverse=True)


def _either(newer: T | None, older: T | None) -> T | None:
    return older if newer is None else newer
