"""What each answer of Slack means for the step."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from schemas.alert import Status
from schemas.customer import Person
from schemas.notice import Thread, Way
from sinks.base import PREVIEW, Delivery, Elsewhere, Permanent, Receipt, Retriable, SendError
from sinks.slack import Api, Slack, message, web_client
from sinks.slack.content import EVENT_TYPE
from sinks.slack.errors import OPERATOR, PERMANENT, RETRIABLE
from tests.alerts import CSM, CUSTOMER, alert
from tests.deliveries import SLACK_STEP, delivery
from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_faults import Fault, Kind

TIMEOUT = 0.3
UNKNOWN = CUSTOMER.model_copy(update={"csm": Person(name="Zoe", email="zoe@example.com")})


@dataclass
class Remembered:
    """A ledger that holds the one claim."""

    mine: bool = True
    destinations: list[str] = field(default_factory=list)

    async def __call__(self, _: Delivery, destination: str, thread: str | None) -> bool:
        self.destinations.append(destination)
        return self.mine


@dataclass
class Wired:
    """A sink on a fake Slack."""

    slack: FakeSlack
    session: aiohttp.ClientSession
    remembered: Remembered = field(default_factory=Remembered)

    def sink(self, *, token: str | None = None, fallback: str | None = None, url: str | None = None) -> Slack:
        client = web_client(token or self.slack.token, url or self.slack.url, self.session)
        return Slack(Api(client, timeout=TIMEOUT), fallback_channel=fallback, remember=self.remembered)


@pytest.fixture
async def wired(slack: FakeSlack) -> AsyncIterator[Wired]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        yield Wired(slack, session)


def now(**changes: Any) -> Delivery:
    """A delivery of this minute: Slack's history is looked through from there."""
    return delivery(**{"created_at": datetime.now(UTC), **changes})


def unsure(done: Delivery, channel: str) -> Delivery:
    """What the next claim is like, where the outcome of a post to `channel` is not known."""
    return replace(done, destination=channel, external_id=None, uncertain=True)


async def failing(sink: Slack, what: Delivery) -> SendError:
    with pytest.raises(SendError) as failed:
        await sink.send(what)
    # What it came from may hold an address or a text, and a traceback would show it.
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    return failed.value


async def test_the_csm_gets_the_message_as_composed(wired: Wired) -> None:
    receipt = await wired.sink().send(now())
    (sent,) = wired.slack.messages("U0ANA")
    assert receipt == Receipt(sent.channel, sent.ts, csm_notified=True)
    assert sent.blocks == message(alert()).as_json()
    assert sent.text == message(alert()).text
    assert sent.metadata == {
        "event_type": EVENT_TYPE,
        "event_payload": {"alert_id": str(alert().alert_id), "step": SLACK_STEP, "revision": 1},
    }
    assert wired.remembered.destinations == [sent.channel]


async def test_a_csm_is_looked_up_once(wired: Wired) -> None:
    sink = wired.sink()
    for response in ("a", "b"):
        await sink.send(now(of=alert(response=response)))
    assert len(wired.slack.calls("users.lookupByEmail")) == len(wired.slack.calls("conversations.open")) == 1


async def test_a_known_slack_id_needs_no_look_up(wired: Wired) -> None:
    csm = Person(name="Bo", email="other@example.com", slack_user_id="U0BO")
    await wired.sink().send(now(of=alert(customer=CUSTOMER.model_copy(update={"csm": csm}))))
    assert len(wired.slack.messages("U0BO")) == 1
    assert wired.slack.calls("users.lookupByEmail") == []


@pytest.mark.parametrize(
    ("fault", "after", "uncertain"),
    [
        (Fault(Kind.RATE_LIMITED, retry_after=7), 7.0, False),
        (Fault(Kind.SERVER_ERROR), None, True),
        (Fault(Kind.HANG), TIMEOUT, True),
        (Fault(Kind.DROPPED), None, True),
        (Fault(Kind.LOST), None, True),
        *(
            (Fault(Kind.REFUSED, error=code), None, True)
            for code in sorted(RETRIABLE - {"ratelimited", "rate_limited"})
        ),
        *((Fault(Kind.REFUSED, error=code), 60.0, False) for code in sorted(OPERATOR)),
    ],
    ids=lambda value: f"{value.kind}-{value.error}" if isinstance(value, Fault) else "",
)
async def test_what_can_be_tried_again(wired: Wired, fault: Fault, after: float | None, uncertain: bool) -> None:
    wired.slack.faults.next("chat.postMessage", fault)
    error = await failing(wired.sink(), now())
    assert isinstance(error, Retriable)
    assert (error.after, error.uncertain) == (after, uncertain)


