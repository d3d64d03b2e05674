"""Who looks at a page."""

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
