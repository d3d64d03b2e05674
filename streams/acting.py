"""Who may act on an alert? Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from schemas.alert import Alert
from schemas.customer import Person
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Actor:
    """Who clicked.

    Attributes:
        email: None where it is not known.
        channel: where the message stands that was clicked.
    """

    slack_user_id: str
    email: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """What the installation grants beside the account itself.

    Attributes:
        managers: e-mail addresses and Slack user ids in lower case: they may act on everything.
        channels: whoever is in one of these may act on what is posted there.
        unowned: the same, for customers without a CSM.
    """

    managers: Collection[str] = frozenset()
    channels: Collection[str] = frozenset()
    unowned: Collection[str] = frozenset()


def may_act(actor: Actor, alert: Alert, policy: Policy, rights: Rights) -> bool:
    """Whether it is the customer's CSM, who stands in for the CSM, or somebody that `rights` names."""
    keys = {key.lower() for key in (actor.slack_user_id, actor.email) if key}
    csm = alert.customer.csm if alert.customer else None
    deputy = alert.customer.deputy if alert.customer else None
    stand_ins = [
        away.deputy
        for away in policy.notify.away
        if away.deputy is not None and csm is not None and away.csm.lower() == csm.email.lower()
    ]
    people = [person for person in (csm, deputy, *stand_ins) if person is not None]
    if any(keys & _keys(person) for person in people) or keys & set(rights.managers):
        return True
    return actor.channel is not None and (
        actor.channel in rights.channels or (csm is None and actor.channel in rights.unowned)
    )


def _keys(person: Person) -> set[str]:
    return {key.lower() for key in (person.slack_user_id, person.email) if key}
