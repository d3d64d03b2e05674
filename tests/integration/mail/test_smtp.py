"""Against a real mail server."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from sinks.base import Permanent, Retriable, SendError, Unknown
from sinks.smtp import Server, Smtp, server
from tests.servers.mail import USER, Fault, MailServer

MESSAGE = b"From: a@example.com\r\nTo: pat@example.com\r\nSubject: x\r\n\r\n.\r\nfirst\r\n..second\r\n"


class Gate:
    """Called when the message is about to go."""

    def __init__(self, *, opens: bool = True) -> None:
        self.calls = 0
        self._opens = opens

    async def __call__(self) -> bool:
        self.calls += 1
        return self._opens


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path).running() as running:
        yield running


def to(mail: MailServer, *, timeout: float = 5.0, url: str | None = None) -> Smtp:
    return Smtp(server(url or mail.url), timeout=timeout, ca_file=mail.ca_file)


async def send(smtp: Smtp, *, copies: tuple[str, ...] = (), gate: Gate | None = None) -> None:
    await smtp.send(MESSAGE, sender="ana@example.com", to="pat@example.com", copies=copies, about_to=gate or Gate())


@pytest.mark.parametrize("tls", ["starttls", "implicit", "off"])
async def test_a_message_arrives_as_it_was_written(tmp_path: Path, tls: Literal["starttls", "implicit", "off"]) -> None:
    gate = Gate()
    with MailServer(tmp_path, tls=tls).running() as mail:
        await send(to(mail), gate=gate)
        (message,) = mail.box.messages
    assert message.get_content() == ".\r\nfirst\r\n..second\r\n"
    assert mail.box.recipients == [["pat@example.com"]]
    assert mail.box.logins == ([] if tls == "off" else [USER.encode()])
    assert gate.calls == 1


async def test_a_copy_that_is_refused_is_left_out(mail: MailServer) -> None:
    mail.box.refused["boss@example.com"] = "550 5.1.1 nobody"
    await send(to(mail), copies=("boss@example.com", "ana@example.com"))
    assert mail.box.recipients == [["pat@example.com", "ana@example.com"]]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault.BUSY, Retriable, "the mail server puts it off (DATA: 421)"),
        (Fault.LOCAL, Retriable, "the mail server puts it off (DATA: 451)"),
        (Fault.REFUSED, Permanent, "the mail server refuses it (DATA: 550)"),
        (Fault.HANG, Unknown, "the mail server gave no answer to the message (SMTPReadTimeoutError)"),
        (Fault.CUT, Unknown, "the mail server gave no answer to the message (SMTPServerDisconnected)"),
    ],
)
async def test_only_silence_after_the_message_leaves_it_open(
    mail: MailServer, fault: Fault, error: type[SendError], words: str
) -> None:
    mail.box.faults.append(fault)
    with pytest.raises(error, match=f"^{re.escape(words)}$") as raised:
        await send(to(mail, timeout=0.5))
    assert type(raised.value) is error
    if isinstance(raised.value, Retriable):
        assert not raised.value.uncertain


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ("550 5.1.1 nobody pat@example.com", Permanent, "the mail server refuses the address (550)"),
        ("450 4.2.1 greylisted", Retriable, "the mail server puts it off (RCPT: 450)"),
    ],
)
async def test_a_refused_recipient_is_refused_before_anything_is_sent(
    mail: MailServer, answer: str, error: type[SendError], words: str
) -> None:
    mail.box.refused["pat@example.com"] = answer
    gate = Gate()
    with pytest.raises(error) as raised:
        await send(to(mail), gate=gate)
    assert str(raised.value) == words
    assert gate.calls == 0
    assert mail.box.messages == []


async def test_a_claim_that_is_lost_sends_nothing(mail: MailServer) -> None:
    with pytest.raises(Retriable, match="the claim is lost"):
        await send(to(mail), gate=Gate(opens=False))
    assert mail.box.messages == []


async def test_a_wrong_password_waits_for_an_operator_and_is_not_shown(mail: MailServer) -> None:
    url = f"smtp://{USER}:wrong-word@localhost:{mail.port}"
    with pytest.raises(Retriable, match=r"refuses the user or the password \(535\)") as raised:
        await to(mail, url=url).check()
    assert raised.value.after == 60
    assert "wrong-word" not in str(raised.value)


async def test_an_authority_that_is_not_trusted_is_not_talked_to(mail: MailServer) -> None:
    stranger = Smtp(server(mail.url), timeout=5.0)
    with pytest.raises(Retriable, match="certificate or TLS cannot be used"):
        await stranger.check()
    assert mail.box.logins == []


async def test_without_starttls_nothing_is_said(tmp_path: Path) -> None:
    with MailServer(tmp_path, tls="off").running() as plain:
        with pytest.raises(Retriable, match="does not support STARTTLS"):
            await to(plain, url=f"smtp://localhost:{plain.port}").check()
        await to(plain).check()


async def test_nobody_there_is_tried_again(tmp_path: Path) -> None:
    nowhere = MailServer(tmp_path)
    with pytest.raises(Retriable, match="cannot be reached") as raised:
        await to(nowhere).check()
    assert raised.value.away
    assert not raised.value.uncertain


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587, "starttls")),
        ("smtps://mail.example.com", Server("mail.example.com", 465, "implicit")),
        ("smtp://mail.example.com:25?starttls=off", Server("mail.example.com", 25, "off")),
        ("smtp://[::1]:2525/", Server("::1", 2525, "starttls")),
    ],
)
def test_an_address_says_where_and_how(url: str, expected: Server) -> None:
    assert server(url) == expected


def test_a_user_and_a_password_may_hold_any_sign() -> None:
    chosen = server("smtps://a%40b:p%2Fw@mail.example.com:2465")
    assert (chosen.user, chosen.port) == ("a@b", 2465)
    assert chosen.password is not None
    assert chosen.password.get_secret_value() == "p/w"
    assert "p/w" not in repr(chosen)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:no",
        "smtp://mail.example.com:99999",
        "smtp://mail.example.com/path",
        "smtp://mail.example.com?tls=off",
        "smtps://mail.example.com?starttls=off",
        "smtp://user:secret@mail.example.com?starttls=off",
        "smtp://user@mail.example.com",
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        server(url)
    assert "secret" not in str(raised.value)
    assert "mail.example.com" not in str(raised.value)


async def test_a_port_where_nobody_speaks_smtp_is_given_up_in_time(tmp_path: Path) -> None:
    silent = MailServer(tmp_path)

    ended = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", silent.port):
        with pytest.raises(Retriable, match="cannot be reached"):
            await to(silent, timeout=0.3).check()
        ended.set()
