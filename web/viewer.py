"""Who looks at a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import HTTPConnection


class Role(StrEnum):
    """What a person may see and do: a CSM their own accounts, a manager all, an operator the running system too."""

    CSM = "csm"
    MANAGER = "manager"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person. `email` is lower-case, as `customers.csm_email` is compared."""

    email: str
    name: str
    role: Role

    @property
    def only(self) -> str | None:
        """Whose accounts the person may see: a CSM's own e-mail; None for everybody's."""
        return self.email if self.role is Role.CSM else None


def viewer_of(connection: HTTPConnection) -> Viewer:
    """The person behind a request; the sign-in has let nobody else through."""
    viewer: Viewer = connection.state.viewer
    return viewer


def known_viewer(connection: HTTPConnection) -> Viewer | None:
    """The person behind a request; None on the pages that need no sign-in."""
    viewer: Viewer | None = getattr(connection.state, "viewer", None)
    return viewer


def csrf_of(connection: HTTPConnection) -> str:
    """What a form of this person's has to carry in its field `csrf`, or a script in the header `X-CSRF-Token`."""
    csrf: str = getattr(connection.state, "csrf", "")
    return csrf


def form_of(connection: HTTPConnection) -> Mapping[str, str]:
    """The fields of the form that was sent, each once; the sign-in has read it to look for `csrf`."""
    form: Mapping[str, str] = connection.state.form
    return form
