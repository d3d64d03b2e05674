"""What an alert's actions add up to, in whatever order they come."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from schemas.action import ActionKind
from schemas.life import HANDLED, Deed, Life, life
from tests.alerts import AT

HOUR = timedelta(hours=1)


def did(
    kind: ActionKind, hours: float = 0, by: str = "U0ANA", until: float | None = None
) -> tuple[Deed, datetime | None]:
    return Deed(kind, by, AT + hours * HOUR), None if until is None else AT + until * HOUR


def test_nothing_was_done() -> None:
    assert life(()) == Life()
    assert Life().handled is None


def test_the_order_in_which_they_come_is_nothing() -> None:
    actions = [
        did(ActionKind.ACKNOWLEDGED, 2, "U0BO"),
        did(ActionKind.ACKNOWLEDGED, 1),
        did(ActionKind.SNOOZED, 0, until=4),
        did(ActionKind.SNOOZED, 3, "U0BO", until=5),
    ]
    (found,) = {life(order) for order in permutations(actions)}
    assert found == Life((did(ActionKind.ACKNOWLEDGED, 1)[0],), AT + 5 * HOUR, "U0BO")


def test_a_request_is_not_shown_and_its_results_are() -> None:
    found = life([did(ActionKind.EMAIL_REQUESTED), did(ActionKind.EMAIL_FAILED, 1), did(ActionKind.EMAIL_SENT, 2)])
    assert [deed.kind for deed in found.deeds] == [ActionKind.EMAIL_FAILED, ActionKind.EMAIL_SENT]


@pytest.mark.parametrize("kind", list(ActionKind))
def test_who_has_done_something_about_it_has_it_in_hand(kind: ActionKind) -> None:
    assert (life([did(kind, until=1)]).handled is not None) == (kind in HANDLED)


def test_the_first_who_took_it_has_it() -> None:
    found = life([did(ActionKind.FOLLOWED_UP, 2), did(ActionKind.USEFUL, 0), did(ActionKind.ACKNOWLEDGED, 1, "U0BO")])
    assert found.handled == did(ActionKind.ACKNOWLEDGED, 1, "U0BO")[0]
    assert found.deed(ActionKind.USEFUL) == did(ActionKind.USEFUL)[0]
    assert found.deed(ActionKind.NOT_USEFUL) is None
