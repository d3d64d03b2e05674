"""Into which channel does a message go?"""

from dataclasses import dataclass

from schemas.alert import Alert
from schemas.customer import Person
from schemas.digest import Digest
from schemas.notice import Note, Notice, Thread, Way, notice_of
from sinks.base import Delivery, Permanent
from sinks.slack.people import People
from sinks.slack.texts import texts


@dataclass(frozen=True, slots=True)
class Target:
    """A place in Slack.

    Attributes:
        lane: that of all messages that go there; see `schemas.delivery.Step`.
        audience: for whom it is, where that is not plain; a text of the templates, not escaped yet.
        own: it reaches the customer's CSM, or who stands in, directly.
        thread: below which message.
    """

    channel: str
    lane: str
    audience: str | None = None
    own: bool = False
    thread: Thread | None = None


class Targets:
    """Finds them.

    Args:
        people: where they are.
        fallback: the id of the channel for messages whose reader is not known, or not in Slack; None lets such a step
            fail.
    """

    def __init__(self, people: People, fallback: str | None) -> None:
        self._people = people
        self._fallback = fallback

    async def find(self, delivery: Delivery) -> Target | None:
        """Where `delivery` goes; None: below a message that is not there. Raises Retriable or Permanent."""
        notice = notice_of(delivery.step)
        if notice in {Notice.REPEAT, Notice.SNOOZE}:
            return _below(delivery)
        way = delivery.way or Way(delivery.alert.csm)
        if way.person is not None:
            return await self._person(way.person, way, own=notice is None)
        if way.channel is not None:
            return Target(way.channel, way.channel, _said(way.note or _whose(delivery.alert)))
        return self._otherwise(_said(_whose(delivery.alert)), _why(delivery.alert))

    async def _person(self, person: Person, way: Way, *, own: bool) -> Target:
        channel = await self._people.channel(person)
        if channel is None:
            missing = Note("for_not_in_slack", {"name": person.name, "email": person.email})
            said = " ".join(filter(None, (_said(missing), _said(way.note))))
            return self._otherwise(said, "the CSM is not in Slack")
        thread = way.thread if way.thread and way.thread.channel == channel else None
        return Target(channel, person.slack_user_id or person.email, _said(way.note), own, thread)

    def _otherwise(self, audience: str | None, reason: str) -> Target:
        if self._fallback is None:
            raise Permanent(f"{reason}, and no fallback channel is set")
        return Target(self._fallback, self._fallback, audience)


def _below(delivery: Delivery) -> Target | None:
    main = delivery.main
    if main is None or main.destination is None or main.external_id is None:
        return None
    thread = Thread(main.destination, main.thread or main.external_id, broadcast=True)
    return Target(main.destination, delivery.lane or main.destination, thread=thread)


def _why(alert: Alert | Digest) -> str:
    return "the customer has no CSM" if _known(alert) else "the customer's account is not known"


def _whose(alert: Alert | Digest) -> Note | None:
    if alert.csm is not None:
        return None
    return Note("for_nobody" if _known(alert) else "for_unknown")


def _known(alert: Alert | Digest) -> bool:
    return isinstance(alert, Digest) or alert.customer is not None


def _said(note: Note | None) -> str | None:
    return texts().words(note.key, **note.values) if note else None
