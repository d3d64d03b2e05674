from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from schemas.action import Action, ActionKind
from schemas.alert import Status
from schemas.event import Contact
from schemas.policy import load_policy
from sinks.slack.modals import Purpose
from streams.acting import Actor
from tests.alerts import CUSTOMER, alert
from tests.servers.slack_workspace import _view
from web.slack.decide import decide
from web.slack.known import Draft, House, Known, Who
from web.slack.outcome import Do, Mend, Open, Say
from web.slack.payload import Click, Form

NOW = datetime(2026, 5, 12, 9, 40, tzinfo=UTC)
ALERT = alert(customer=CUSTOMER.model_copy(update={"support_channel": "C0SUPPORT", "time_zone": "Europe/Berlin"}))
PAT = Contact(name="Pat Lee", email="pat@globaltech.example")
DRAFT = Draft(str(UUID(int=7)), 2, PAT, "Your ticket", "Hello Pat", "draft")
ANA = Who(Actor("U0ANA", email="ana@example.com", channel="D1"), name="Ana", time_zone=ZoneInfo("Europe/Berlin"))
HOUSE = House(load_policy(None))


def click(asked: str, **more: Any) -> Click:
    fields: dict[str, Any] = {"user_id": "U0ANA", "channel": "D1", "message_ts": "1.1", "trigger_id": "t"} | more
    return Click(asked=asked, alert_id=str(ALERT.alert_id), **fields)


def form(asked: str, *, view_id: str = "V1", to: Contact | None = PAT, **answers: Any) -> Form:
    purpose = Purpose(
        alert_id=str(ALERT.alert_id), channel="D1", to=to, draft_id=UUID(DRAFT.draft_id), draft_version=DRAFT.version
    )
    return Form(asked, purpose, "U0ANA", view_id, answers)


def done(kind: ActionKind, **more: Any) -> Action:
    fields: dict[str, Any] = {
        "action_id": uuid4(),
        "alert_id": ALERT.alert_id,
        "customer_id": ALERT.customer_id,
        "kind": kind,
        "by": "bo@example.com",
        "by_name": "Bo",
        "at": NOW - timedelta(hours=1),
    }
    return Action(**fields | more)


def known(*actions: Action, **changes: Any) -> Known:
    return Known(ALERT.model_copy(update=changes), DRAFT, actions)


def action(event: Click | Form, so_far: Known | None = None, who: Who = ANA) -> Action:
    found = decide(event, so_far or known(), who, HOUSE, NOW)
    assert isinstance(found, Do), found
    return found.action


def view(event: Click, so_far: Known | None = None, house: House = HOUSE) -> Mapping[str, Any]:
    found = decide(event, so_far or known(), ANA, house, NOW)
    assert isinstance(found, Open), found
    return _view({"view": found.view})  # as Slack would check it


def said(event: Click | Form, so_far: Known | None = None, who: Who = ANA) -> str:
    found = decide(event, so_far, who, HOUSE, NOW)
    assert isinstance(found, Say), found
    return found.text


def test_who_acts_is_named_with_the_time() -> None:
    found = action(click("acknowledge"))
    assert (found.kind, found.by, found.by_name, found.at) == (ActionKind.ACKNOWLEDGED, "ana@example.com", "Ana", NOW)
    assert (found.alert_id, found.customer_id) == (ALERT.alert_id, ALERT.customer_id)
    assert action(click("followed_up")).kind is ActionKind.FOLLOWED_UP


def test_one_button_of_one_revision_is_one_action_whoever_clicks_how_often() -> None:
    first = action(click("acknowledge"))
    assert action(click("acknowledge", trigger_id="another")).action_id == first.action_id
    assert action(click("acknowledge"), known(revision=2)).action_id != first.action_id
    assert action(click("followed_up")).action_id != first.action_id
    assert action(click("acknowledge", message_ts="2.2")).action_id != first.action_id


def test_a_form_sent_twice_is_one_action() -> None:
    first = action(form("not_useful", useful="no"))
    assert action(form("not_useful", useful="no", note="why")).action_id == first.action_id
    assert action(form("not_useful", view_id="V2", useful="no")).action_id != first.action_id


def test_what_was_done_already_is_said_with_who_did_it() -> None:
    text = said(click("acknowledge"), known(done(ActionKind.ACKNOWLEDGED)))
    assert text == "Bo acknowledged this on 2026-05-12 at 08:40 UTC already. Nothing more was done."


def test_a_stale_or_foreign_click_does_nothing() -> None:
    assert "not known here" in said(click("acknowledge"), None)
    assert "over" in said(click("send_email"), known(status=Status.RETRACTED))
    assert "over" in said(form("send_email", subject="s"), known(status=Status.RESOLVED))
    stranger = Who(Actor("U0EVE", email="eve@example.com"))
    for event in (click("acknowledge"), form("send_email", subject="s")):
        found = decide(event, known(), stranger, HOUSE, NOW)
        assert isinstance(found, Say)
        assert found.refused


def test_whether_it_was_useful_can_be_said_when_it_is_over() -> None:
    assert "Was this useful?" in str(view(click("not_useful"), known(status=Status.RETRACTED)))
    assert action(form("not_useful", useful="no", note="x"), known(status=Status.RETRACTED)).note == "x"
    assert action(form("not_useful", useful="yes")).kind is ActionKind.USEFUL


