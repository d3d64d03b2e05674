"""A link that signs in whoever opens it first, as a notebook server prints one: for one person's own machine."""

import secrets
from ipaddress import ip_address

from starlette.requests import HTTPConnection

from web.security import LOOPBACK
from web.viewer import Role, Viewer

PATH = "/sign-in/link"
OPERATOR = Viewer("operator@localhost", "Operator", Role.OPERATOR)
"""Who comes by a link."""


class OneTimeLink:
    """One link at a time, good once: what stays in a browser's history or a log opens nothing.

    Args:
        token: of the first link; None: a new one.
        published: it may come from elsewhere too, as it does where a container's port is published on its host's
            loopback alone; the name that was asked for must be the machine's own all the same.
    """

    def __init__(self, token: str | None = None, *, published: bool = False) -> None:
        self._published = published
        self._token: str | None = token or secrets.token_urlsafe(32)

    @property
    def path(self) -> str | None:
        """The link that is good now; None: it was opened."""
        return f"{PATH}?token={self._token}" if self._token else None

    def again(self) -> str:
        """The path of a new link, for another browser; an older one is good no longer."""
        self._token = secrets.token_urlsafe(32)
        return f"{PATH}?token={self._token}"

    def spend(self, connection: HTTPConnection, token: str) -> Viewer | None:
        """Who it is; None where the link is another, was opened before, or is opened elsewhere."""
        if self._token is None or not self.is_here(connection):
            return None
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = None
        return OPERATOR

    def is_here(self, connection: HTTPConnection) -> bool:
        """Whether the browser runs on this machine."""
        host = connection.headers.get("host", "")
        name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in LOOPBACK:
            return False
        return self._published or _is_loopback(connection)


def _is_loopback(connection: HTTPConnection) -> bool:
    try:
        return connection.client is not None and ip_address(connection.client.host).is_loopback
    except ValueError:
        return False
