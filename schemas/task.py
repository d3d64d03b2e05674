"""What it means that somebody closed a task elsewhere."""

from datetime import datetime
from uuid import UUID, uuid5

from schemas.action import Action, ActionKind

_NAMESPACE = UUID("1f0c7d0e-94b5-5d52-8c0a-6a3b5e0b8b0d")


def closed_there(
    system: str, external_id: str, *, alert_id: UUID | str, customer_id: UUID | str, at: datetime, by: str | None = None
) -> Action:
    """The follow-up that it is. Told twice, it is one action.

    Args:
        system: the task system.
        external_id: what it calls the task.
        alert_id: what the task is about.
        customer_id: of whom.
        at: when it was closed there.
        by: who did; None: the system does not say.
    """
    alert = UUID(str(alert_id))
    return Action(
        action_id=uuid5(_NAMESPACE, f"{system}|{external_id}|{alert}"),
        alert_id=alert,
        customer_id=str(customer_id),
        kind=ActionKind.FOLLOWED_UP,
        by=by or system,
        at=at,
        note=f"The task {external_id} was closed in {system}.",
    )