@pytest.mark.parametrize("code", [*sorted(PERMANENT), "never_heard_of"])
async def test_what_cannot(wired: Wired, code: str) -> None:
    wired.slack.faults.next("chat.postMessage", Fault(Kind.REFUSED, error=code))
    error = await failing(wired.sink(), now())
    assert isinstance(error, Permanent)
    assert code in str(error)


async def test_a_slack_that_is_away_was_sent_nothing(wired: Wired) -> None:
    wired.slack.stop()
    error = await failing(wired.sink(), now())
    assert isinstance(error, Retriable)
    assert not error.uncertain


@pytest.mark.parametrize("method", ["users.lookupByEmail", "conversations.open"])
async def test_trouble_before_the_post_leaves_nothing_in_doubt(wired: Wired, method: str) -> None:
    wired.slack.faults.next(method, Fault(Kind.SERVER_ERROR))
    error = await failing(wired.sink(), now())
    assert isinstance(error, Retriable)
    assert wired.slack.messages() == []
    assert wired.remembered.destinations == []


async def test_no_error_tells_a_secret_or_a_customers_word(wired: Wired) -> None:
    secret = "xoxb-SECRET-TOKEN"
    hushed = (secret, wired.slack.url, "GlobalTech", "ana@example.com", "Took too long")
    for fault in Kind:
        wired.slack.faults.next("chat.postMessage", Fault(fault, error=secret))
        error = await failing(wired.sink(), now())
        assert not any(word in f"{error} {error!r}" for word in hushed)
    wrong = await failing(wired.sink(token=secret), now())
    lost = await failing(wired.sink(url="http://127.0.0.1:1/api/"), now())
    nobody = await failing(wired.sink(), now(of=alert(customer=UNKNOWN)))
    assert not any(word in f"{wrong} {lost} {nobody}" for word in (*hushed, "zoe@example.com", "Zoe"))
    assert "invalid_auth" in str(wrong)


async def test_after_a_429_the_channel_is_left_alone_and_others_are_not(wired: Wired) -> None:
    sink = wired.sink()
    wired.slack.faults.next("chat.postMessage", Fault(Kind.RATE_LIMITED, retry_after=30))
    await failing(sink, now())
    error = await failing(sink, now(of=alert(response="b")))
    assert isinstance(error, Retriable)
    assert 25 < (error.after or 0) <= 30
    assert len(wired.slack.calls("chat.postMessage")) == 1
    bo = CUSTOMER.model_copy(update={"csm": Person(name="Bo", email="bo@example.com")})
    assert isinstance(await sink.send(now(of=alert(customer=bo))), Receipt)


async def test_a_message_a_second_and_channel(wired: Wired) -> None:
    sink, loop = wired.sink(), asyncio.get_running_loop()
    await sink.send(now())
    started = loop.time()
    await sink.send(now(of=alert(response="b")))
    assert loop.time() - started > 0.8
    assert len(wired.slack.messages("U0ANA")) == 2


@pytest.mark.parametrize(
    ("customer", "audience"),
    [
        (UNKNOWN, "For Zoe (zoe@example.com), who is not in Slack."),
        (CUSTOMER.model_copy(update={"csm": None}), "For the CSM of this customer: the customer has no CSM."),
        (None, "For the CSM of this customer: the customer's account is not known."),
    ],
)
async def test_without_a_csm_it_goes_to_the_fallback_channel(wired: Wired, customer: Any, audience: str) -> None:
    lost = alert(customer=customer)
    error = await failing(wired.sink(), now(of=lost))
    assert isinstance(error, Permanent)
    assert str(error).endswith("no fallback channel is set")
    receipt = await wired.sink(fallback="C0ALERTS").send(now(of=lost))
    (sent,) = wired.slack.messages("C0ALERTS")
    assert receipt == Receipt("C0ALERTS", sent.ts, csm_notified=False)
    assert sent.blocks == message(lost, audience=audience).as_json()


async def test_a_csm_who_becomes_known_gets_the_message_and_the_channel_is_told(wired: Wired) -> None:
    sink = wired.sink(fallback="C0ALERTS")
    first = now(of=alert(customer=None))
    receipt = await sink.send(first)
    assert isinstance(receipt, Receipt)
    known = replace(
        first,
        alert=alert(revision=2, status=Status.UPDATED),
        destination=receipt.destination,
        external_id=receipt.external_id,
        shown_revision=1,
    )
    moved = await sink.send(known)
    (told,) = wired.slack.messages("C0ALERTS")
    (sent,) = wired.slack.messages("U0ANA")
    assert moved == Receipt(sent.channel, sent.ts, csm_notified=True)
    assert "is known now and has this message" in str(told.blocks)


