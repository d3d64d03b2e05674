"""What a CSM is shown beside the rating itself, once everything is known."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.alert import Alert, Context
from sinks.slack import as_text, message
from tests.alerts import CUSTOMER, TICKET, alert

GOLDEN = Path(__file__).parents[3] / "golden" / "slack"
CONTEXT = Context(
    tickets_30d=3,
    previous_avg=4.2,
    previous_n=10,
    low_ratings_30d=2,
    category_usual=3.9,
    escalated_at=datetime(2026, 5, 11, 8, tzinfo=UTC),
    renewal_in_days=49,
)


def everything() -> Alert:
    return alert(
        context=CONTEXT,
        customer=CUSTOMER.model_copy(update={"renewal_at": datetime(2026, 6, 30, 12, tzinfo=UTC)}),
        ticket=TICKET.model_copy(update={"was_escalated": True, "first_contact_resolution": True}),
    )


def test_all_of_it_line_by_line() -> None:
    assert as_text(message(everything())).splitlines() == (GOLDEN / "all_known.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"context": CONTEXT.model_copy(update={"renewal_in_days": None})}, "Renewal"),
        ({"context": CONTEXT.model_copy(update={"category_usual": None})}, "Usual"),
        ({"ticket": TICKET}, "Escalated"),
        ({"ticket": TICKET.model_copy(update={"first_contact_resolution": False})}, "First Contact"),
    ],
)
def test_what_does_not_hold_is_left_out(changes: dict[str, object], gone: str) -> None:
    example = everything()
    assert gone in as_text(message(example))
    assert gone not in as_text(message(example.model_copy(update=changes)))


def test_an_escalation_without_a_day_is_still_told() -> None:
    example = everything().model_copy(update={"context": CONTEXT.model_copy(update={"escalated_at": None})})
    assert "Escalated: yes" in as_text(message(example))
