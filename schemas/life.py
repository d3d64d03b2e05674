"""What people did with an alert, as its message shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.action import ActionKind

HANDLED = (
    ActionKind.ACKNOWLEDGED,
    ActionKind.FOLLOWED_UP,
    ActionKind.NOT_USEFUL,
    ActionKind.EMAIL_SENT,
    ActionKind.CALL_SCHEDULED,
    ActionKind.COORDINATED,
)
"""After one of these somebody has the alert in hand: nobody else is told of it."""

_ONCE = frozenset({ActionKind.ACKNOWLEDGED, ActionKind.FOLLOWED_UP, ActionKind.NOT_USEFUL})
_UNSHOWN = frozenset({*(kind for kind in ActionKind if kind.is_request), ActionKind.RETRIED})  # their results are


@dataclass(frozen=True, slots=True)
class Deed:
    """One action on the alert.

    Attributes:
        by: a Slack user id, an e-mail address or a name.
        note: what the person or the process says of it; free text.
        starts_at: of a call.
        link: where the result is to be seen.
    """

    kind: ActionKind
    by: str
    at: datetime
    note: str | None = None
    starts_at: datetime | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """An alert's actions so far.

    Attributes:
        deeds: in the order of their times; of what can be said only once the first, of snoozes none.
        snoozed_until: None where nobody asked for peace. It may have passed.
        snoozed_by: who did.
    """

    deeds: tuple[Deed, ...] = ()
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None

    @property
    def handled(self) -> Deed | None:
        """The first deed by which somebody has the alert in hand."""
        return next((deed for deed in self.deeds if deed.kind in HANDLED), None)

    def deed(self, kind: ActionKind) -> Deed | None:
        """The first of this kind."""
        return next((deed for deed in self.deeds if deed.kind is kind), None)


def life(actions: Iterable[tuple[Deed, datetime | None]]) -> Life:
    """The life that these actions make, in whatever order: each with the time until which it snoozes the alert.

    Of several snoozes the last counts. Requests are not shown: their results are.
    """
    deeds: list[Deed] = []
    snoozed: Deed | None = None
    until: datetime | None = None
    seen: set[ActionKind] = set()
    for deed, end in sorted(actions, key=lambda each: (each[0].at, each[0].kind, each[0].by)):
        if deed.kind is ActionKind.SNOOZED:
            snoozed, until = deed, end
        elif deed.kind not in _UNSHOWN and not (deed.kind in _ONCE and deed.kind in seen):
            seen.add(deed.kind)
            deeds.append(deed)
    return Life(tuple(deeds), until, snoozed.by if snoozed and until else None)
