from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.delivery import Sink
from sinks.base import Delivery, Permanent
from sinks.slack.api import Api
from sinks.slack.support import NoSupport, Support, word_to_support
from tests.alerts import AT, CUSTOMER, TICKET, alert
from tests.deliveries import delivery
from tests.servers import slack_limits

ALERT = alert(customer=CUSTOMER.model_copy(update={"support_channel": "C0SUPPORT"}))


def request(**changes: Any) -> Action:
    fields: dict[str, Any] = {
        "action_id": UUID(int=1),
        "alert_id": ALERT.alert_id,
        "customer_id": ALERT.customer_id,
        "kind": ActionKind.COORDINATE_REQUESTED,
        "by": "ana@example.com",
        "by_name": "Ana",
        "at": AT,
    }
    return Action(**fields | changes)


def words(of: Alert = ALERT, there: str | None = None, **changes: Any) -> str:
    blocks = word_to_support(of, request(**changes), there).as_json()
    assert slack_limits.complaints(blocks) == []
    return "\n".join(block["text"]["text"] if "text" in block else block["elements"][0]["text"] for block in blocks)


def test_support_hears_who_asks_for_what_and_why() -> None:
    text = words(there="https://x.slack.com/archives/D1/p1", note="Please call them.")
    for part in (
        "Help Wanted with a Ticket of GlobalTech",
        "Ana asks Support to look at ticket #TKT-2026-4521.",
        "API returning 500 errors",
        "Resolution time: 72 hours (SLA: 24 hours)",
        "rated it 1/5",
        "Took too long to get a response",
        "Please call them.",
        "<https://x.slack.com/archives/D1/p1|the alert's message>",
    ):
        assert part in text


def test_what_is_not_known_is_left_out() -> None:
    bare = alert(customer=None, feedback=None, ticket=TICKET.model_copy(update={"ticket_subject": None}))
    text = words(bare, by_name=None)
    assert "None" not in text
    assert "feedback" not in text
    assert "ana@example.com asks" in text


def test_hostile_text_is_shown_harmlessly_and_cut() -> None:
    evil = "<!channel> <@U1> *x* " * 400
    hostile = alert(
        customer=CUSTOMER.model_copy(update={"name": evil[:200]}),
        feedback=evil,
        ticket=TICKET.model_copy(update={"ticket_subject": evil[:500], "assignee": evil[:200]}),
    )
    text = words(hostile, note=evil[:2000], there="https://x/<!channel>")
    assert "<!channel>" not in text
    assert "<@U1>" not in text
    assert "more characters)" in text


@pytest.mark.parametrize(
    ("channel", "claimed", "reason"),
    [
        (None, AT, "names no support channel"),
        ("#support", AT, "is no channel's id"),
        ("C0SUPPORT", AT + timedelta(hours=25), "within a day"),
    ],
)
async def test_without_a_channel_or_too_late_nothing_is_posted(channel: str | None, claimed: Any, reason: str) -> None:
    async def remember(_: Delivery, __: str, ___: str | None) -> bool:
        raise AssertionError

    class NoApi(Api):
        def __init__(self) -> None:
            pass

    of = alert(customer=CUSTOMER.model_copy(update={"support_channel": channel}))
    step = delivery(of, sink=Sink.SUPPORT, config=request().model_dump(mode="json"), claimed_at=claimed)
    with pytest.raises(Permanent, match=reason):
        await Support(NoApi(), remember=remember).send(step)


async def test_without_slack_it_fails_with_the_setting() -> None:
    with pytest.raises(Permanent, match="CSATWATCH_SLACK_BOT_TOKEN"):
        await NoSupport().send(delivery())