def test_the_draft_opens_with_its_recipient_and_its_version() -> None:
    opened = view(click("send_email"))
    assert "Pat Lee (pat@globaltech.example)" in str(opened)
    assert "Hello Pat" in str(opened)
    purpose = Purpose.from_json(opened["private_metadata"])
    assert (str(purpose.draft_id), purpose.draft_version, purpose.to) == (DRAFT.draft_id, 2, PAT)


@pytest.mark.parametrize(
    ("so_far", "house", "words"),
    [
        (Known(alert(customer=CUSTOMER.model_copy(update={"primary_contact": None})), None), HOUSE, "cannot be sent"),
        (known(), House(HOUSE.policy, mails=False), "No mail server is set up"),
    ],
)
def test_what_cannot_be_sent_says_so_and_has_no_button(so_far: Known, house: House, words: str) -> None:
    for asked in ("send_email", "schedule_call"):
        opened = view(click(asked), so_far, house)
        assert words in str(opened) or "can be sent from here" in str(opened)
        assert "submit" not in opened


def test_an_alert_without_a_draft_opens_an_empty_one_to_who_answered() -> None:
    opened = view(click("send_email"), Known(ALERT.model_copy(update={"contact": Contact(email="kim@x.example")})))
    assert Purpose.from_json(opened["private_metadata"]).to == Contact(email="kim@x.example")


def test_a_long_draft_is_shown_and_sent_as_it_is() -> None:
    long = Known(ALERT, Draft(DRAFT.draft_id, 2, PAT, "s" * 300, "b" * 3001, "draft"))
    opened = view(click("send_email"), long)
    assert [block["block_id"] for block in opened["blocks"] if block["type"] == "input"] == ["subject"]
    assert action(form("send_email", subject="s"), long).body is None


def test_an_email_sent_or_in_doubt_is_warned_of() -> None:
    assert "This one would be another" in str(view(click("send_email"), known(done(ActionKind.EMAIL_SENT))))
    assert "Look for it" in str(view(click("send_email"), known(done(ActionKind.EMAIL_UNKNOWN))))


def test_an_email_is_asked_for_as_the_person_saw_it() -> None:
    found = action(form("send_email", subject=" Sorry ", body="Hello"))
    assert (found.kind, found.to, found.subject, found.body) == (ActionKind.EMAIL_REQUESTED, PAT, "Sorry", "Hello")
    assert (str(found.draft_id), found.draft_version) == (DRAFT.draft_id, 2)
    assert decide(form("send_email", subject=" "), known(), ANA, HOUSE, NOW) == Mend({"subject": "Write a subject."})


def test_a_form_that_cannot_be_used_does_nothing() -> None:
    assert "cannot be used" in said(form("send_email", to=None, subject="s"), known())
    assert "cannot be used" in said(form("send_email", subject="s" * 201), known())


def test_a_call_is_asked_for_in_the_accounts_time_zone() -> None:
    opened = view(click("schedule_call"))
    assert "When (Europe/Berlin)" in str(opened)
    assert "Tue 12 May, 14:00" in str(opened)
    slot = "2026-05-12T12:00:00+00:00"
    found = action(form("schedule_call", starts_at=slot, minutes="45", subject="Call", place="x", note="n"))
    assert (found.kind, found.starts_at, found.minutes) == (
        ActionKind.CALL_REQUESTED,
        datetime(2026, 5, 12, 12, tzinfo=UTC),
        45,
    )
    assert (found.time_zone, found.place, found.body) == ("Europe/Berlin", "x", "n")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"starts_at": "2026-05-12T09:00:00+00:00", "minutes": "15", "subject": "s"}, "starts_at"),
        ({"starts_at": "2026-05-12T14:30:00+00:00", "minutes": "60", "subject": "s"}, "starts_at"),
        ({"minutes": "15", "subject": "s"}, "starts_at"),
        ({"starts_at": "2026-05-12T12:00:00+00:00", "minutes": "15"}, "subject"),
    ],
)
def test_a_call_that_cannot_be_is_mended_in_the_form(given: dict[str, Any], field: str) -> None:
    found = decide(form("schedule_call", **given), known(), ANA, HOUSE, NOW)
    assert isinstance(found, Mend)
    assert set(found.errors) == {field}


def test_a_snooze_ends_by_the_clock_of_who_asked() -> None:
    ending = datetime(2026, 5, 13, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    assert action(form("snooze", until="tomorrow")).snoozed_until == ending
    by_date = form("snooze", until="4h", date="2026-06-01")
    assert action(by_date).snoozed_until == datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    none: tuple[dict[str, Any], ...] = ({"until": "4h", "date": "2026-05-11"}, {"until": "never"}, {})
    for given in none:
        assert isinstance(decide(form("snooze", **given), known(), ANA, HOUSE, NOW), Mend)


def test_support_is_asked_once_and_again_after_a_failure() -> None:
    first = action(click("coordinate"))
    assert first.kind is ActionKind.COORDINATE_REQUESTED
    failed = known(done(ActionKind.COORDINATION_FAILED))
    assert action(click("coordinate"), failed).action_id != first.action_id
    passed_on = known(done(ActionKind.COORDINATED, link="https://x.slack.com/archives/C0/p1"))
    assert "<https://x.slack.com/archives/C0/p1|Go there>" in said(click("coordinate"), passed_on)


@pytest.mark.parametrize("channel", [None, "#support", "support"])
def test_without_the_id_of_a_support_channel_it_says_what_is_missing(channel: str | None) -> None:
    nowhere = known(customer=CUSTOMER.model_copy(update={"support_channel": channel}))
    assert "`support_channel` has to hold a channel's id" in said(click("coordinate"), nowhere)