@pytest.mark.parametrize("status", [Status.UPDATED, Status.RETRACTED, Status.RESOLVED])
async def test_a_later_revision_edits_the_message(wired: Wired, status: Status) -> None:
    sink, first = wired.sink(), now()
    receipt = await sink.send(first)
    assert isinstance(receipt, Receipt)
    later = alert(revision=2, status=status, rating=2)
    shown = replace(
        first, alert=later, destination=receipt.destination, external_id=receipt.external_id, shown_revision=1
    )
    again = await sink.send(shown)
    assert isinstance(again, Receipt)
    assert (again.destination, again.external_id) == (receipt.destination, receipt.external_id)
    (sent,) = wired.slack.messages()
    assert sent.blocks == message(later, changed=True).as_json()
    assert sent.metadata
    assert sent.metadata["event_payload"]["revision"] == 2


async def test_what_is_over_before_it_was_shown_is_not_sent(wired: Wired) -> None:
    over = alert(revision=2, status=Status.RETRACTED)
    assert await wired.sink().send(now(of=over)) is None
    assert await wired.sink().send(now(of=over, destination=PREVIEW, external_id="x", shown_revision=1)) is None
    assert wired.slack.messages() == []


async def test_a_lost_answer_is_found_before_it_is_repeated(wired: Wired) -> None:
    sink, first = wired.sink(), now()
    wired.slack.faults.next("chat.postMessage", Fault(Kind.LOST))
    await failing(sink, first)
    (sent,) = wired.slack.messages()
    receipt = await sink.send(unsure(first, sent.channel))
    assert receipt == Receipt(sent.channel, sent.ts, csm_notified=True)
    assert len(wired.slack.messages()) == 1


async def test_an_answer_that_was_not_given_is_looked_for_and_then_sent(wired: Wired) -> None:
    sink, first = wired.sink(), now()
    await sink.send(now(of=alert(response="other")))
    wired.slack.faults.next("chat.postMessage", Fault(Kind.DROPPED))
    await failing(sink, first)
    (channel,) = set(wired.remembered.destinations)
    receipt = await sink.send(unsure(first, channel))
    assert isinstance(receipt, Receipt)
    assert len(wired.slack.messages()) == 2


async def test_a_lost_answer_of_an_alert_that_is_over_is_found_and_withdrawn(wired: Wired) -> None:
    sink, first = wired.sink(), now()
    wired.slack.faults.next("chat.postMessage", Fault(Kind.LOST))
    await failing(sink, first)
    (sent,) = wired.slack.messages()
    over = alert(revision=2, status=Status.RETRACTED, rating=4)
    assert await sink.send(replace(unsure(first, sent.channel), alert=over)) == Receipt(sent.channel, sent.ts)
    assert "no longer holds" in str(wired.slack.messages()[0].blocks)


async def test_of_two_messages_the_later_goes(wired: Wired) -> None:
    sink, first = wired.sink(), now()
    await sink.send(first)
    await sink.send(first)
    earlier, _ = wired.slack.messages()
    receipt = await sink.send(unsure(first, earlier.channel))
    assert isinstance(receipt, Receipt)
    assert receipt.external_id == earlier.ts
    assert [sent.ts for sent in wired.slack.messages()] == [earlier.ts]


async def test_where_it_cannot_be_looked_for_nothing_is_sent_and_the_doubt_stays(wired: Wired) -> None:
    sink, first = wired.sink(), now()
    receipt = await sink.send(first)
    assert isinstance(receipt, Receipt)
    wired.slack.faults.next("conversations.history", Fault(Kind.RATE_LIMITED, retry_after=9))
    error = await failing(sink, unsure(first, receipt.destination))
    assert isinstance(error, Retriable)
    assert (error.after, error.uncertain) == (9.0, True)
    assert len(wired.slack.messages()) == 1


