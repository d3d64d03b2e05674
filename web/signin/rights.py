"""Who may use which route? Pure. What is not in the table is for nobody."""

from collections.abc import Mapping
from enum import Enum, auto

from web.viewer import Role, Viewer


class Open(Enum):
    """Routes without a session."""

    ANYONE = auto()
    """The way in, and what says nothing of anybody."""
    MACHINE = auto()
    """The route itself takes only requests that are signed."""


ACCESS: Mapping[str, Role | Open] = {
    "static": Open.ANYONE,
    "sign_in": Open.ANYONE,
    "sign_in_back": Open.ANYONE,
    "sign_in_link": Open.ANYONE,
    "signed_out": Open.ANYONE,
    "interactions": Open.MACHINE,
    "task_hook": Open.MACHINE,
    "source": Open.MACHINE,
    "sign_out": Role.CSM,
    "alerts": Role.CSM,
    "alerts_file": Role.CSM,
    "alert": Role.CSM,
    "step": Role.CSM,
    "do_step": Role.CSM,
    "live": Role.CSM,
    "customers": Role.CSM,
    "customers_file": Role.CSM,
    "customer": Role.CSM,
    "ratings_file": Role.CSM,
    "customer_months_file": Role.CSM,
    "customer_categories_file": Role.CSM,
    "report": Role.CSM,
    "tasks": Role.CSM,
    "tasks_file": Role.CSM,
    "deliveries": Role.CSM,
    "deliveries_file": Role.CSM,
    "retry": Role.CSM,
    "outcomes": Role.MANAGER,
    "support": Role.MANAGER,
    "outcomes_file": Role.MANAGER,
    "categories_file": Role.MANAGER,
    "support_months_file": Role.MANAGER,
    "assignees_file": Role.MANAGER,
    "unanswered_file": Role.MANAGER,
    "operators": Role.OPERATOR,
    "operators_file": Role.OPERATOR,
    "replay": Role.OPERATOR,
    "another_link": Role.OPERATOR,
}
"""Each route by its name, and the least role that may use it."""

_RANK = (Role.CSM, Role.MANAGER, Role.OPERATOR)


def may_use(route: str | None, viewer: Viewer | None) -> bool:
    """Whether the route of this name answers this person; None is a route without a name, and nobody."""
    needed = ACCESS.get(route or "")
    if needed is None:
        return False
    if isinstance(needed, Open):
        return True
    return viewer is not None and _RANK.index(viewer.role) >= _RANK.index(needed)
