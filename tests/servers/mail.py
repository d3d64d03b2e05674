"""A mail server that a test can look into, with TLS by an authority of its own, and whatever goes wrong."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.ports import free_ports

USER, PASSWORD = "csatwatch", "s3cret/with:odd@signs"


class Fault(StrEnum):
    """What happens at the end of the next message; its text is what the server answers."""

    BUSY = "421 4.3.2 too busy"
    LOCAL = "451 4.3.0 try again later"
    REFUSED = "550 5.7.1 not wanted"
    HANG = "hang"  # taken, and never answered
    CUT = "cut"  # taken, and the connection is closed instead of an answer


@dataclass
class Mailbox:
    """What arrived, and what is to go wrong: a fault a message, and answers by recipient."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    logins: list[bytes] = field(default_factory=list)


class _Handler:
    def __init__(self, box: Mailbox) -> None:
        self._box = box

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := self._box.refused.get(address)) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._box.faults.pop(0) if self._box.faults else None
        if fault in {Fault.BUSY, Fault.LOCAL, Fault.REFUSED}:
            return str(fault)
        message = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self._box.messages.append(message)
        self._box.recipients.append(list(envelope.rcpt_tos))
        if fault is Fault.HANG:
            await asyncio.sleep(3600)
        if fault is Fault.CUT:
            assert server.transport is not None
            cast("asyncio.Transport", server.transport).abort()
        return "250 2.0.0 taken"


class MailServer:
    """One server.

    Attributes:
        ca_file: the authority's certificate.
        tls: `starttls` takes nothing before it, `implicit` speaks TLS from the beginning.
    """

    def __init__(self, directory: Path, *, tls: Literal["starttls", "implicit", "off"] = "starttls") -> None:
        authority = trustme.CA()
        self.tls = tls
        self.port = free_ports(1)[0]
        self.box = Mailbox()
        self.ca_file = directory / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self._context)

    @property
    def url(self) -> str:
        """As csatwatch's settings take it."""
        if self.tls == "off":
            return f"smtp://localhost:{self.port}?starttls=off"
        secret = "s3cret%2Fwith%3Aodd%40signs"
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://{USER}:{secret}@localhost:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """For a process."""
        return {"CSATWATCH_SMTP_URL": self.url, "CSATWATCH_SMTP_CA_FILE": str(self.ca_file)}

    @contextmanager
    def running(self) -> Iterator["MailServer"]:
        """Listening."""
        options: dict[str, Any] = {"enable_SMTPUTF8": False}
        if self.tls == "starttls":
            options |= {"tls_context": self._context, "require_starttls": True}
        if self.tls != "off":
            options |= {
                "authenticator": self._authenticate,
                # Under implicit TLS aiosmtpd takes the connection for an open one.
                "auth_required": self.tls == "starttls",
                "auth_require_tls": self.tls == "starttls",
            }
        controller = Controller(
            _Handler(self.box),
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=self._context if self.tls == "implicit" else None,
            **options,
        )
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.box.logins.append(data.login)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)
