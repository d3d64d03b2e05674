import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings, strategies

from sinks.slack.layout import message
from sinks.slack.modals import Purpose, snooze_form
from tests.alerts import alert
from tests.servers.slack_person import click, submit
from tests.servers.slack_workspace import Message, View
from web.slack.payload import Click, Form, Unreadable, of_body, read

ALERT = alert()
SHOWN = Message("D1", "1715500000.000100", "", message(ALERT).as_json())


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Send Follow-Up Email", "send_email"),
        ("Coordinate with Support", "coordinate"),
        ("Acknowledge", "acknowledge"),
        ("Snooze", "snooze"),
    ],
)
def test_a_click_says_what_is_asked_for_which_alert_where_and_by_whom(words: str, asked: str) -> None:
    payload = click(SHOWN, words, "U0ANA")
    assert read(payload) == Click(asked, str(ALERT.alert_id), "U0ANA", "D1", "1715500000.000100", payload["trigger_id"])


def test_a_form_says_what_was_put_in() -> None:
    purpose = Purpose(alert_id=str(ALERT.alert_id), channel="D1")
    payload = submit(View("V1", snooze_form(purpose)), "U0ANA", date="2026-06-01")
    assert read(payload) == Form("snooze", purpose, "U0ANA", "V1", {"until": "4h", "date": "2026-06-01"})


def test_a_link_that_was_opened_asks_for_nothing() -> None:
    assert read(click(SHOWN, "View Ticket", "U0ANA")) is None
    assert read({"type": "view_closed"}) is None
    assert (
        read(submit(View("V1", snooze_form(Purpose(alert_id="x"))), "U1") | {"view": {"callback_id": "other"}}) is None
    )


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(
    strategies.fixed_dictionaries(
        {"type": strategies.sampled_from(["block_actions", "view_submission"])},
        optional=dict.fromkeys(("actions", "container", "user", "view", "trigger_id"), JSON),
    )
)
def test_what_is_no_interaction_is_refused_in_one_way(payload: Mapping[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read(payload)


def test_the_body_is_a_form_with_json() -> None:
    assert of_body(urlencode({"payload": json.dumps({"type": "x"})}).encode()) == {"type": "x"}
    for body in (b"", b"payload=", b"payload={", b"payload=[]", b"\xff", b"other={}", b"payload={}&payload={}"):
        with pytest.raises(Unreadable):
            of_body(body)
