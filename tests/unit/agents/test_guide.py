"""What becomes of a claimed message before it goes out, and after."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents.guide import Guide, channels_of
from agents.settings import load_settings
from schemas.action import ActionKind
from schemas.alert import Severity, Status
from schemas.delivery import Sink
from schemas.life import Deed, Life
from schemas.notice import Hold, Later
from schemas.notify import Notify
from schemas.policy import load_policy
from sinks.base import Delivery, Receipt
from sinks.ledger import Failure, Retry
from streams.notify import Channels
from tests.alerts import AT, CSM, alert
from tests.deliveries import SLACK_STEP, delivery

SHIPPED = load_policy(None)
WAITING = SHIPPED.model_copy(update={"notify": Notify(group_wait_minutes=10)})
CHANNELS = Channels("C0UNOWNED", "C0MANAGER", "C0OPERATOR")
HANDLED = Life((Deed(ActionKind.ACKNOWLEDGED, "U0ANA", AT),))


def claimed(**changes: Any) -> Delivery:
    return delivery(**{"claimed_at": AT, "created_at": AT, **changes})


def test_a_message_gets_its_way() -> None:
    prepared = Guide(SHIPPED, CHANNELS).prepare(claimed())
    assert isinstance(prepared, Delivery)
    assert prepared.way is not None
    assert prepared.way.person == CSM


def test_other_destinations_are_left_alone() -> None:
    task = claimed(sink=Sink.TASKS, of=alert(severity=Severity.LOW))
    assert Guide(WAITING, CHANNELS).prepare(task) == task


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"shown_revision": 1, "destination": "D1", "external_id": "1.1"}, False),
        ({"uncertain": True, "destination": "D1"}, False),
        ({"uncertain": True}, True),
        ({"of": alert(severity=Severity.LOW, status=Status.RETRACTED)}, False),
    ],
    ids=["new", "shown", "may be there", "was not begun", "over"],
)
def test_only_what_was_surely_not_posted_is_held(changes: dict[str, Any], held: bool) -> None:
    prepared = Guide(WAITING, CHANNELS).prepare(claimed(**{"of": alert(severity=Severity.LOW), **changes}))
    assert isinstance(prepared, Hold) == held


def test_a_notice_on_an_alert_that_is_in_hand_is_needless() -> None:
    notice = claimed(step=f"{SLACK_STEP}#manager", life=HANDLED)
    assert Guide(SHIPPED, CHANNELS).prepare(notice) is None
    assert isinstance(Guide(SHIPPED, CHANNELS).prepare(replace(notice, step=f"{SLACK_STEP}#operator")), Delivery)
    assert Guide(SHIPPED, Channels()).prepare(replace(notice, life=Life())) is None, "nobody is there to tell"


def test_the_operator_hears_of_what_was_given_up_and_of_nothing_else() -> None:
    guide = Guide(SHIPPED, CHANNELS)
    told = (Later(f"{SLACK_STEP}#operator", AT, "C0OPERATOR"),)
    assert guide.after(claimed(), Failure("is_archived")) == told
    assert guide.after(claimed(step=f"{SLACK_STEP}#backup"), Failure("is_archived")) == told
    assert guide.after(claimed(step=f"{SLACK_STEP}#operator"), Failure("is_archived")) == ()
    assert guide.after(claimed(), Retry(1.0, "HTTP 500", uncertain=True)) == ()
    assert Guide(SHIPPED, Channels()).after(claimed(), Failure("is_archived")) == ()


def test_what_follows_a_message_follows_no_task() -> None:
    guide, shown = Guide(SHIPPED, CHANNELS), Receipt("D1", "1.1")
    (manager,) = guide.after(claimed(), shown)
    assert manager.due_at == AT + timedelta(hours=4)
    assert guide.after(claimed(sink=Sink.TASKS), shown) == ()


def test_the_fallback_channel_stands_in_for_the_operators_alone() -> None:
    settings = load_settings({"CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0FALLBACK"})
    assert channels_of(settings) == Channels(operator="C0FALLBACK")
