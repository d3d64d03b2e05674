"""Workflows: which steps follow an alert. YAML files, one workflow each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.alert import Kind

EVENT_KINDS: Mapping[str, Kind] = {
    "support_csat_received": Kind.POOR_RATING,
    "support_trend_declined": Kind.DECLINING_TREND,
    "support_weekly_digest": Kind.WEEKLY_DIGEST,
}
"""The kind of alert that each `trigger.event` means."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class StepAction(StrEnum):
    """What a step can do."""

    SLACK_DM = "slack_dm"
    CREATE_TASK = "create_task"
    DELEGATE_TO_AGENT = "delegate_to_agent"


Number = int | float


class Condition(_Part):
    """What a field of the alert must be; all that is given must hold."""

    eq: str | bool | Number | None = None
    ne: str | bool | Number | None = None
    lt: Number | None = None
    lte: Number | None = None
    gt: Number | None = None
    gte: Number | None = None
    in_: Annotated[tuple[str | Number, ...] | None, Field(alias="in")] = None


class Trigger(_Part):
    """Which alerts start the workflow."""

    type: Literal["event"]
    event: Literal["support_csat_received", "support_trend_declined", "support_weekly_digest"]
    filter: dict[str, Condition] = {}
    """By dotted field of the alert, as in `rating` or `customer.tier`. A field without a value fulfils nothing."""

    @property
    def kind(self) -> Kind:
        """The kind of alert meant."""
        return EVENT_KINDS[self.event]


class SlackDm(_Part):
    """Configuration of `slack_dm`."""

    message_template: str
    include_ticket_context: bool = True


class CreateTask(_Part):
    """Configuration of `create_task`; `title` is a template over the alert."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    due_date_offset_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24
    due_date_from: Literal["detected_at", "occurred_at"] = "detected_at"
    """What the offset counts from: an answer that arrives days late is then not overdue at once."""
    priority: Literal["urgent", "high", "normal", "low"] = "normal"


class DraftParams(_Part):
    """Parameters of the communicator's `draft_email`."""

    template: str


class Delegate(_Part):
    """Configuration of `delegate_to_agent`."""

    agent: Literal["communicator"]
    action: Literal["draft_email"]
    params: DraftParams


class SlackStep(_Part):
    """Tell the CSM."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    action: Literal[StepAction.SLACK_DM]
    config: SlackDm


class TaskStep(_Part):
    """Put it on the CSM's list."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    action: Literal[StepAction.CREATE_TASK]
    config: CreateTask


class DelegateStep(_Part):
    """Have an agent prepare something."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    action: Literal[StepAction.DELEGATE_TO_AGENT]
    config: Delegate


Step = Annotated[SlackStep | TaskStep | DelegateStep, Field(discriminator="action")]


class Workflow(_Part):
    """One workflow file."""

    workflow: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
    version: Annotated[str, Field(coerce_numbers_to_str=True)]
    trigger: Trigger
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 (pydantic's own signature)
        """Refuse two steps of one id: the ledger has one row an (alert, step)."""
        del context
        ids = [step.id for step in self.steps]
        twice = {i for i in ids if ids.count(i) > 1}
        if twice:
            msg = f"steps: the id {twice.pop()!r} is used twice: give each step its own"
            raise ValueError(msg)
