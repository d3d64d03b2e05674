"""Where in Slack is a person?"""

import asyncio
from collections import OrderedDict
from typing import Generic, TypeVar

from schemas.alert import Alert
from schemas.customer import Person
from sinks.slack.api import Api, Unreachable

_KNOWN = 10_000  # people
_UNKNOWN_FOR = 300.0  # seconds until somebody who was not in Slack is looked for again

K = TypeVar("K")
V = TypeVar("V")


class _Newest(OrderedDict[K, V], Generic[K, V]):
    def put(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > _KNOWN:
            self.popitem(last=False)


class People:
    """Direct-message channels by person; each is asked for once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._channels: _Newest[str, str] = _Newest()
        self._missing: _Newest[str, float] = _Newest()

    async def channel(self, person: Person) -> str | None:
        """The channel of direct messages with `person`; None where Slack has nobody to write to.

        Raises Retriable or Permanent.
        """
        key = person.slack_user_id or person.email
        if key in self._channels:
            return self._channels[key]
        now = asyncio.get_running_loop().time()
        if self._missing.get(key, 0.0) > now:
            return None
        try:
            user = person.slack_user_id or await self._user(person.email)
            opened = await self._api.call("conversations.open", users=user)
        except Unreachable:
            self._missing.put(key, now + _UNKNOWN_FOR)
            return None
        channel = str(opened["channel"]["id"])
        self._channels.put(key, channel)
        return channel

    def forget(self, alert: Alert) -> None:
        """Ask anew for the alert's CSM next time."""
        if alert.customer and (csm := alert.customer.csm):
            self._channels.pop(csm.slack_user_id or csm.email, None)

    async def _user(self, email: str) -> str:
        found = await self._api.call("users.lookupByEmail", email=email)
        return str(found["user"]["id"])
