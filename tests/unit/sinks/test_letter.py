from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies

from sinks.letter import BadAddress, Letter, Mailbox, as_html, compose, thread

AT = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)
ANA = Mailbox("ana@example.com", "Ana Diaz")
PAT = Mailbox("pat@globaltech.example", "Pat Lee")
ID = UUID("11111111-2222-3333-4444-555555555555")


def letter(**changes: Any) -> Letter:
    fields: dict[str, Any] = {"id": ID, "at": AT, "sender": ANA, "to": PAT, "subject": "Your ticket", "body": "Hello"}
    return Letter(**(fields | changes))


def parsed(made: Letter) -> EmailMessage:
    message = message_from_bytes(compose(made), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_it_says_who_to_whom_and_when() -> None:
    message = parsed(letter())
    assert (message["From"], message["To"]) == ("Ana Diaz <ana@example.com>", "Pat Lee <pat@globaltech.example>")
    assert message["Subject"] == "Your ticket"
    assert message["Date"].datetime == AT
    assert message["Message-ID"] == f"<{ID}@example.com>"
    assert (message["Reply-To"], message["Cc"], message["In-Reply-To"]) == (None, None, None)
    assert message.get_content_type() == "multipart/alternative"


def test_the_same_words_are_there_as_text_and_as_html() -> None:
    message = parsed(letter(body="Grüße <b>\n\n> quoted\n> twice\n\nbye"))
    assert body(message, "plain") == "Grüße <b>\n\n> quoted\n> twice\n\nbye\n"
    assert "<p>Grüße &lt;b&gt;</p>" in body(message, "html")
    assert "<blockquote>quoted<br>\ntwice</blockquote>" in body(message, "html")


def test_answers_reach_the_csm_where_mail_comes_from_another_address() -> None:
    message = parsed(letter(sender=Mailbox("care@example.com", "Ana Diaz"), reply_to=ANA))
    assert (message["From"], message["Reply-To"]) == ("Ana Diaz <care@example.com>", "Ana Diaz <ana@example.com>")


def test_it_lands_in_the_tickets_thread_however_long_its_id_is() -> None:
    long = f"<{'x' * 300}.{'y' * 300}@support.example.com>"
    for answered in (long, long.strip("<>")):
        raw = compose(letter(answers=answered))
        assert f"In-Reply-To: {long}\r\n".encode() in raw
        assert f"References: {long}\r\n".encode() in raw


@pytest.mark.parametrize(
    "text", [None, "", "no id", "<a b@c>", "<a@b>\r\nBcc: x@y.z", "<a@b> <c@d>", "é@b", "<@>", "x" * 950 + "@b"]
)
def test_what_is_no_message_id_is_left_out(text: str | None) -> None:
    assert thread(text) is None
    assert "In-Reply-To" not in parsed(letter(answers=text))


HOSTILE = strategies.text(max_size=200) | strategies.sampled_from(
    [
        "x\r\nBcc: evil@example.com",
        "x\nBcc: evil@example.com\n\nbody",
        "=?utf-8?q?x=0ABcc:_e?=",
        "=??Q?=0A0",
        '"; <evil@example.com>',
    ]
)


@settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_in_it_can_become_a_header(subject: str, name: str, text: str) -> None:
    raw = compose(letter(subject=subject, to=Mailbox("pat@globaltech.example", name), body=text))
    message = message_from_bytes(raw, policy=policy.default)
    assert set(message.keys()) == {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}
    assert [address.addr_spec for address in message["To"].addresses] == ["pat@globaltech.example"]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "address",
    ["", "pat", "pat@", "@example.com", "pät@example.com", "a b@example.com", "a@b@c", "pat@exa..mple", "p\r\n@x"],
)
def test_an_address_that_no_mail_goes_to_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(BadAddress) as raised:
        compose(letter(to=Mailbox(address)))
    assert not address or address not in str(raised.value)


def test_a_domain_in_other_scripts_is_written_for_every_server() -> None:
    assert parsed(letter(to=Mailbox("pat@exämple.com")))["To"] == "pat@xn--exmple-cua.com"


def test_html_has_nothing_but_words() -> None:
    assert "<script" not in as_html("<script>alert(1)</script>\n> <img onerror=x>")
    assert "onerror=x&gt;" in as_html("> <img onerror=x>")
