"""Workflows: which steps follow an alert. YAML files, one workflow each."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from schemas.action import ActionKind
from schemas.alert import Kind
from schemas.duration import Duration
from schemas.filter import Filter, Mistake
from schemas.life import HANDLED
from schemas.part import Part, mistakes

EVENT_KINDS: Mapping[str, Kind] = {
    "support_csat_received": Kind.POOR_RATING,
    "support_trend_declined": Kind.DECLINING_TREND,
    "support_weekly_digest": Kind.WEEKLY_DIGEST,
}
"""The kind of alert that each `trigger.event` means."""

_FOLLOWED_UP = (
    ActionKind.FOLLOWED_UP,
    ActionKind.EMAIL_SENT,
    ActionKind.CALL_SCHEDULED,
)

UNLESS: Mapping[str, tuple[ActionKind, ...]] = {
    "acknowledged": HANDLED,
    "followed_up": _FOLLOWED_UP,
    "email_sent": (ActionKind.EMAIL_SENT,),
    "call_scheduled": (ActionKind.CALL_SCHEDULED,),
    "coordinated": (ActionKind.COORDINATED,),
    "snoozed": (ActionKind.SNOOZED,),
    "not_useful": (ActionKind.NOT_USEFUL,),
}
"""What a delayed step can wait to see, and the actions that count as that: who followed up has taken note too."""


class StepAction(StrEnum):
    """What a step can do by itself; an action of the user's own has another name."""

    SLACK_DM = "slack_dm"
    CREATE_TASK = "create_task"
    DELEGATE_TO_AGENT = "delegate_to_agent"


class Trigger(Part):
    """Which alerts start the workflow."""

    type: Literal["event"]
    event: Literal["support_csat_received", "support_trend_declined", "support_weekly_digest"]
    filter: Filter = Filter()
    """What the alert must be besides."""

    @property
    def kind(self) -> Kind:
        """The kind of alert meant."""
        return EVENT_KINDS[self.event]


class SlackDm(Part):
    """Configuration of `slack_dm`."""

    message_template: str
    include_ticket_context: bool = True


class CreateTask(Part):
    """Configuration of `create_task`; `title` is a template over the alert."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    due_date_offset_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24
    due_date_from: Literal["detected_at", "occurred_at"] = "detected_at"
    """What the offset counts from: an answer that arrives days late is then not overdue at once."""
    priority: Literal["urgent", "high", "normal", "low"] = "normal"


class DraftParams(Part):
    """Parameters of what the communicator writes."""

    template: str


class Delegate(Part):
    """Configuration of `delegate_to_agent`."""

    agent: Literal["communicator"]
    action: Literal["draft_email", "send_email"]
    """`draft_email` leaves the draft to a person; `send_email` sends it at once, from the CSM's name, unasked."""
    params: DraftParams


class Variant(Part):
    """Another configuration for some alerts, such as those of a tier."""

    when: Filter
    config: Annotated[dict[str, Any], Field(min_length=1)]
    """What differs: it is laid over the step's own."""


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Unless = Literal["acknowledged", "followed_up", "email_sent", "call_scheduled", "coordinated", "snoozed", "not_useful"]


