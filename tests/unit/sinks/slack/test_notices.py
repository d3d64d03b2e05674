"""What messages say of people, and what is said after a message."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.action import ActionKind
from schemas.alert import Status
from schemas.delivery import State
from schemas.life import Deed, Life, life
from schemas.notice import Main
from sinks.base import Delivery
from sinks.slack import Message, as_text, message
from sinks.slack.deeds import lines
from sinks.slack.notices import reminder, to_operator
from tests.alerts import AT, alert
from tests.deliveries import SLACK_STEP, delivery

MAIN = Main(State.DONE, "D1", "1.1", shown_at=AT)


def after(notice: str, **changes: Any) -> Delivery:
    fields: dict[str, Any] = {"step": f"{SLACK_STEP}#{notice}", "main": MAIN, "claimed_at": AT + timedelta(hours=4)}
    return delivery(**(fields | changes))


def said(of: Message) -> str:
    return as_text(of)


@pytest.mark.parametrize("kind", [kind for kind in ActionKind if not kind.is_of_the_system])
def test_each_action_has_words_or_shows_by_what_comes_of_it(kind: ActionKind) -> None:
    made = life([(Deed(kind, "Ana Diaz", AT), AT + timedelta(hours=1))])
    shown = lines(made)
    assert bool(shown) != (kind.is_request or kind is ActionKind.RETRIED)
    assert all("Ana Diaz" in line for line in shown)


def test_a_slack_user_is_named_as_slack_names_them_and_nobody_else_is() -> None:
    deeds = tuple(Deed(ActionKind.ACKNOWLEDGED, by, AT) for by in ("U0ANA12", "<!channel>", "@here", "UFO fan"))
    assert [line.partition(" on ")[0] for line in lines(Life(deeds))] == [
        "Acknowledged by <@U0ANA12>",
        "Acknowledged by &lt;!channel&gt;",
        "Acknowledged by @\N{WORD JOINER}here",
        "Acknowledged by UFO fan",
    ]


def test_a_long_life_shows_its_end() -> None:
    deeds = tuple(Deed(ActionKind.EMAIL_FAILED, "Ana", AT + timedelta(hours=n), f"reason {n}") for n in range(30))
    assert len(lines(Life(deeds))) == 12
    assert lines(Life(deeds))[-1].endswith(": reason 29")


def test_a_snooze_is_shown_until_somebody_has_it_in_hand() -> None:
    until = AT + timedelta(hours=4)
    assert lines(Life((), until, "Ana")) == ("Snoozed by Ana until 2026-05-12 at 13:30 UTC.",)
    handled = Life((Deed(ActionKind.ACKNOWLEDGED, "Bo", AT),), until, "Ana")
    assert lines(handled) == ("Acknowledged by Bo on 2026-05-12 at 09:30 UTC.",)


def test_the_message_says_what_was_done() -> None:
    call = Deed(ActionKind.CALL_SCHEDULED, "Bo", AT, "bring <the> logs", AT + timedelta(days=1))
    shown = said(message(alert(), life=Life((call,))))
    assert "Call scheduled by Bo on 2026-05-12 at 09:30 UTC, for 2026-05-13 at 09:30 UTC: bring <the> logs" in shown


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (after("repeat-1"), "Nobody has answered this alert for 4 hours."),
        (after("snooze-1"), "The snooze is over, and this alert is still open."),
        (after("repeat-1", of=alert(status=Status.RETRACTED)), "This alert is over."),
        (
            after("snooze-1", life=Life((Deed(ActionKind.FOLLOWED_UP, "U0BO", AT),))),
            "In hand since 2026-05-12 at 09:30 UTC: <@U0BO>.",
        ),
    ],
)
def test_a_reminder(of: Delivery, words: str) -> None:
    assert said(reminder(of)) == words


def test_the_operator_reads_what_failed_and_nothing_of_the_customer() -> None:
    failed = Main(State.FAILED, failed=(f"{SLACK_STEP}: chat.postMessage: is_archived",))
    shown = said(to_operator(after("operator", main=failed)))
    assert f"Step {SLACK_STEP} of alert {alert().alert_id} (critical) was given up" in shown
    assert "is_archived" in shown
    assert f"csatwatch deliveries retry --alert {alert().alert_id} --step {SLACK_STEP}" in shown
    assert "GlobalTech" not in shown
    assert "is no longer given up" in said(to_operator(after("operator")))
