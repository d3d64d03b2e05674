from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from schemas.alert import Status
from schemas.delivery import Change, LedgerRow, Sink, State
from schemas.filter import Condition
from schemas.workflow import Workflow
from schemas.workflow_files import load_workflows
from streams.filter import fulfils
from streams.route import changes, matches, steps
from tests.alerts import CSM, CUSTOMER, alert, trend

WORKFLOWS = load_workflows(None)
NAMES = [
    "support_satisfaction_response/notify_csm",
    "support_satisfaction_response/create_task",
    "support_satisfaction_response/draft_follow_up",
]


def workflow(name: str = "other", filters: Mapping[str, Any] = MappingProxyType({})) -> Workflow:
    step = {"id": "notify_csm", "action": "slack_dm", "config": {"message_template": "support_satisfaction_drop"}}
    trigger = {"type": "event", "event": "support_csat_received", "filter": dict(filters)}
    return Workflow.model_validate({"workflow": name, "version": "1", "trigger": trigger, "steps": [step]})


def rows(state: State, *, shown: int = 0, uncertain: bool = False) -> list[LedgerRow]:
    return [LedgerRow(name, state, shown, uncertain) for name in NAMES]


def test_the_shipped_workflow_gives_a_message_a_task_and_a_draft() -> None:
    owed = steps(alert(), WORKFLOWS)
    assert [(step.step, step.sink) for step in owed] == list(
        zip(NAMES, [Sink.SLACK, Sink.TASKS, Sink.EMAIL], strict=True)
    )
    assert owed[1].config["due_date_offset_hours"] == 24


def test_a_trend_goes_to_its_own_workflow() -> None:
    assert {step.workflow for step in steps(trend(), WORKFLOWS)} == {"support_trend_response"}


def test_a_rating_that_the_filter_leaves_out_gives_no_steps() -> None:
    assert steps(alert(rating=3), WORKFLOWS) == ()


def test_two_workflows_with_a_step_of_one_name_stay_apart() -> None:
    names = [step.step for step in steps(alert(), [*WORKFLOWS, workflow()])]
    assert len(set(names)) == len(names) == 4


def test_one_persons_messages_share_a_lane_and_tasks_have_none() -> None:
    owed = steps(alert(), WORKFLOWS)
    assert [step.lane for step in owed] == ["ana@example.com", None, None]
    by_id = CUSTOMER.model_copy(update={"csm": CSM.model_copy(update={"slack_user_id": "U1"})})
    assert steps(alert(customer=by_id), WORKFLOWS)[0].lane == "U1"
    assert steps(alert(customer=None), WORKFLOWS)[0].lane == ""


@pytest.mark.parametrize(
    ("value", "condition", "holds"),
    [
        (2, {"lte": 2}, True),
        (3, {"lte": 2}, False),
        (2, {"gt": 1, "lt": 3}, True),
        (3, {"gt": 1, "lt": 3}, False),
        (2.5, {"gte": 2.5}, True),
        ("gold", {"eq": "gold"}, True),
        ("gold", {"ne": "gold"}, False),
        ("gold", {"in": ["gold", "silver"]}, True),
        ("tin", {"in": ["gold", "silver"]}, False),
        (True, {"eq": True}, True),
        (True, {"eq": 1}, False),
        (1, {"eq": True}, False),
        (True, {"gte": 0}, False),
        ("5", {"gte": 1}, False),
        ("5", {"eq": 5}, False),
        (None, {"ne": "gold"}, False),
    ],
)
def test_a_condition(value: object, condition: dict[str, Any], holds: bool) -> None:
    assert fulfils(value, Condition(**condition)) is holds


def test_a_filter_reads_dotted_fields_and_all_must_hold() -> None:
    wanted: dict[str, Any] = {"customer.arr": {"gte": 100_000}, "ticket.ticket_category": {"eq": "Technical Issue"}}
    assert matches(workflow(filters=wanted), alert())
    assert not matches(workflow(filters=wanted), alert(customer=None))
    assert not matches(workflow(filters=wanted | {"severity": {"eq": "low"}}), alert())


def test_a_silent_alert_has_no_steps() -> None:
    assert changes(alert(silent=True), WORKFLOWS, []) == ()


def test_an_update_is_due_for_every_step_whatever_became_of_it() -> None:
    for state in (State.DUE, State.CLAIMED, State.DONE, State.FAILED, State.CANCELLED):
        found = changes(alert(revision=2, status=Status.UPDATED), WORKFLOWS, rows(state, shown=1))
        assert [(change.step, change.state) for change in found] == [(name, State.DUE) for name in NAMES]


@pytest.mark.parametrize("status", [Status.RETRACTED, Status.RESOLVED])
def test_what_is_over_changes_what_was_shown_and_cancels_the_rest(status: Status) -> None:
    over = alert(revision=2, status=status)

    def outcome(row: LedgerRow) -> list[State]:
        return [change.state for change in changes(over, WORKFLOWS, [row])]

    name = NAMES[0]
    assert outcome(LedgerRow(name, State.DONE, 1)) == [State.DUE]
    assert outcome(LedgerRow(name, State.DUE, 1)) == [State.DUE]
    assert outcome(LedgerRow(name, State.FAILED, 1)) == [State.DUE]
    assert outcome(LedgerRow(name, State.CLAIMED)) == [State.DUE]
    assert outcome(LedgerRow(name, State.DUE, 0, uncertain=True)) == [State.DUE]
    assert outcome(LedgerRow(name, State.DUE)) == [State.CANCELLED]
    assert outcome(LedgerRow(name, State.FAILED)) == [State.CANCELLED]
    assert outcome(LedgerRow(name, State.CANCELLED)) == []


def test_an_alert_that_was_over_before_it_was_heard_of_gives_nothing() -> None:
    assert changes(alert(revision=2, status=Status.RETRACTED), WORKFLOWS, []) == ()


def test_a_silent_revision_of_a_known_alert_still_reaches_its_steps() -> None:
    silent = alert(revision=2, status=Status.UPDATED, silent=True)
    assert changes(silent, WORKFLOWS, rows(State.DUE)) == tuple(Change(name, State.DUE) for name in NAMES)
    assert changes(silent, WORKFLOWS, rows(State.DONE, shown=1)) == tuple(Change(name, State.DUE) for name in NAMES)


def test_a_step_that_no_workflow_asks_for_any_more_is_cancelled_unless_it_was_shown() -> None:
    gone = alert(revision=2, status=Status.UPDATED)
    assert changes(gone, [], [LedgerRow("old/step", State.DUE)]) == (Change("old/step", State.CANCELLED),)
    assert changes(gone, [], [LedgerRow("old/step", State.DONE, 1)]) == (Change("old/step", State.DUE),)
