import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, HeaderBlock, SectionBlock
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_faults import Fault, Kind

POST = "chat.postMessage"


@pytest.fixture
async def client(slack: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        # No retry handlers: each fault must arrive.
        yield AsyncWebClient(slack.token, base_url=slack.url, session=session, retry_handlers=[])


async def direct(client: AsyncWebClient, email: str = "ana@example.com") -> str:
    user = (await client.users_lookupByEmail(email=email))["user"]["id"]
    channel: str = (await client.conversations_open(users=user))["channel"]["id"]
    return channel


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def test_a_direct_message_from_the_address_to_the_history(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert (await client.auth_test())["ok"]
    channel = await direct(client)
    blocks = [
        HeaderBlock(text="Poor Rating"),
        SectionBlock(text="Rating *1/5*"),
        ActionsBlock(elements=[ButtonElement(text="View Ticket", action_id="view", value="1")]),
    ]
    metadata = {"event_type": "csat_alert", "event_payload": {"alert_id": "a-1"}}

    posted = await client.chat_postMessage(channel=channel, text="Poor Rating", blocks=blocks, metadata=metadata)
    reply = await client.chat_postMessage(channel=channel, text="more", thread_ts=posted["ts"])

    message, second = slack.messages("U0ANA")
    assert message.blocks == [block.to_dict() for block in blocks]
    assert message.metadata == metadata
    assert second.thread_ts == posted["ts"]
    bare = await client.conversations_history(channel=channel)
    full = await client.conversations_history(channel=channel, include_all_metadata=True)
    assert [each["ts"] for each in full["messages"]] == [posted["ts"]]  # a reply is in its thread alone
    assert full["messages"][0]["metadata"] == metadata
    assert "metadata" not in bare["messages"][0]
    thread = await client.conversations_replies(channel=channel, ts=posted["ts"])
    assert [each["ts"] for each in thread["messages"]] == [posted["ts"], reply["ts"]]


async def test_history_is_newest_first_and_paged(slack: FakeSlack, client: AsyncWebClient) -> None:
    sent = [(await client.chat_postMessage(channel="#csat-alerts", text=str(number)))["ts"] for number in range(5)]

    first = await client.conversations_history(channel="C0ALERTS", limit=2)
    rest = await client.conversations_history(
        channel="C0ALERTS", limit=9, cursor=first["response_metadata"]["next_cursor"]
    )
    after = await client.conversations_history(channel="C0ALERTS", oldest=sent[2])

    assert first["has_more"]
    assert not rest["has_more"]
    assert [each["ts"] for each in first["messages"] + rest["messages"]] == sent[::-1]
    assert [each["ts"] for each in after["messages"]] == [sent[4], sent[3]]


async def test_update_delete_and_ephemeral(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = await direct(client)
    ts = (await client.chat_postMessage(channel=channel, text="first"))["ts"]

    await client.chat_update(channel=channel, ts=ts, text="second")
    await client.chat_postEphemeral(channel=channel, user="U0ANA", text="only you")

    message, ephemeral = slack.messages(channel)
    assert (message.ts, message.text, message.edits) == (ts, "second", 1)
    assert ephemeral.ephemeral_to == "U0ANA"
    assert len((await client.conversations_history(channel=channel))["messages"]) == 1
    await client.chat_delete(channel=channel, ts=ts)
    assert slack.messages(channel) == [ephemeral]
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=channel, ts=ts, text="third")


async def test_a_modal_opens_once_a_trigger(slack: FakeSlack, client: AsyncWebClient) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Follow up"}, "blocks": [section("hello")]}

    opened = (await client.views_open(trigger_id="t-1", view=view))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view={**view, "blocks": [section("bye")]})

    (stored,) = slack.views()
    assert stored.view["blocks"] == [section("bye")]
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id="t-1", view=view)
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.views_open(trigger_id="t-2", view={**view, "title": {"type": "plain_text", "text": "x" * 25}})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "metadata": {"event_type": "only"}}, "invalid_metadata_format"),
        ({"blocks": [section("x" * 3000)] * 4}, "msg_blocks_too_long"),
        ({"blocks": [section("x")] * 51}, "less than 51 items"),
        ({"blocks": [section("x" * 3001)]}, "less than 3001 characters.*/blocks/0/text/text"),
        ({"blocks": [section("")]}, "more than 0 characters"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "less than 151"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "type plain_text"),
        ({"blocks": [{"type": "section"}]}, "text or fields"),
        ({"blocks": [{"type": "section", "fields": [section("x")["text"]] * 11}]}, "less than 11 items"),
        ({"blocks": [{"type": "context", "elements": [section("x")["text"]] * 11}]}, "less than 11 items"),
        ({"blocks": [{"type": "actions", "elements": []}]}, "missing required field: elements"),
        ({"blocks": [{"type": "marquee"}]}, "unsupported type"),
        ({"blocks": [{**section("x"), "block_id": "same"}] * 2}, "block_id must be unique"),
    ],
)
async def test_what_slack_refuses(
    slack: FakeSlack, client: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    with pytest.raises(SlackApiError, match=error):
        await client.api_call(POST, json={"channel": "C0ALERTS", **arguments})
    assert slack.messages() == []


@pytest.mark.parametrize(
    ("element", "error"),
    [
        ({"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}, "less than 76 characters"),
        ({"type": "button", "text": {"type": "plain_text", "text": "x"}, "value": "x" * 2001}, "less than 2001"),
        ({"type": "button", "text": {"type": "plain_text", "text": "x"}, "style": "default"}, "primary, danger"),
        (
            {"type": "overflow", "options": [{"text": {"type": "plain_text", "text": "x"}, "value": "v"}] * 6},
            "less than 6 items",
        ),
        ({"type": "overflow", "options": [{"text": {"type": "plain_text", "text": "x"}, "value": "v" * 151}]}, "151"),
    ],
)
async def test_elements_that_slack_refuses(client: AsyncWebClient, element: dict[str, Any], error: str) -> None:
    blocks = [{"type": "actions", "elements": [{**element, "action_id": "a"}]}]
    with pytest.raises(SlackApiError, match=error):
        await client.chat_postMessage(channel="C0ALERTS", text="x", blocks=blocks)


async def test_who_is_not_known_or_not_allowed(slack: FakeSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="users_not_found"):
        await client.users_lookupByEmail(email="nobody@example.com")
    with pytest.raises(SlackApiError, match="unknown_method"):
        await client.api_call("chat.whisper")
    client.token = "xoxb-wrong"
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client.auth_test()
    assert [call.outcome for call in slack.calls()] == ["users_not_found", "unknown_method", "invalid_auth"]


async def test_a_form_is_taken_like_json(slack: FakeSlack) -> None:
    headers = {"Authorization": f"Bearer {slack.token}"}
    form = {"channel": "C0ALERTS", "blocks": '[{"type": "divider"}]', "text": "x"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{slack.url}{POST}", data=form) as answer,
    ):
        assert (await answer.json())["ok"]
    assert slack.messages("csat-alerts")[0].blocks == [{"type": "divider"}]


async def test_too_many_requests_and_a_broken_server(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.faults.next(POST, Fault(Kind.RATE_LIMITED, retry_after=7))
    slack.faults.next(POST, Fault(Kind.SERVER_ERROR))
    slack.faults.next(POST, Fault(Kind.REFUSED, error="account_inactive"))

    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(channel="C0ALERTS", text="1")
    with pytest.raises(SlackApiError) as broken:
        await client.chat_postMessage(channel="C0ALERTS", text="2")
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.chat_postMessage(channel="C0ALERTS", text="3")
    await client.chat_postMessage(channel="C0ALERTS", text="4")

    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    assert broken.value.response.status_code == 500
    assert [message.text for message in slack.messages()] == ["4"]
    assert [call.outcome for call in slack.calls()] == ["rate_limited", "server_error", "refused", "ok"]


async def test_a_lost_answer_leaves_the_message_and_a_dropped_request_does_not(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack.faults.next(POST, Fault(Kind.LOST))
    slack.faults.next(POST, Fault(Kind.DROPPED))

    for text in ("lost", "dropped"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.chat_postMessage(channel="C0ALERTS", text=text)

    assert [message.text for message in slack.messages()] == ["lost"]


async def test_a_request_that_hangs_ends_with_the_client_or_the_server(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack.faults.always(POST, Fault(Kind.HANG))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.chat_postMessage(channel="C0ALERTS", text="x")
    assert slack.messages() == []
    slack.faults.clear()
    await client.chat_postMessage(channel="C0ALERTS", text="y")


async def test_an_outage_keeps_the_address_and_the_messages(slack: FakeSlack, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0ALERTS", text="before")
    await asyncio.to_thread(slack.stop)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel="C0ALERTS", text="during")
    await asyncio.to_thread(slack.start)
    await client.chat_postMessage(channel="C0ALERTS", text="after")
    assert [message.text for message in slack.messages()] == ["before", "after"]


async def test_random_faults_repeat_with_their_seed(slack: FakeSlack, client: AsyncWebClient) -> None:
    async def outcomes() -> list[str]:
        slack.faults.at_random(7, 0.5, [Fault(Kind.SERVER_ERROR), Fault(Kind.RATE_LIMITED)])
        seen = len(slack.calls())
        for _ in range(20):
            try:
                await client.chat_postMessage(channel="C0ALERTS", text="x")
            except SlackApiError:
                continue
        return [call.outcome for call in slack.calls()[seen:]]

    first = await outcomes()
    assert set(first) == {"ok", "server_error", "rate_limited"}
    assert await outcomes() == first


async def test_one_message_a_while_in_a_channel() -> None:
    with FakeSlack(seconds_a_message=3600) as slack:
        async with aiohttp.ClientSession() as session:
            client = AsyncWebClient(slack.token, base_url=slack.url, session=session, retry_handlers=[])
            await client.chat_postMessage(channel="U0ANA", text="first")
            await client.chat_postMessage(channel="U0BO", text="elsewhere")
            with pytest.raises(SlackApiError, match="ratelimited"):
                await client.chat_postMessage(channel="U0ANA", text="second")
        assert [message.text for message in slack.messages()] == ["first", "elsewhere"]
