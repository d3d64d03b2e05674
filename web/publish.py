"""What people do goes out as records of `csm-actions`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

from schemas.action import NONE, Action, ActionKind
from web.viewer import Viewer

Publish = Callable[[Action], Awaitable[None]]
"""Returns once the action is on `csm-actions`. Raises what it likes."""


def system_action(kind: ActionKind, viewer: Viewer, *, session: str | None = None, letter: str | None = None) -> Action:
    """What this person does now to csatwatch itself."""
    return Action(
        action_id=uuid4(),
        alert_id=NONE,
        customer_id=str(NONE),
        kind=kind,
        by=viewer.email,
        by_name=viewer.name,
        at=datetime.now(UTC),
        session=session,
        letter=letter,
    )
