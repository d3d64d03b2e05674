import json
from pathlib import Path
from typing import Any

import pytest

from schemas.alert import Alert, Context, Status
from schemas.event import Ticket
from sinks.slack import as_parts, as_text, message
from sinks.slack.texts import texts as shipped
from tests.alerts import CUSTOMER, TICKET, alert, trend
from tests.servers import slack_limits

GOLDEN = Path(__file__).parents[3] / "golden" / "slack"
HOSTILE = "<!channel> <@U1> @everyone *bold* `x` & \u202egpj.exe\u202c \x00\x07\x1b[31m \u2066a\u2069 ```\n> quote"


def with_ticket(**changes: Any) -> Alert:
    return alert(ticket=TICKET.model_copy(update=changes))


def with_customer(**changes: Any) -> Alert:
    return alert(customer=CUSTOMER.model_copy(update=changes))


def texts(example: Alert) -> str:
    return as_text(message(example))


def test_globaltech_line_by_line() -> None:
    assert texts(alert()).splitlines() == (GOLDEN / "globaltech.txt").read_text().splitlines()


def test_globaltech_block_by_block() -> None:
    assert message(alert()).as_json() == json.loads((GOLDEN / "globaltech.json").read_text())


@pytest.mark.parametrize(
    "bare",
    [
        alert(
            customer=None,
            feedback=None,
            ticket=Ticket(ticket_id="9"),
            context=Context(tickets_30d=0, low_ratings_30d=1),
        ),
        trend(
            trend=None,
            customer=None,
            feedback=None,
            ticket=Ticket(ticket_id="9"),
            context=Context(tickets_30d=0, low_ratings_30d=0),
        ),
    ],
)
def test_what_is_not_known_is_left_out(bare: Alert) -> None:
    shown = texts(bare)
    assert "None" not in shown
    for words in ("Subject", "Category", "Resolution", "Feedback", "Context", "ARR", "avg", "30 days", "View Ticket"):
        assert words not in shown
    assert "Customer 1b9d6bcd…" in shown


@pytest.mark.parametrize(
    ("number", "word"), [(2, "second"), (3, "third"), (12, "twelfth"), (21, "21st"), (113, "113th")]
)
def test_the_ordinal_is_in_words(number: int, word: str) -> None:
    counted = alert(context=Context(tickets_30d=number, low_ratings_30d=number))
    assert f"This is the {word} low rating in 30 days." in texts(counted)


def test_the_first_low_rating_is_not_counted() -> None:
    assert "low rating in 30 days" not in texts(alert(context=Context(tickets_30d=1, low_ratings_30d=1)))


@pytest.mark.parametrize(
    ("arr", "currency", "shown"),
    [(175_000, "USD", "$175,000"), (1_250_000.4, "EUR", "EUR 1,250,000"), (900, None, "900"), (0, "USD", "$0")],
)
def test_money(arr: float, currency: str | None, shown: str) -> None:
    assert f"- Customer ARR: {shown}\n" in texts(with_customer(arr=arr, currency=currency))


@pytest.mark.parametrize(
    ("took", "sla", "shown"),
    [
        (72.0, 24.0, "72 hours (SLA: 24 hours)"),
        (1.0, 1.5, "1 hour (SLA: 1.5 hours)"),
        (0.04, None, "0 hours"),
        (1200.25, None, "1,200.2 hours"),
    ],
)
def test_hours(took: float, sla: float | None, shown: str) -> None:
    lines = texts(with_ticket(resolution_time_hours=took, sla_hours=sla)).splitlines()
    assert f"Resolution Time: {shown}" in lines


def test_one_ticket_is_singular() -> None:
    assert "- Support history: 1 ticket this month" in texts(alert(context=Context(tickets_30d=1, low_ratings_30d=1)))


def test_a_ticket_number_that_has_its_hash_keeps_one() -> None:
    assert "Ticket: #77\n" in texts(with_ticket(ticket_id="#77"))


def test_the_buttons_carry_the_alert() -> None:
    wanted = str(alert().alert_id)
    (actions,) = [block for block in message(alert()).as_json() if block["type"] == "actions"]
    buttons, menu = actions["elements"][:3], actions["elements"][3]
    assert [button["action_id"] for button in buttons] == [
        f"{name}:{wanted}" for name in ("send_email", "view_ticket", "coordinate")
    ]
    assert {button["value"] for button in buttons} == {wanted}
    assert [option["value"] for option in menu["options"]] == [
        f"{name}:{wanted}" for name in ("acknowledge", "schedule_call", "snooze", "followed_up", "not_useful")
    ]


@pytest.mark.parametrize("url", [None, "https://", "http://a b.example/", "https://x.example/\n", "http://[x"])
def test_an_address_that_slack_would_refuse_is_no_button(url: str | None) -> None:
    assert "[Send Follow-Up Email] [Coordinate with Support]" in texts(with_ticket(ticket_url=url))


