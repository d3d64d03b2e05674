"""The session of a browser: a signed cookie that says who it is."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from web.database import Database, Unavailable
from web.viewer import Role, Viewer

COOKIE = "csatwatch"
"""The name of the cookie; over https a prefix goes before it, see `Cookies.name`."""

_LONGEST = 200
_CSRF, _ID = "csrf", "id"


@dataclass(frozen=True, slots=True)
class Cookies:
    """How the cookie is made.

    Attributes:
        key: signs it; whoever has it can be anybody.
        hours: after which a person signs in anew.
        secure: it goes over https alone.
    """

    key: str
    hours: float = 12
    secure: bool = False

    @property
    def name(self) -> str:
        """With the prefix a browser takes it from this host alone, over https: no neighbour can set it."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE


class Sessions:
    """Begins, reads and ends sessions. `clock`: seconds, of any beginning.

    What the cookie says is enough to read it, so an end has to be remembered until the cookie has ended by itself: here
    at once, and in Postgres, where `deliver` has written it, for every other process and for this one after a restart.
    Without Postgres only what is known here counts; no page shows anything of a customer then.
    """

    def __init__(self, hours: float, clock: Callable[[], float], database: Database) -> None:
        self._database = database
        self._seconds = hours * 3600
        self._clock = clock
        self._ended: OrderedDict[str, float] = OrderedDict()

    def begin(self, connection: HTTPConnection, viewer: Viewer) -> None:
        """Make it this person's session; whatever it was before is forgotten."""
        session = _session(connection)
        session.clear()
        session.update(
            {
                _ID: secrets.token_urlsafe(18),
                _CSRF: secrets.token_urlsafe(24),
                "email": viewer.email,
                "name": viewer.name[:_LONGEST],
                "role": viewer.role.value,
            }
        )

    async def read(self, connection: HTTPConnection) -> tuple[Viewer, str] | None:
        """Who it is, and what their forms carry; None: nobody."""
        session = _session(connection)
        try:
            viewer = Viewer(session["email"], session["name"], Role(session["role"]))
            number, csrf = session[_ID], session[_CSRF]
        except (KeyError, ValueError):
            return None
        return None if await self._is_over(_hash(number)) else (viewer, csrf)

    def end(self, connection: HTTPConnection) -> str:
        """Sign out: neither this cookie nor a copy of it is good for anything here; the session's id, hashed."""
        session = _session(connection)
        now = self._clock()
        while self._ended and next(iter(self._ended.values())) < now:
            self._ended.popitem(last=False)
        ended = _hash(session[_ID])
        self._ended[ended] = now + self._seconds
        session.clear()
        return ended

    async def _is_over(self, hashed: str) -> bool:
        if hashed in self._ended:
            return True
        try:
            rows = await self._database.rows("session_over", hashed)
        except Unavailable:
            return False
        return bool(rows[0]["is_over"])


def _hash(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()


def _session(connection: HTTPConnection) -> MutableMapping[str, Any]:
    session: MutableMapping[str, Any] = connection.session
    return session
