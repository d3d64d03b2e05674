"""What is known of an alert before something is done with it: from its row of `slack_alert.sql`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from schemas.action import Action
from schemas.alert import Alert
from schemas.event import Contact
from web.slack.decide import Draft, Known

Row = Mapping[str, Any]


def known_of(row: Row) -> Known | None:
    """None where the alert is a digest, or was written by a later version."""
    try:
        alert = Alert.model_validate(row["record"])
    except ValidationError:
        return None
    return Known(alert, _draft(row["draft"]), tuple(_actions(row["done"])))


def _draft(row: Row | None) -> Draft | None:
    if row is None:
        return None
    to = Contact(name=row["to_name"], email=row["to_email"]) if row["to_email"] else None
    return Draft(row["draft_id"], row["version"], to, row["subject"], row["body"], row["status"])


def _actions(records: Sequence[Row]) -> Iterator[Action]:
    for record in records:
        try:
            yield Action.model_validate(record)
        except ValidationError:
            continue  # of another version
