"""The life of an alert: what fires, updates, resolves and retracts it, and when nobody is told."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.alert import Kind, Status, alert_id_text
from schemas.customer import Customer
from schemas.policy import load_policy
from schemas.wire import Alert, decode_event
from streams.pipeline import Pipeline
from streams.topology import HEADER_BACKFILL
from tests.memory import ACME, NOW, KeptStates, Record, answer, records

POLICY = load_policy(None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCOUNT = Customer(customer_id=ACME, name="Acme", arr=30_000, currency="USD")


class Run:
    """A pipeline that keeps its states and reads them back after each event, as over a restart."""

    def __init__(self, accounts: Mapping[str, Customer] | None = None) -> None:
        self.pipeline = Pipeline(POLICY, 1)
        self.states = KeptStates()
        self.accounts = {ACME: ACCOUNT} if accounts is None else accounts
        self.offset = 0

    def take(self, *events: Mapping[str, Any], at: datetime | None = None, backfill: bool = False) -> list[Alert]:
        raised = []
        for record in records(events, first=self.offset, at=at):
            record.headers = ((HEADER_BACKFILL, b"1"),) if backfill else ()
            raised += self._take(record)
        return raised

    def _take(self, record: Record) -> list[Alert]:
        self.offset = record.offset + 1
        out = self.pipeline.process([record], 0, self.states, self.accounts, NOW)
        assert not out.refused
        self.states.keep()
        return [each.alert for each in out.raised]

    def kept_events(self) -> int:
        return sum("/s" in key for key in self.states.store)


def closing(ticket: str, at: datetime, **facts: Any) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_closed",
        "event_id": f"c-{ticket}-{at.timestamp()}",
        "customer_id": ACME,
        "ticket_id": ticket,
        "closed_at": at.isoformat(),
        **facts,
    }


def escalation(ticket: str, at: datetime) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_escalated",
        "event_id": f"x-{ticket}-{at.timestamp()}",
        "customer_id": ACME,
        "ticket_id": ticket,
        "escalated_at": at.isoformat(),
    }


def erasure() -> dict[str, Any]:
    return {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": ACME}


def said(alerts: Iterable[Alert]) -> list[tuple[str, int, str]]:
    return [(alert.status, alert.revision, alert.severity) for alert in alerts]


def poor(ticket: str = "T", at: datetime = NOW, **more: Any) -> dict[str, Any]:
    return answer(2, at, ticket_id=ticket, **more)


def test_an_escalation_after_the_alert_updates_it_and_raises_it() -> None:
    run = Run()
    (fired,) = run.take(poor(feedback="slow", contact={"name": "Pat"}))
    (updated,) = run.take(escalation("T", NOW + 30 * HOUR))
    assert said([fired, updated]) == [("firing", 1, "medium"), ("updated", 2, "high")]
    assert updated.alert_id == fired.alert_id == alert_id_text(Kind.POOR_RATING, ACME, "T")
    assert updated.ticket.was_escalated
    assert updated.context.escalated_at == NOW + 30 * HOUR
    assert (updated.feedback, updated.contact, updated.event_id) == ("slow", fired.contact, fired.event_id)
    assert "Raised to high: the ticket was escalated on 2026-06-02." in updated.reasons
    assert updated.reasons[-1] == "Updated: the ticket was escalated on 2026-06-02."
    assert "coordinate" in [action.kind for action in updated.suggested_actions]


def test_an_escalation_before_the_rating_counts_too() -> None:
    run = Run()
    assert run.take(escalation("T", NOW - 3 * DAY)) == []
    (fired,) = run.take(poor())
    assert said([fired]) == [("firing", 1, "high")]
    assert "Raised to high: the ticket was escalated on 2026-05-29." in fired.reasons


@pytest.mark.parametrize(
    "again",
    [
        [escalation("T", NOW + HOUR)],  # the same record of a sender that repeats itself
        [escalation("T", NOW + 2 * HOUR)],
        [escalation("other", NOW + HOUR)],
        [closing("T", NOW + HOUR)],
        [closing("T", NOW + HOUR, resolution_time_hours=3.0, sla_hours=24.0)],
    ],
)
def test_what_changes_nothing_about_it_raises_nothing(again: list[dict[str, Any]]) -> None:
    run = Run()
    run.take(poor(), escalation("T", NOW + HOUR))
    assert run.take(*again) == []


def test_a_rating_that_says_itself_that_it_was_escalated_is_not_updated_for_it() -> None:
    run = Run()
    assert said(run.take(poor(was_escalated=True))) == [("firing", 1, "high")]
    assert run.take(escalation("T", NOW + HOUR)) == []


def test_a_ticket_that_is_closed_late_updates_the_alert() -> None:
    run = Run()
    run.take(poor())
    (updated,) = run.take(closing("T", NOW + HOUR, resolution_time_hours=30.0, sla_hours=24.0))
    assert said([updated]) == [("updated", 2, "high")]
    assert updated.reasons[-1] == "Updated: the ticket took 30 hours, 24 hours promised."
    (corrected,) = run.take(closing("T", NOW + 2 * HOUR, resolution_time_hours=20.0))
    assert said([corrected]) == [("updated", 3, "medium")]
    assert corrected.reasons[-1] == "Updated: the ticket took 20 hours, 24 hours promised."


def test_the_rating_knows_better_than_the_closing() -> None:
    run = Run()
    run.take(poor(resolution_time_hours=2.0))
    assert run.take(closing("T", NOW + HOUR, resolution_time_hours=90.0, sla_hours=24.0)) == []


def test_each_alert_on_a_ticket_is_updated() -> None:
    run = Run()
    run.take(poor(response_id="R1"), poor(at=NOW + HOUR, response_id="R2"), answer(5, NOW + 2 * HOUR, ticket_id="T"))
    found = run.take(escalation("T", NOW + 3 * HOUR))
    assert [(alert.response_id, alert.revision) for alert in found] == [("R1", 2), ("R2", 2)]


def test_a_retracted_alert_is_left_alone() -> None:
    run = Run()
    run.take(poor(), answer(4, NOW + HOUR, ticket_id="T"))
    assert run.take(escalation("T", NOW + 2 * HOUR)) == []
    assert run.kept_events() == 0


def test_fired_updated_retracted_and_fired_again_under_one_id() -> None:
    run = Run()
    found = run.take(
        poor(),
        answer(1, NOW + HOUR, ticket_id="T"),
        escalation("T", NOW + 2 * HOUR),
        answer(4, NOW + 3 * HOUR, ticket_id="T"),
        answer(2, NOW + 4 * HOUR, ticket_id="T"),
    )
    assert [(alert.status, alert.revision) for alert in found] == [
        ("firing", 1),
        ("updated", 2),
        ("updated", 3),
        ("retracted", 4),
        ("firing", 5),
    ]
    assert len({alert.alert_id for alert in found}) == 1


def test_what_was_said_is_kept_while_the_alert_stands_and_in_the_window() -> None:
    run = Run()
    run.take(poor())
    assert run.kept_events() == 1
    run.take(answer(5, NOW + 121 * DAY))
    assert run.kept_events() == 0
    assert run.take(escalation("T", NOW + 121 * DAY)) == []


def test_nothing_is_kept_of_a_good_rating_or_a_silent_one() -> None:
    run = Run()
    run.take(answer(4, NOW))
    run.take(poor(), at=NOW + 8 * DAY)
    assert run.kept_events() == 0


def test_an_erased_customer_is_forgotten_with_what_was_said_of_the_tickets() -> None:
    run = Run()
    run.take(poor(feedback="words"), poor("U", NOW + HOUR), escalation("V", NOW))
    run.take(erasure())
    assert run.kept_events() == 0
    assert not any(b"words" in value for value in run.states.store.values())
    assert run.take(escalation("T", NOW + HOUR)) == []
    (fired,) = run.take(poor("V", NOW + 2 * HOUR))
    assert (fired.severity, fired.context.previous_n) == ("medium", None)


def test_an_update_reaches_an_account_that_comes_later() -> None:
    run = Run({})
    run.take(poor())
    (updated,) = run.take(escalation("T", NOW + HOUR))
    assert updated.customer is None
    ((known, _),) = run.pipeline.account_arrived(ACCOUNT, run.states, NOW)
    assert (known.status, known.revision, known.severity) == (Status.UPDATED, 3, "high")
    assert known.ticket.was_escalated


@pytest.mark.parametrize(("late", "backfill"), [(True, False), (False, True)])
def test_an_old_escalation_updates_the_alert_and_tells_nobody_anew(late: bool, backfill: bool) -> None:
    run = Run()
    run.take(poor())
    event = escalation("T", NOW + HOUR)
    (updated,) = run.take(event, at=NOW + 9 * DAY if late else None, backfill=backfill)
    assert updated.silent is True


@pytest.mark.parametrize(
    ("age", "backfill", "silent"),
    [(7 * DAY, False, False), (7 * DAY + HOUR, False, True), (HOUR, True, True), (HOUR, False, False)],
)
def test_what_is_old_or_backfilled_is_recorded_and_nobody_told(age: timedelta, backfill: bool, silent: bool) -> None:
    (alert,) = Run().take(poor(), at=NOW + age - timedelta(seconds=1), backfill=backfill)
    assert bool(alert.silent) is silent
    assert alert.alert_id == alert_id_text(Kind.POOR_RATING, ACME, "T")
    assert alert.reasons[-1].startswith("Recorded only") is silent


def test_a_rating_older_than_the_window_raises_nothing() -> None:
    run = Run()
    run.take(answer(5, NOW + 121 * DAY))
    assert run.take(poor(at=NOW), at=NOW + 121 * DAY) == []


def test_a_large_event_is_kept_without_what_csatwatch_does_not_know() -> None:
    run = Run()
    run.take(poor(feedback="words") | {f"other_{i}": "x" * 1000 for i in range(100)})
    (kept,) = [value for key, value in run.states.store.items() if "/s" in key]
    assert len(kept) < 1000
    assert decode_event(kept).event_id == run.take(escalation("T", NOW + HOUR))[0].event_id
