"""What is known of tickets beside their ratings."""

from itertools import permutations

import pytest

from streams.fold import APPLIED, DUPLICATE, LATE
from streams.tickets import MOST_ESCALATED, NOTHING, Closing, Said, Tickets

EDGE = 100


def closed(*closings: Closing) -> Tickets:
    tickets = Tickets()
    for closing in closings:
        tickets.close(closing, EDGE)
    return tickets


def test_of_each_fact_the_last_closing_that_names_it_counts_in_any_order() -> None:
    closings = [
        Closing(200, "T", 50.0, 24.0, first_contact_resolution=True),
        Closing(300, "T", 60.0, None, first_contact_resolution=False),
        Closing(400, "T", None, 48.0),
        Closing(500, "U", 1.0, 1.0),
    ]
    for order in permutations(closings):
        assert closed(*order).said_of("T", EDGE) == Said(None, 60.0, 48.0, first_contact_resolution=False)


def test_a_closing_that_comes_after_a_look_counts() -> None:
    tickets = closed(Closing(200, "T", 50.0))
    assert tickets.said_of("T", EDGE).resolution_time_hours == 50.0
    tickets.close(Closing(300, "T", 60.0), EDGE)
    tickets.close(Closing(250, "T", 70.0, 24.0), EDGE)
    assert tickets.said_of("T", EDGE) == Said(None, 60.0, 24.0)


@pytest.mark.parametrize("order", list(permutations([None, 10.0, 20.0])))
def test_of_two_closings_at_one_time_one_counts_whichever_came_first(order: tuple[float | None, ...]) -> None:
    tickets = closed(*(Closing(200, "T", hours) for hours in order))
    assert tickets.closed == [Closing(200, "T", 20.0)]
    assert tickets.said_of("T", EDGE).resolution_time_hours == 20.0
    assert tickets.close(Closing(200, "T", 5.0), EDGE) == DUPLICATE


def test_an_escalation_is_known_by_its_last_time() -> None:
    tickets = Tickets()
    assert [tickets.escalate("T", at, EDGE) for at in (200, 200, 150, 300, 99)] == [
        APPLIED,
        DUPLICATE,
        DUPLICATE,
        APPLIED,
        LATE,
    ]
    assert tickets.said_of("T", EDGE) == Said(300)
    assert tickets.said_of("U", EDGE) == NOTHING


def test_what_lies_before_the_edge_is_not_known_even_where_it_was_not_forgotten_yet() -> None:
    tickets = closed(Closing(200, "T", 50.0), Closing(300, "T", None, 24.0))
    tickets.escalate("T", 250, EDGE)
    assert tickets.said_of("T", 280) == Said(None, None, 24.0)
    assert tickets.close(Closing(270, "T"), 280) == LATE


def test_expired_is_forgotten() -> None:
    tickets = closed(Closing(200, "T", 50.0), Closing(300, "U"))
    tickets.escalate("T", 200, EDGE)
    tickets.escalate("U", 300, EDGE)
    tickets.expire(250)
    assert ([each.ticket for each in tickets.closed], tickets.escalated) == (["U"], {"U": 300})
    assert tickets.said_of("T", EDGE) == NOTHING


def test_a_customer_with_ever_more_escalations_is_remembered_within_bounds() -> None:
    tickets = Tickets()
    for at in range(MOST_ESCALATED + 10):
        tickets.escalate(f"T{at}", 1000 + at, EDGE)
    assert len(tickets.escalated) == MOST_ESCALATED
    assert tickets.said_of("T9", EDGE) == NOTHING
    assert tickets.said_of("T10", EDGE) == Said(1010)


def test_tickets_are_counted_once_and_only_within_the_span() -> None:
    tickets = closed(
        Closing(199, "before"),
        Closing(200, "T"),
        Closing(250, "T"),
        Closing(300, "U"),
        Closing(300, "rated"),
        Closing(301, "after"),
    )
    assert tickets.closed_between(200, 300, {"rated"}) == 2
