"""What can follow from a click or a form. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from web.slack.known import Who


@dataclass(frozen=True, slots=True)
class Do:
    """An action to be published."""

    action: Action


@dataclass(frozen=True, slots=True)
class Open:
    """A form to be opened."""

    view: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """Words for who clicked alone; nothing is done. `refused`: they may not."""

    text: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Mend:
    """What is wrong in a form, by field."""

    errors: Mapping[str, str]


def action(action_id: UUID, kind: ActionKind, alert: Alert, who: Who, now: datetime, **more: Any) -> Action:  # noqa: ANN401 (each kind has its own fields)
    """An action of this person on the alert; `more` are the fields of its kind. Raises `pydantic.ValidationError`."""
    return Action.model_validate(
        {
            "action_id": action_id,
            "alert_id": alert.alert_id,
            "customer_id": alert.customer_id,
            "kind": kind,
            "by": who.by,
            "by_name": who.name,
            "at": now,
            **more,
        }
    )
