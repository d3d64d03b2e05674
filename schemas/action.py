"""What people do with an alert or with csatwatch itself, and what came of it: the records of `csm-actions`."""

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from schemas.event import Contact, Feedback
from schemas.record import CustomerId, Identifier, NoNul, Record, ShortText, Time, Url


class ActionKind(StrEnum):
    """Requests come from people, or from a workflow that says so; results only from the delivery process.

    What a workflow has sent by itself is no answer of a person's: nobody has the alert in hand by it.
    """

    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    FOLLOWED_UP = "followed_up"
    USEFUL = "useful"
    NOT_USEFUL = "not_useful"
    RETRIED = "retried"
    EMAIL_REQUESTED = "email_requested"
    CALL_REQUESTED = "call_requested"
    COORDINATE_REQUESTED = "coordinate_requested"
    WORKFLOW_EMAIL_REQUESTED = "workflow_email_requested"
    EMAIL_SENT = "email_sent"
    EMAIL_FAILED = "email_failed"
    EMAIL_UNKNOWN = "email_unknown"
    CALL_SCHEDULED = "call_scheduled"
    CALL_FAILED = "call_failed"
    CALL_UNKNOWN = "call_unknown"
    COORDINATED = "coordinated"
    COORDINATION_FAILED = "coordination_failed"
    WORKFLOW_EMAIL_SENT = "workflow_email_sent"
    WORKFLOW_EMAIL_FAILED = "workflow_email_failed"
    WORKFLOW_EMAIL_UNKNOWN = "workflow_email_unknown"
    SIGNED_OUT = "signed_out"
    REPLAY_REQUESTED = "replay_requested"
    LINK_REQUESTED = "link_requested"

    @property
    def is_request(self) -> bool:
        """Whether the delivery process has something to carry out, and answers with a result."""
        return self in _NEEDED

    @property
    def is_of_the_system(self) -> bool:
        """Whether it was done to csatwatch itself, and is about no alert: `alert_id` and `customer_id` are `NONE`."""
        return self in _OF_THE_SYSTEM


_OF_THE_SYSTEM = (ActionKind.SIGNED_OUT, ActionKind.REPLAY_REQUESTED, ActionKind.LINK_REQUESTED)
_NEEDED = {
    ActionKind.EMAIL_REQUESTED: ("to", "subject"),
    ActionKind.CALL_REQUESTED: ("to", "subject", "starts_at", "minutes"),
    ActionKind.COORDINATE_REQUESTED: (),
    ActionKind.WORKFLOW_EMAIL_REQUESTED: ("to", "subject"),
}
"""What each kind of request cannot be without."""


NONE = UUID(int=0)
"""In place of an alert's and a customer's id, where something was done to csatwatch itself."""


class Action(Record):
    """One thing done to one alert, or to csatwatch itself.

    `action_id` follows from the click or the form, so a double click is one action.

    An e-mail is sent as its request says, word for word: what the person saw is what goes out.
    """

    action_id: UUID
    """The same for a click that comes twice: it is one action."""
    alert_id: UUID
    """The alert that it is about; all zeros, as the customer, where it is about csatwatch itself."""
    customer_id: CustomerId
    kind: ActionKind
    by: Identifier
    """Who did it: an e-mail address, or a Slack user id where no address is known."""
    by_name: ShortText | None = None
    at: Time
    note: Feedback | None = None
    """What the person says of it; of a result, what people should know of it, such as why it failed."""
    request_id: UUID | None = None
    """The request that a result answers."""
    snoozed_until: Time | None = None
    """Until when its reader wants to hear no more of the alert."""
    step: Annotated[str, NoNul, StringConstraints(min_length=1, max_length=200, strict=True)] | None = None
    """Which step of a workflow that was given up is to be tried again, as the ledger names it."""
    draft_id: UUID | None = None
    """The draft that an e-mail was made of; none where it was written from nothing."""
    draft_version: Annotated[int, Field(ge=1)] | None = None
    """The version that the person had before them."""
    to: Contact | None = None
    """Whom the e-mail or the invitation goes to."""
    subject: Annotated[str, NoNul, StringConstraints(min_length=1, max_length=200, strict=True)] | None = None
    body: Annotated[str, NoNul, StringConstraints(max_length=20_000, strict=True)] | None = None
    """Plain text; of an e-mail request without one the draft's own counts."""
    starts_at: Time | None = None
    minutes: Annotated[int, Field(ge=5, le=480)] | None = None
    time_zone: Annotated[str, NoNul, StringConstraints(max_length=64)] | None = None
    """The one that the person chose the time in, by its IANA name."""
    place: ShortText | None = None
    """Where the call is held, such as a link to a meeting."""
    link: Url | None = None
    """Where the result is to be seen."""
    session: Identifier | None = None
    """Of a sign-out: the session that is over, as SHA-256 of its id."""
    letter: Identifier | None = None
    """Of a replay: the dead letter, as partition:offset, or `all`, or `waiting`."""

    @model_validator(mode="after")
    def _request_is_whole(self) -> Self:
        missing = [name for name in _NEEDED.get(self.kind, ()) if getattr(self, name) is None]
        if self.kind is ActionKind.SNOOZED and self.snoozed_until is None:
            missing = ["snoozed_until"]
        if self.kind is ActionKind.RETRIED and self.step is None:
            missing = ["step"]
        if self.kind is ActionKind.SIGNED_OUT and self.session is None:
            missing = ["session"]
        if missing:
            msg = f"{self.kind} needs {missing[0]}: add it"
            raise ValueError(msg)
        return self
