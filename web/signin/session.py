"""The session of a browser: a signed cookie that says who it is."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

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

    What the cookie says is enough to read it, so an end is remembered here until the cookie has ended by itself; a
    second process, or this one after a restart, knows it by the cookie's being gone from the browser alone.
    """

    def __init__(self, hours: float, clock: Callable[[], float]) -> None:
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

    def read(self, connection: HTTPConnection) -> tuple[Viewer, str] | None:
        """Who it is, and what their forms carry; None: nobody."""
        session = _session(connection)
        try:
            viewer = Viewer(session["email"], session["name"], Role(session["role"]))
            number, csrf = session[_ID], session[_CSRF]
        except (KeyError, ValueError):
            return None
        return None if number in self._ended else (viewer, csrf)

    def end(self, connection: HTTPConnection) -> None:
        """Sign out: neither this cookie nor a copy of it is good for anything any more."""
        session = _session(connection)
        now = self._clock()
        while self._ended and next(iter(self._ended.values())) < now:
            self._ended.popitem(last=False)
        if _ID in session:
            self._ended[session[_ID]] = now + self._seconds
        session.clear()


def _session(connection: HTTPConnection) -> MutableMapping[str, Any]:
    session: MutableMapping[str, Any] = connection.session
    return session
