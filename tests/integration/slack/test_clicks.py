"""From a click to its effect, and back into the message."""

from datetime import datetime, timedelta
from time import time

import pytest

from schemas.action import ActionKind
from schemas.alert import Status
from tests.alerts import CUSTOMER, alert
from tests.integration.slack.house import ANA, BO, CLEO, House
from tests.servers.mail import Fault
from tests.servers.slack_person import click
from tests.servers.wait import until

ALERT = alert(customer=CUSTOMER.model_copy(update={"support_channel": "C0SUPPORT", "time_zone": "Europe/Berlin"}))


async def test_a_double_click_is_one_acknowledgement_and_the_message_shows_it(house: House) -> None:
    async with house.open() as (deliver, web):
        await house.publish(ALERT)
        await house.click("Acknowledge", times=2)
        shown = await house.message(saying="Acknowledged by Ana")
        await house.click("Acknowledge", message=shown)
        assert "acknowledged this on" in await house.told(ANA)
        assert await house.stored(ActionKind.ACKNOWLEDGED) == ["acknowledged"]
        assert len(await house.actions()) == 1
        assert 'csatwatch_clicks_total{result="recorded"}' in await web.metrics()
        assert 'csatwatch_actions_taken_total{result="recorded"} 1.0' in await deliver.metrics()
    assert "xapp" not in web.log
    assert "Took too long" not in web.log + deliver.log


