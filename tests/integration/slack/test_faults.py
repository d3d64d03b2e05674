"""What is asked for is done once, whatever dies or is away meanwhile."""

import pytest

from schemas.action import ActionKind
from tests.alerts import CUSTOMER, alert
from tests.integration.slack.house import ANA, House
from tests.servers.fake_slack import FakeSlack
from tests.servers.mail import Fault
from tests.servers.slack_faults import Fault as SlackFault
from tests.servers.slack_faults import Kind
from tests.servers.wait import until

ALERT = alert(customer=CUSTOMER.model_copy(update={"support_channel": "C0SUPPORT"}))


async def _draft(house: House) -> None:
    await house.publish(ALERT)
    await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")


@pytest.mark.slow  # a third of a minute
async def test_a_worker_that_dies_while_the_mail_server_thinks_sends_nothing_twice(house: House) -> None:
    house.settings["CSATWATCH_SMTP_TIMEOUT_SECONDS"] = "2"
    house.mail.box.faults.append(Fault.HANG)
    async with house.open() as (deliver, _):
        await _draft(house)
        await house.submit(await house.form("Send Follow-Up Email"))
        await until(lambda: house.mail.box.messages, what="the message is taken")
        deliver.kill()
        assert await house.pool.fetchval("select state from deliveries where sink = 'mail'") == "claimed"
        # Its lease ends before its time, as a day later.
        await house.pool.execute("update deliveries set claimed_until = now() where sink = 'mail'")
        await deliver.start().ready()
        await house.message(saying="Whether the follow-up e-mail was sent is not known")
    assert len(house.mail.box.messages) == 1


async def test_a_worker_that_dies_before_the_message_goes_leaves_it_to_the_next(house: House) -> None:
    async with house.open() as (deliver, _):
        await _draft(house)
        await house.pool.execute(
            "create function hold() returns trigger language plpgsql as "
            "$$ begin new.due_at = now() + interval '1 hour'; return new; end $$"
        )
        await house.pool.execute(
            "create trigger hold before insert on deliveries for each row when (new.sink = 'mail') "
            "execute function hold()"
        )
        await house.submit(await house.form("Send Follow-Up Email"))
        await until(
            lambda: house.pool.fetchval("select count(*) from deliveries where sink = 'mail'"),
            what="it is in the ledger",
        )
        deliver.kill()
        # As a worker that claimed it and died would leave it.
        await house.pool.execute(
            "update deliveries set state = 'claimed', claimed_by = 'dead', claimed_until = now() where sink = 'mail'"
        )
        await deliver.start().ready()
        await house.message(saying="Follow-up e-mail sent by Ana")
    assert len(house.mail.box.messages) == 1


async def test_an_answer_of_slack_that_is_lost_leaves_one_word_to_support(house: House) -> None:
    async with house.open():
        await house.publish(ALERT)
        message = await house.message()
        house.slack.faults.next("chat.postMessage", SlackFault(Kind.LOST))
        await house.click("Coordinate with Support", message=message)
        await house.message(saying="Passed on to Support by Ana")
    assert len(house.slack.messages("C0SUPPORT")) == 1


async def test_a_click_while_kafka_is_away_is_said_to_be_lost_and_counts_when_it_is_repeated(
    house: House, workspace: FakeSlack
) -> None:
    address = house.settings["CSATWATCH_KAFKA_URL"]
    async with house.process("deliver"):
        async with house.process("web", CSATWATCH_KAFKA_URL="kafka://127.0.0.1:9"):
            await house.publish(ALERT)
            clicked = await house.click("Acknowledge")
            assert "could not be recorded" in await house.told(ANA)
        await until(lambda: not workspace.sockets, what="the socket is closed")
        async with house.process("web", CSATWATCH_KAFKA_URL=address):
            await house.click("Acknowledge", message=clicked)
            assert await house.stored(ActionKind.ACKNOWLEDGED) == ["acknowledged"]


async def test_without_a_mail_server_the_form_says_so(house: House) -> None:
    for name in list(house.settings):
        if "_SMTP_" in name:
            del house.settings[name]
    async with house.open():
        await _draft(house)
        view = await house.form("Send Follow-Up Email")
        assert "No mail server is set up" in str(view.view)
        assert "submit" not in view.view


async def test_slow_slack_gets_its_answer_in_time(house: House) -> None:
    """Whoever clicked is looked up, and Slack hangs: it is answered within three seconds all the same."""
    async with house.open():
        await house.publish(ALERT)
        message = await house.message()
        house.slack.faults.always("users.info", SlackFault(Kind.HANG))
        house.slack.faults.always("chat.postEphemeral", SlackFault(Kind.HANG))
        await house.click("Acknowledge", message=message)  # the fake's own limit is three seconds
        house.slack.faults.clear()
