"""Which steps does an alert's revision ask for, and what does a later one mean for those before it?"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from schemas.alert import Alert
from schemas.delivery import Change, LedgerRow, Sink, State, Step
from schemas.digest import Digest
from schemas.notice import notice_of
from schemas.workflow import UNLESS, StepAction, Workflow
from schemas.workflow import Step as WorkflowStep
from streams.filter import holds

SINKS: Mapping[str, Sink] = {
    StepAction.SLACK_DM: Sink.SLACK,
    StepAction.CREATE_TASK: Sink.TASKS,
    StepAction.DELEGATE_TO_AGENT: Sink.EMAIL,
}
"""The destination of each action; one of the user's own is its own destination."""


def matches(workflow: Workflow, alert: Alert | Digest) -> bool:
    """Whether the alert is of the workflow's kind and passes its filter."""
    return workflow.trigger.kind is alert.kind and holds(workflow.trigger.filter, alert.model_dump(mode="json"))


def steps(alert: Alert | Digest, workflows: Sequence[Workflow]) -> tuple[Step, ...]:
    """The steps that an open alert is owed: those of every workflow that matches.

    Closed and silent ones are owed none, nor are those that the policy leaves to the weekly digest.
    """
    only_listed = isinstance(alert, Alert) and alert.route is not None and alert.route.to == "digest"
    if alert.silent or only_listed or not alert.status.open:
        return ()
    # By alias, as the fields are named in files; times as text.
    record = alert.model_dump(mode="json")
    return tuple(
        Step(
            step=f"{workflow.workflow}/{step.id}",
            workflow=workflow.workflow,
            sink=SINKS.get(step.action, step.action),
            lane=_lane(alert) if step.action == StepAction.SLACK_DM else None,
            config=config_for(step, record),
            delay=step.after or timedelta(0),
            unless=tuple(dict.fromkeys(kind.value for name in step.unless for kind in UNLESS[name])),
        )
        for workflow in workflows
        if workflow.trigger.kind is alert.kind and holds(workflow.trigger.filter, record)
        for step in workflow.steps
        if holds(step.when, record)
    )


def config_for(step: WorkflowStep, record: Mapping[str, Any]) -> dict[str, Any]:
    """The step's configuration for an alert in its JSON form: that of the first variant that applies."""
    variant = next((each for each in step.variants if holds(each.when, record)), None)
    return step.with_config(variant.config if variant else {})


def changes(alert: Alert | Digest, workflows: Sequence[Workflow], rows: Sequence[LedgerRow]) -> tuple[Change, ...]:
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


def _change(alert: Alert | Digest, row: LedgerRow) -> Change | None:
    shown = row.shown_revision > 0 or row.uncertain or row.state is State.CLAIMED
    if notice_of(row.step) and not shown and alert.status.open and not alert.silent:
        # What waits to see whether anybody answers goes on waiting.
        return None
    if shown or (alert.silent and alert.status.open and row.state is not State.CANCELLED):
        return Change(row.step, State.DUE)
    return None if row.state is State.CANCELLED else Change(row.step, State.CANCELLED)


def _lane(alert: Alert | Digest) -> str:
    # One person's messages, or those of nobody known: about one message a second goes into a channel.
    csm = alert.csm if isinstance(alert, Digest) else alert.customer.csm if alert.customer else None
    return (csm.slack_user_id or csm.email) if csm else ""