async def test_who_is_not_in_charge_is_told_so_and_a_manager_may(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        await house.click("Acknowledge", BO)
        assert "This alert is for the customer's CSM" in await house.told(BO)
        await house.click("Mark as Followed Up", CLEO)
        assert await house.stored(ActionKind.FOLLOWED_UP) == ["followed_up"]
        await house.message(saying="Marked as followed up by Cleo")
    assert await house.pool.fetchval("select csm_followed_up from support_satisfaction")


async def test_a_click_on_an_alert_that_is_over_does_nothing(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        old = await house.message()
        await house.publish(ALERT.model_copy(update={"revision": 2, "status": Status.RETRACTED, "rating": 5}))
        await house.message(saying="no longer holds")
        await house.click("Acknowledge", message=old)
        assert "This alert is over" in await house.told(ANA)
        assert await house.actions() == []


async def test_the_draft_is_edited_and_sent_once(house: House) -> None:
    async with house.open() as (deliver, web):
        await house.publish(ALERT)
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        view = await house.form("Send Follow-Up Email")
        assert "To: Pat Lee (pat@globaltech.example)" in str(view.view)
        assert await house.submit(view, times=3, body="I am sorry.\n\n> quoted") == [{}] * 3
        await house.message(saying="Follow-up e-mail sent by Ana")
        (message,) = house.mail.box.messages
        assert message["From"] == "Ana Diaz <ana@example.com>"
        assert message["To"] == "Pat Lee <pat@globaltech.example>"
        # Folded after its name, which Python reads back with the space.
        assert (
            message["Subject"].strip() == "Your support request TKT-2026-4521: API returning 500 errors intermittently"
        )
        requested, sent = await house.actions()
        assert (requested.kind, sent.kind) == (ActionKind.EMAIL_REQUESTED, ActionKind.EMAIL_SENT)
        assert sent.request_id == requested.action_id
        assert message["Message-ID"] == f"<{requested.action_id}@example.com>"
        rows = await house.pool.fetch("select version, status, by, body from email_drafts order by version")
        assert [(row["version"], row["status"], row["by"]) for row in rows] == [
            (1, "discarded", None),
            (2, "sent", "ana@example.com"),
        ]
        assert rows[1]["body"].startswith("I am sorry.")
        again = await house.form("Send Follow-Up Email")
        assert "This one would be another" in str(again.view)
        assert 'csatwatch_requests_total{result="email_sent"} 1.0' in await deliver.metrics()
    assert "globaltech.example" not in web.log + deliver.log


async def test_two_who_send_the_same_draft_send_one_email(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        first = await house.form("Send Follow-Up Email")
        second = await house.form("Send Follow-Up Email", CLEO)
        await house.submit(first)
        await house.submit(second, CLEO)
        await house.stored(ActionKind.EMAIL_SENT, ActionKind.EMAIL_FAILED)
        await house.message(saying="another version was sent meanwhile")
    assert len(house.mail.box.messages) == 1


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.CUT])
async def test_without_the_servers_answer_it_is_not_known_and_not_sent_again(house: House, fault: Fault) -> None:
    house.mail.box.faults.append(fault)
    async with house.open() as (deliver, _):
        await house.publish(ALERT)
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        await house.submit(await house.form("Send Follow-Up Email"))
        await house.message(saying="Whether the follow-up e-mail was sent is not known")
        assert await house.pool.fetchval("select state from deliveries where sink = 'mail'") == "unknown"
        assert await house.pool.fetchval("select status from email_drafts where version = 2") == "unknown"
        assert len(house.mail.box.messages) == 1
        deliver.kill()
        await deliver.start().ready()
        # A person looks, and has it sent again.
        view = await house.form("Send Follow-Up Email")
        assert "Look for it among your sent mail" in str(view.view)
        await house.submit(view)
        await house.message(saying="Follow-up e-mail sent by Ana")
    assert len(house.mail.box.messages) == 2


async def test_a_server_that_is_busy_gets_it_later(house: House) -> None:
    house.mail.box.faults += [Fault.LOCAL, Fault.BUSY]
    async with house.open():
        await house.publish(ALERT)
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        await house.submit(await house.form("Send Follow-Up Email"))
        await house.message(saying="Follow-up e-mail sent by Ana")
    assert len(house.mail.box.messages) == 1


async def test_a_call_is_offered_and_an_invitation_sent(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        view = await house.form("Schedule a Call")
        (when,) = [block["element"] for block in view.view["blocks"] if block.get("block_id") == "starts_at"]
        assert "When (Europe/Berlin)" in str(view.view)
        slot = when["options"][3]["value"]
        await house.submit(view, starts_at=slot, minutes="45", place="https://meet.example.com/a", note="See you.")
        await house.message(saying="Call scheduled by Ana")
        (message,) = house.mail.box.messages
        assert house.mail.box.recipients == [["pat@globaltech.example", "ana@example.com"]]
        (invitation,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
        assert invitation.get_param("method") == "REQUEST"
        (attached,) = [part for part in message.walk() if part.get_filename() == "invite.ics"]
        import vobject  # type: ignore[import-untyped]

        event = vobject.readOne(attached.get_content().decode()).vevent
        assert event.dtstart.value == datetime.fromisoformat(slot)
        assert event.dtend.value == datetime.fromisoformat(slot) + timedelta(minutes=45)
        assert event.location.value == "https://meet.example.com/a"


async def test_support_is_told_in_its_channel_and_the_messages_lead_to_each_other(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        clicked = await house.click("Coordinate with Support", times=2)
        word = await house.message("C0SUPPORT", saying="TKT-2026-4521")
        assert "Took too long to get a response" in str(word.blocks)
        assert clicked.ts.replace(".", "") in str(word.blocks)
        shown = await house.message(saying="Passed on to Support by Ana")
        assert word.ts.replace(".", "") in str(shown.blocks)
        await house.click("Coordinate with Support", message=shown)
        assert "passed this on to Support" in await house.told(ANA)
    assert len(house.slack.messages("C0SUPPORT")) == 1


async def test_a_snooze_ends_on_the_morning_that_was_chosen(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        day = (datetime.now().astimezone() + timedelta(days=3)).date()
        await house.submit(await house.form("Snooze"), date=day.isoformat())
        await house.stored(ActionKind.SNOOZED)
        until_then = await house.pool.fetchval("select snoozed_until from actions")
        assert until_then.date() == day
        await house.message(saying="Snoozed by Ana until")


async def test_whether_it_was_useful_is_kept_with_the_reason(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        await house.submit(await house.form("Not Useful"), useful="yes", note="It was")
        await house.stored(ActionKind.USEFUL)
    assert await house.pool.fetchval("select note from actions") == "It was"


async def test_signed_requests_do_the_same_and_others_nothing(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        payload = click(await house.message(), "Acknowledge", ANA)
        assert (await house.post(payload, secret="another"))[0] == 401
        assert (await house.post(payload, at=time() - 301))[0] == 401
        assert (await house.post({"type": "block_actions"}))[0] == 400
        assert await house.post({"type": "view_closed"}) == (200, "")
        assert await house.post(payload) == (200, "")
        assert await house.interact(payload) == [{}]
        assert await house.stored(ActionKind.ACKNOWLEDGED) == ["acknowledged"]


async def test_what_was_done_is_there_again_from_the_topic_and_nothing_is_done_twice(house: House) -> None:
    async with house.open() as (deliver, _):
        await house.publish(ALERT)
        await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
        await house.submit(await house.form("Send Follow-Up Email"))
        await house.click("Coordinate with Support")
        await house.message(saying="Passed on to Support by Ana")
        await house.message(saying="Follow-up e-mail sent by Ana")
        before = await house.stored(ActionKind.EMAIL_SENT, ActionKind.COORDINATED)
        await deliver.terminate()
        await house.pool.execute("truncate actions, email_drafts, tasks, deliveries, alerts cascade")
        async with house.process("deliver", CSATWATCH_APP_ID=f"{house.prefix}another"):
            assert await house.stored(ActionKind.EMAIL_SENT, ActionKind.COORDINATED) == before
            await until(
                lambda: house.pool.fetchval("select count(*) = 3 from deliveries where state = 'done'"),
                what="the alert is delivered from the topics",
            )
            assert await house.pool.fetchval("select count(*) from actions where request <> 'answered'") == 0
    assert len(house.mail.box.messages) == 1
    assert len(house.slack.messages("C0SUPPORT")) == 1