def test_the_ticket_can_be_left_out() -> None:
    shown = as_text(message(alert(), include_ticket_context=False))
    assert "TKT" not in shown
    assert "Feedback" not in shown
    assert "Customer ARR" in shown


def test_an_update_says_so_only_where_something_was_shown_before() -> None:
    updated = alert(revision=2, status=Status.UPDATED)
    assert "Updated on 2026-05-12 at 09:30 UTC." in as_text(message(updated, changed=True))
    assert as_text(message(updated)) == as_text(message(alert()))


def test_a_retraction_says_so_and_asks_for_nothing() -> None:
    over = message(alert(revision=2, status=Status.RETRACTED, rating=4), changed=True)
    assert "The customer has changed the answer to 4/5: this alert no longer holds." in as_text(over)
    assert as_text(over).splitlines()[0].endswith("Support Satisfaction Alert Withdrawn: GlobalTech")
    assert as_text(over).splitlines()[-1] == "[View Ticket]"
    assert not any(part.menu for part in as_parts(over))


def test_the_trend_says_what_fell_and_by_how_much() -> None:
    shown = texts(trend())
    assert shown.splitlines()[0] == ":chart_with_downwards_trend: Support Satisfaction Trend Alert: GlobalTech"
    assert "Average Rating Down 26%: 4.3 to 3.2\n" in shown
    assert "Recently: 3.2 from 5 ratings since 2026-04-20\nBefore: 4.3 from 12 ratings\nEvidence: strong\n" in shown
    assert shown.splitlines()[-1] == "[Send Follow-Up Email] [View Ticket] [Coordinate with Support]"


def test_a_trend_that_is_back_says_so() -> None:
    shown = texts(trend(status=Status.RESOLVED, revision=2))
    assert "Support Satisfaction Recovered: GlobalTech" in shown
    assert "Send Follow-Up Email" not in shown


def test_the_channel_learns_for_whom_it_is() -> None:
    shown = as_text(message(alert(), audience="For <@U1> & Co."))
    assert "\n\nFor <@U1> & Co.\n\n" in shown
    assert "<@" not in json.dumps(message(alert(), audience="For <@U1> & Co.").as_json())


def test_hostile_text_is_shown_and_has_no_effect() -> None:
    hostile = alert(
        feedback=HOSTILE,
        ticket=TICKET.model_copy(update={"ticket_subject": HOSTILE, "ticket_category": HOSTILE, "ticket_id": HOSTILE}),
        customer=CUSTOMER.model_copy(update={"name": HOSTILE}),
    )
    sent = message(hostile)
    raw = "".join(block.get("text", {}).get("text", "") for block in sent.as_json()) + sent.text
    for sign in ("<", ">", "@everyone", "\u202e", "\u2066", "\x00", "\x07", "\x1b"):
        assert sign not in raw
    assert "&lt;!channel&gt;" in raw
    assert all(block["text"].get("verbatim", True) for block in sent.as_json() if block["type"] == "section")
    assert "<!channel> <@U1> " in as_text(sent)
    subject = next(line for line in as_text(sent).splitlines() if line.startswith("Subject"))
    assert subject.endswith('> quote"')


@pytest.mark.parametrize("filler", ["x", "&", "<", "\N{PILE OF POO}", "\n", "@here "])
@pytest.mark.parametrize("kind", sorted(shipped().names))
def test_the_longest_texts_stay_within_slacks_limits(filler: str, kind: str) -> None:
    def long(characters: int) -> str:
        return (filler * characters)[:characters]

    longest = trend(
        feedback=long(20_000),
        ticket=TICKET.model_copy(
            update={"ticket_id": long(200), "ticket_subject": long(500), "ticket_category": long(100)}
        ),
        customer=CUSTOMER.model_copy(update={"name": long(200)}),
    )
    sent = message(longest, template=kind, changed=True, audience=long(900))
    assert slack_limits.complaints(sent.as_json()) == []
    assert slack_limits.text_length(sent.as_json()) < 10_000
    assert sent.text


def test_a_long_feedback_is_cut_with_a_note() -> None:
    shown = texts(alert(feedback="y" * 10_000))
    assert "… (cut: 7,248 more characters)" in shown
    cut = next(part.text for part in as_parts(message(alert(feedback="&" * 10_000))) if "Feedback" in part.text)
    assert "&" * 500 in cut
    assert "&amp" not in cut


def test_the_notification_names_the_customer() -> None:
    assert message(alert()).text == "Support Satisfaction Alert: GlobalTech, rated 1/5"
    assert message(trend()).text == "Support Satisfaction Trend Alert: GlobalTech"
