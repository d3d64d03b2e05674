"""Where in Slack is a person?"""

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from schemas.customer import Person
from sinks.slack.api import Api, Unreachable

_PEOPLE = 10_000
_KNOWN_FOR = 24 * 3600.0  # seconds until somebody is looked up anew
_UNKNOWN_FOR = 300.0  # the same for somebody who was not in Slack


class _Found(NamedTuple):
    channel: str | None
    until: float  # by the event loop's clock


class People:
    """Direct-message channels by person, each asked for once in a while."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._found: OrderedDict[str, _Found] = OrderedDict()

    async def channel(self, person: Person) -> str | None:
        """The channel of direct messages with `person`; None where Slack has nobody to write to.

        The account's Slack id is taken first, and where that is nobody's, the e-mail address.
        Raises Retriable or Permanent.
        """
        key, now = _key(person), asyncio.get_running_loop().time()
        known = self._found.get(key)
        if known is None or known.until <= now:
            channel = await self._ask(person)
            known = _Found(channel, now + (_UNKNOWN_FOR if channel is None else _KNOWN_FOR))
            self._found[key] = known
            self._found.move_to_end(key)
            if len(self._found) > _PEOPLE:
                self._found.popitem(last=False)
        return known.channel

    def forget(self, person: Person) -> None:
        """Ask anew next time."""
        self._found.pop(_key(person), None)

    async def _ask(self, person: Person) -> str | None:
        if person.slack_user_id is not None:
            try:
                return await self._open(person.slack_user_id)
            except Unreachable:
                pass
        try:
            user = await self._api.call("users.lookupByEmail", email=person.email)
            return await self._open(str(user["user"]["id"]))
        except Unreachable:
            return None

    async def _open(self, user: str) -> str:
        opened = await self._api.call("conversations.open", users=user)
        return str(opened["channel"]["id"])


def _key(person: Person) -> str:
    return person.slack_user_id or person.email
