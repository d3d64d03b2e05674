"""What is known before something is done with an alert: the alert, who asks, and the house. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.event import Contact
from schemas.policy import Policy
from streams.acting import Actor, Rights
from streams.reader import zone

Row = Mapping[str, Any]
"""Of `slack_alert.sql`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The newest version of the alert's e-mail draft."""

    draft_id: str
    version: int
    to: Contact | None
    subject: str
    body: str
    status: str


@dataclass(frozen=True, slots=True)
class Known:
    """An alert, and what was done with it.

    Attributes:
        done: the actions so far, in their order.
    """

    alert: Alert
    draft: Draft | None = None
    done: Sequence[Action] = ()

    def last(self, *kinds: ActionKind) -> Action | None:
        """The last action of these kinds."""
        return next((each for each in reversed(self.done) if each.kind in kinds), None)

    @property
    def reached(self) -> Contact | None:
        """Who answered, else the primary contact, whichever has an address."""
        primary = self.alert.customer.primary_contact if self.alert.customer else None
        return next((contact for contact in (self.alert.contact, primary) if contact and contact.email), None)


@dataclass(frozen=True, slots=True)
class Who:
    """Who clicked, as far as Slack says.

    Attributes:
        time_zone: the one that they live by.
    """

    actor: Actor
    name: str | None = None
    time_zone: ZoneInfo | None = None

    @property
    def by(self) -> str:
        """As an action says it."""
        return self.actor.email or self.actor.slack_user_id


@dataclass(frozen=True, slots=True)
class House:
    """What the installation is like; `mails`: a mail server is set."""

    policy: Policy
    rights: Rights = field(default_factory=Rights)
    mails: bool = True

    def zone(self, alert: Alert) -> ZoneInfo:
        """The one that the customer lives by, as near as is known."""
        named = alert.customer.time_zone if alert.customer else None
        try:
            return ZoneInfo(named) if named else zone(alert, self.policy)
        except (KeyError, ValueError, OSError):
            return zone(alert, self.policy)


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
