from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.event import Contact, CsatReceived, CustomerErased, TicketClosed, TicketEscalated
from sinks.ratings import Arrival, answer_rows, ticket_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMER = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def answer(event_id: str, minutes: float, rating: int = 3, **more: Any) -> Arrival:
    event = CsatReceived(
        event_id=event_id,
        customer_id=CUSTOMER,
        ticket_id="T-1",
        rating=rating,
        responded_at=at(minutes),
        **more,
    )
    return Arrival(event, at(minutes + 1))


def test_the_later_answer_of_a_survey_counts() -> None:
    rows = answer_rows([answer("b", 5, rating=4), answer("c", 1, rating=1), answer("a", 3, rating=2)], {})
    assert [(row["event_id"], row["rating"], row["response_id"]) for row in rows] == [("b", 4, "T-1")]


def test_of_two_answers_at_one_time_the_event_id_decides_by_its_bytes() -> None:
    first, second = answer("Z", 0), answer("a", 0)
    for batch in ([first, second], [second, first]):
        assert [row["event_id"] for row in answer_rows(batch, {})] == ["a"]


def test_two_surveys_of_one_ticket_are_two_rows() -> None:
    rows = answer_rows([answer("a", 0), answer("b", 1, response_id="R-2")], {})
    assert sorted(row["response_id"] for row in rows) == ["R-2", "T-1"]


def test_what_was_said_before_an_erasure_comes_without_its_text() -> None:
    said = answer("a", 0, feedback="mine", ticket_subject="mine", contact=Contact(name="mine"), ticket_category="Bug")
    (row,) = answer_rows([said], {CUSTOMER: at(2)})
    assert (row["feedback"], row["ticket_subject"], row["contact"]) == (None, None, None)
    assert (row["rating"], row["ticket_category"]) == (3, "Bug")
    (ticket,) = ticket_rows([said], {CUSTOMER: at(2)})
    assert "ticket_subject" not in ticket
    assert ticket["ticket_category"] == "Bug"


def test_what_was_said_after_an_erasure_keeps_its_text() -> None:
    (row,) = answer_rows([answer("a", 5, feedback="new")], {CUSTOMER: at(2)})
    assert row["feedback"] == "new"


def test_a_senders_clock_ahead_of_ours_does_not_outlive_an_erasure() -> None:
    ahead = Arrival(answer("a", 50, feedback="mine").event, at(0))
    (row,) = answer_rows([ahead], {CUSTOMER: at(1)})
    assert row["feedback"] is None


def test_a_ticket_is_what_was_said_last_of_each_fact() -> None:
    closed = Arrival(
        TicketClosed(
            event_id="c", customer_id=CUSTOMER, ticket_id="T-1", closed_at=at(10), ticket_subject="new", sla_hours=4
        ),
        at(11),
    )
    escalated = Arrival(TicketEscalated(event_id="e", customer_id=CUSTOMER, ticket_id="T-1", escalated_at=at(2)), at(2))
    asked = answer("a", 5, ticket_subject="old", ticket_category="Bug", sla_hours=8.0, was_escalated=False)
    for batch in ([closed, escalated, asked], [asked, closed, escalated], [escalated, asked, closed]):
        (row,) = ticket_rows(batch, {})
        assert (row["ticket_subject"], row["ticket_category"], row["sla_hours"]) == ("new", "Bug", 4)
        assert row["was_escalated"] is True
        assert row["closed_at"] == at(10).isoformat()
        assert row["escalated_at"] == at(2).isoformat()
        assert row["said_at"]["ticket_subject"] - row["said_at"]["ticket_category"] == 5 * 60 * 1_000_000


def test_an_erasure_makes_no_row_of_its_own() -> None:
    erased = [Arrival(CustomerErased(event_id="x", customer_id=CUSTOMER), at(0))]
    assert answer_rows(erased, {}) == ticket_rows(erased, {}) == []