async def test_it_is_looked_for_on_every_page_of_the_history(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.slack.history._A_PAGE", 1)
    monkeypatch.setattr("sinks.slack.sender._A_MESSAGE_EVERY", 0.001)
    sink, first = wired.sink(), now()
    receipt = await sink.send(first)
    assert isinstance(receipt, Receipt)
    for response in ("b", "c"):
        await sink.send(now(of=alert(response=response)))
    found = await sink.send(unsure(first, receipt.destination))
    assert isinstance(found, Receipt)
    assert found.external_id == receipt.external_id
    assert len(wired.slack.calls("conversations.history")) > 1
    assert len(wired.slack.messages()) == 3


async def test_a_lost_claim_sends_nothing(wired: Wired) -> None:
    wired.remembered.mine = False
    assert isinstance(await failing(wired.sink(), now()), Retriable)
    assert wired.slack.messages() == []


async def test_a_message_that_was_found_and_not_brought_up_to_date_is_looked_for_again(wired: Wired) -> None:
    """Else the next try would send a second one: nothing was noted of the first."""
    sink = wired.sink()
    first = now()
    receipt = await sink.send(first)
    assert isinstance(receipt, Receipt)
    wired.slack.faults.next("chat.update", Fault(Kind.RATE_LIMITED, retry_after=0))
    error = await failing(sink, unsure(first, receipt.destination))
    assert isinstance(error, Retriable)
    assert error.uncertain


async def test_a_pause_is_kept_and_holds_up_nothing_else(wired: Wired) -> None:
    """Of posts the channel's own; of other methods the method's."""
    sink = wired.sink()
    wired.slack.faults.next("chat.postMessage", Fault(Kind.RATE_LIMITED, retry_after=60))
    first = await failing(sink, now())
    again = await failing(sink, now(of=alert(response="another")))
    assert isinstance(first, Retriable)
    assert isinstance(again, Retriable)
    assert not first.counts
    assert not again.counts
    assert first.rest == 60.0
    assert 50.0 < again.rest <= 60.0
    assert len(wired.slack.calls("chat.postMessage")) == 1
    bo = Person(name="Bo", email="bo@example.com")
    wired.slack.faults.next("users.lookupByEmail", Fault(Kind.RATE_LIMITED, retry_after=60))
    unknown = await failing(sink, now(of=alert(customer=CUSTOMER.model_copy(update={"csm": bo}))))
    assert isinstance(unknown, Retriable)
    assert unknown.rest == 0.0
    with_id = bo.model_copy(update={"slack_user_id": "U0BO"})
    await sink.send(now(of=alert(customer=CUSTOMER.model_copy(update={"csm": with_id}))))
    assert len(wired.slack.messages("U0BO")) == 1


async def test_a_slack_id_that_is_nobodys_gives_way_to_the_address(wired: Wired) -> None:
    csm = Person(name="Bo", email="bo@example.com", slack_user_id="U0GONE")
    await wired.sink().send(now(of=alert(customer=CUSTOMER.model_copy(update={"csm": csm}))))
    assert len(wired.slack.messages("U0BO")) == 1


@pytest.mark.parametrize(
    ("name", "customer"), [("_KNOWN_FOR", CUSTOMER), ("_UNKNOWN_FOR", UNKNOWN)], ids=["known", "unknown"]
)
async def test_who_was_looked_up_is_looked_up_anew_in_the_end(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, name: str, customer: Any
) -> None:
    sink = wired.sink(fallback="C0ALERTS")
    for response in ("a", "b"):
        await sink.send(now(of=alert(response=response, customer=customer)))
    assert len(wired.slack.calls("users.lookupByEmail")) == 1
    monkeypatch.setattr(f"sinks.slack.people.{name}", 0.0)
    other = wired.sink(fallback="C0ALERTS")
    for response in ("c", "d"):
        await other.send(now(of=alert(response=response, customer=customer)))
    assert len(wired.slack.calls("users.lookupByEmail")) == 3


async def test_a_message_for_another_channel_waits_for_that_channels_turn(wired: Wired) -> None:
    """Before anything is posted, so that one channel's backlog takes nobody else's place."""
    lost = now(of=alert(customer=UNKNOWN), lane="zoe@example.com")
    with pytest.raises(Elsewhere) as moved:
        await wired.sink(fallback="C0ALERTS").send(lost)
    assert moved.value.lane == "C0ALERTS"
    assert wired.slack.messages() == []
    await wired.sink(fallback="C0ALERTS").send(replace(lost, lane="C0ALERTS"))
    assert len(wired.slack.messages("C0ALERTS")) == 1


async def test_a_reply_stands_below_its_message(wired: Wired) -> None:
    sink = wired.sink()
    root = await sink.send(now())
    assert isinstance(root, Receipt)
    below = now(of=alert(response="b"), way=Way(CSM, thread=Thread(root.destination, root.external_id, broadcast=True)))
    reply = await sink.send(below)
    assert reply == Receipt(
        root.destination, reply.external_id if reply else "", csm_notified=True, thread=root.external_id
    )
    call = wired.slack.calls("chat.postMessage")[-1]
    assert (call.arguments["thread_ts"], call.arguments["reply_broadcast"]) == (root.external_id, True)
    found = await sink.send(replace(below, destination=root.destination, thread=root.external_id, uncertain=True))
    assert found == reply
    assert len(wired.slack.messages()) == 2


async def test_a_thread_in_another_channel_is_none_for_this_reader(wired: Wired) -> None:
    way = Way(CSM, thread=Thread("C0ALERTS", "1.000001"))
    receipt = await wired.sink().send(now(way=way))
    assert receipt is not None
    assert receipt.thread is None