class _Step(Part):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    when: Filter = Filter()
    """What the alert must be for this step."""
    after: Duration | None = None
    """How long it waits, from when delivery has the alert."""
    unless: Annotated[tuple[Unless, ...], BeforeValidator(_one_or_more)] = ()
    """What makes it needless: done by somebody within `after`, the step is cancelled."""
    variants: tuple[Variant, ...] = ()
    """The first that applies counts."""
    config: Any

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if wrong := mistakes(self._mistakes()):
            raise wrong
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        if self.unless and self.after is None:
            yield ("unless",), "is nothing without after: say how long to wait for it, like after: 48h", self.unless
        if not isinstance(self.config, Part):
            return
        for place, variant in enumerate(self.variants):
            try:
                self.with_config(variant.config)
            except ValidationError as error:
                for each in error.errors(include_url=False):
                    yield ("variants", place, "config", *each["loc"]), each["msg"], each["input"]

    def with_config(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The step's configuration in JSON form, with `changes` laid over it. Raises `pydantic.ValidationError`."""
        if not isinstance(self.config, Part):
            return merged(self.config, changes)
        whole = type(self.config).model_validate(merged(self.config.model_dump(mode="json"), changes))
        return whole.model_dump(mode="json")


class SlackStep(_Step):
    """Tell the CSM."""

    action: Literal[StepAction.SLACK_DM]
    config: SlackDm


class TaskStep(_Step):
    """Put it on the CSM's list."""

    action: Literal[StepAction.CREATE_TASK]
    config: CreateTask


class DelegateStep(_Step):
    """Have an agent prepare something."""

    action: Literal[StepAction.DELEGATE_TO_AGENT]
    config: Delegate


class OwnStep(_Step):
    """An action of the user's own; whether it is there, and its configuration, are looked at with its file."""

    action: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"),
        Field(json_schema_extra={"not": {"enum": [action.value for action in StepAction]}}),
    ]
    config: dict[str, Any] = Field(default_factory=dict)


_OWN = "own"
TAGS = frozenset({*StepAction, _OWN})
"""What pydantic puts into the place of a mistake beside the keys of the file."""


def _tag(value: Any) -> str:  # noqa: ANN401 (whatever stands in the file)
    action = value.get("action") if isinstance(value, Mapping) else getattr(value, "action", None)
    return str(action) if action in set(StepAction) else _OWN


Step = Annotated[
    Annotated[SlackStep, Tag(StepAction.SLACK_DM.value)]
    | Annotated[TaskStep, Tag(StepAction.CREATE_TASK.value)]
    | Annotated[DelegateStep, Tag(StepAction.DELEGATE_TO_AGENT.value)]
    | Annotated[OwnStep, Tag(_OWN)],
    Discriminator(_tag),
]


class Expected(Part):
    """A step that a test expects, with those of its settings that matter."""

    id: str
    after: Duration | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    """Parts of its configuration, a task's title as it reads."""


def _given(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple) and value and all(isinstance(each, Mapping) for each in value):
        return tuple(dict(each) for each in value)
    raise ValueError("must be a mapping of fields, or a list of events")


def _step_by_id(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


Given = Annotated[
    Any,
    BeforeValidator(_given),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}]}),
]


class Rehearsal(Part):
    """A test of the workflow: what is given, and which steps must follow."""

    name: str
    given: Given
    """Fields of an alert, those of an event among them; or a list of events, which the policy judges."""
    customer: dict[str, Any] = Field(default_factory=dict)
    """The account behind the events."""
    done: tuple[ActionKind, ...] = ()
    """What people have done with the alert before a delayed step is due."""
    expect: tuple[Annotated[Expected, BeforeValidator(_step_by_id, json_schema_input_type=str | Expected)], ...]
    """The steps in their order, each by its id or with what matters of it; none: the alert is left alone."""


class Workflow(Part):
    """One workflow file."""

    workflow: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
    version: Annotated[str, Field(coerce_numbers_to_str=True), WithJsonSchema({"type": ["string", "number"]})]
    trigger: Trigger
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    tests: tuple[Rehearsal, ...] = ()
    """`csatwatch check` runs them."""

    @model_validator(mode="after")
    def _each_step_has_its_own_id(self) -> Self:
        if wrong := mistakes(self._mistakes()):
            raise wrong
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        # The ledger has one row an (alert, step).
        ids: set[str] = set()
        for place, step in enumerate(self.steps):
            if step.id in ids:
                yield ("steps", place, "id"), f"{step.id!r} is used twice: give each step its own", step.id
            ids.add(step.id)
        for number, test in enumerate(self.tests):
            for place, expected in enumerate(test.expect):
                if expected.id not in ids:
                    text = f"{expected.id!r} is no step of this workflow: write {' or '.join(sorted(ids))}"
                    yield ("tests", number, "expect", place), text, {}


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`, mapping by mapping."""
    return dict(under) | {
        key: merged(under[key], value) if isinstance(value, dict) and isinstance(under.get(key), dict) else value
        for key, value in over.items()
    }
