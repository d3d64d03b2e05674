"""Which steps does an alert's revision ask for, and what does a later one mean for those before it?"""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas import alert_fields
from schemas.alert import Alert
from schemas.delivery import Change, LedgerRow, Sink, State, Step
from schemas.workflow import Condition, StepAction, Workflow

SINKS: Mapping[StepAction, Sink] = {
    StepAction.SLACK_DM: Sink.SLACK,
    StepAction.CREATE_TASK: Sink.TASKS,
    StepAction.DELEGATE_TO_AGENT: Sink.EMAIL,
}
"""The destination of each action."""


def matches(workflow: Workflow, alert: Alert) -> bool:
    """Whether the alert is of the workflow's kind and every condition of its filter holds."""
    if workflow.trigger.kind is not alert.kind:
        return False
    record = alert.model_dump(mode="json") if workflow.trigger.filter else {}
    return all(
        fulfils(alert_fields.value(record, field), condition) for field, condition in workflow.trigger.filter.items()
    )


def fulfils(value: object, condition: Condition) -> bool:
    """Whether a JSON value is as `condition` says. An unknown value (None) fulfils nothing.

    Only like is compared with like: text equals no number, and only numbers are larger or smaller.
    """
    if value is None:
        return False
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    limits = (condition.lt, condition.lte, condition.gt, condition.gte)
    if number is None and any(limit is not None for limit in limits):
        return False
    return (
        (condition.eq is None or _same(value, condition.eq))
        and (condition.ne is None or not _same(value, condition.ne))
        and (condition.in_ is None or any(_same(value, each) for each in condition.in_))
        and (
            number is None
            or (
                (condition.lt is None or number < condition.lt)
                and (condition.lte is None or number <= condition.lte)
                and (condition.gt is None or number > condition.gt)
                and (condition.gte is None or number >= condition.gte)
            )
        )
    )


def steps(alert: Alert, workflows: Sequence[Workflow]) -> tuple[Step, ...]:
    """The steps that an open alert is owed: those of every workflow that matches. Closed and silent ones: none."""
    if alert.silent or not alert.status.open:
        return ()
    return tuple(
        Step(
            step=f"{workflow.workflow}/{step.id}",
            workflow=workflow.workflow,
            sink=SINKS[step.action],
            lane=_lane(alert) if step.action is StepAction.SLACK_DM else None,
            config=step.config.model_dump(mode="json"),
        )
        for workflow in workflows
        if matches(workflow, alert)
        for step in workflow.steps
    )


def changes(alert: Alert, workflows: Sequence[Workflow], rows: Sequence[LedgerRow]) -> tuple[Change, ...]:
    """What this revision, newer than all before it, means for the alert's `rows` in the ledger.

    - Open: every step of the workflows is due, the new ones and, as an update, those done before; also one that failed
      or was cancelled, for the revision may have what it lacked. A step that no workflow asks for any more is cancelled
      unless it was shown.
    - Silent: no new steps; those that are there follow the revision.
    - Retracted or resolved: what was shown, or may have been, is due once more so that the destination says so; what
      was not is cancelled.
    """
    owed = {step.step: step for step in steps(alert, workflows)}
    due = [Change(step.step, State.DUE, step) for step in owed.values()]
    return (*due, *(change for row in rows if row.step not in owed and (change := _change(alert, row))))


def _change(alert: Alert, row: LedgerRow) -> Change | None:
    shown = row.shown_revision > 0 or row.uncertain or row.state is State.CLAIMED
    if shown or (alert.silent and alert.status.open and row.state is not State.CANCELLED):
        return Change(row.step, State.DUE)
    return None if row.state is State.CANCELLED else Change(row.step, State.CANCELLED)


def _lane(alert: Alert) -> str:
    # One person's messages, or those of nobody known: about one message a second goes into a channel.
    csm = alert.customer.csm if alert.customer else None
    return (csm.slack_user_id or csm.email) if csm else ""


def _same(value: Any, wanted: Any) -> bool:  # noqa: ANN401 (any two JSON values)
    # Python's True equals 1; a flag is no number.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
