"""A mail server: hands it one message, and tells how far that came (RFC 5321)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from sinks.base import Permanent, Retriable, SendError, Unknown

_PORTS = {"smtp": 587, "smtps": 465}
_WAIT_FOR_OPERATOR = 60.0  # seconds
_PASSING = range(400, 500)

Tls = Literal["starttls", "implicit", "off"]


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes out.

    Attributes:
        tls: `starttls` is asked for before anything else is said, and a server without it is not used.
    """

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: SecretStr | None = None


def server(url: str) -> Server:
    """`smtp://USER:PASSWORD@HOST:PORT`, with `?starttls=off` without TLS, or `smtps://…`.

    Raises `ValueError`, whose text names what is wrong and holds nothing of the address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the host or the port is none") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("must be smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT")
    options = parse_qs(parts.query, keep_blank_values=True)
    if options not in ({}, {"starttls": ["off"]}) or (options and parts.scheme == "smtps"):
        raise ValueError("the only option is ?starttls=off, after smtp://")
    user, password = parts.username or None, parts.password or None
    if options and password is not None:
        raise ValueError("a password without TLS can be read on its way: leave ?starttls=off or the password out")
    if (user is None) != (password is None):
        raise ValueError("a user comes with a password")
    return Server(
        host=parts.hostname,
        port=_PORTS[parts.scheme] if port is None else port,
        tls="implicit" if parts.scheme == "smtps" else "off" if options else "starttls",
        user=None if user is None else unquote(user),
        password=None if password is None else SecretStr(unquote(password)),
    )


class Smtp:
    """One server.

    Args:
        server: see `Server`.
        timeout: seconds that each of its answers may take; that to the message itself, twice as long.
        ca_file: PEM of the authorities to trust instead of the system's.

    Raises OSError or ssl.SSLError where `ca_file` cannot be used.
    """

    def __init__(self, server: Server, *, timeout: float, ca_file: Path | None = None) -> None:
        self._server = server
        self._timeout = timeout
        self._context = ssl.create_default_context(cafile=ca_file) if server.tls != "off" else None

    async def check(self) -> None:
        """Connect, with TLS and password where they are set, and leave. Raises Retriable or Permanent."""
        async with self._connected():
            pass

    async def send(
        self, message: bytes, *, sender: str, to: str, copies: Sequence[str], about_to: Callable[[], Awaitable[bool]]
    ) -> None:
        """Hand over a message, once.

        `about_to` is called when `to` is accepted and nothing is sent yet; from then on the outcome is not known until
        the answer is there, and where it gives False nothing is sent. A copy whose address is refused is left out.

        Raises:
            Retriable, Permanent: the server has not taken the message.
            Unknown: it may have.
        """
        async with self._connected() as client:
            with _told("MAIL"):
                await client.mail(sender)
            with _told("RCPT"):
                await client.rcpt(to)
            for copy in copies:
                with _told("RCPT"):
                    try:
                        await client.rcpt(copy)
                    except aiosmtplib.SMTPRecipientRefused:
                        continue
            if not await about_to():
                raise Retriable("the claim is lost to another worker")
            await self._hand_over(client, message)

    async def _hand_over(self, client: aiosmtplib.SMTP, message: bytes) -> None:
        try:
            await client.data(message, timeout=2 * self._timeout)
        except aiosmtplib.SMTPResponseException as refused:
            raise _refused("DATA", refused) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Unknown(f"the mail server gave no answer to the message ({type(error).__name__})") from None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        chosen = self._server
        client = aiosmtplib.SMTP(
            hostname=chosen.host,
            port=chosen.port,
            use_tls=chosen.tls == "implicit",
            start_tls=False,
            tls_context=self._context,
            timeout=self._timeout,
        )
        try:
            with _told("connect"):
                await client.connect()
            if chosen.tls == "starttls":
                with _told("STARTTLS"):
                    await client.starttls()
            if chosen.user is not None and chosen.password is not None:
                with _told("AUTH"):
                    await client.login(chosen.user, chosen.password.get_secret_value())
            yield client
            # What the server says to a farewell changes nothing any more.
            with _told("QUIT"):
                await client.quit()
        finally:
            if isinstance(client.transport, asyncio.Transport):
                client.transport.abort()  # no farewell was heard: do not wait for one
            client.close()
            await asyncio.sleep(0)  # the socket is closed in the loop's next turn


class _told:  # noqa: N801 (reads as the `with` statement that it is for)
    """Turns what goes wrong before the message is sent into Retriable or Permanent. QUIT may fail."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is None or isinstance(error, SendError):
            return False
        if self._command == "QUIT" and isinstance(error, aiosmtplib.SMTPException | OSError | TimeoutError):
            return True
        raise _failed(self._command, error) from None


def _failed(command: str, error: BaseException) -> BaseException:
    # Never the original's text: it may quote an address.
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Retriable(f"the mail server refuses the user or the password ({error.code})", after=_WAIT_FOR_OPERATOR)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _refused(command, error)
    if isinstance(error, aiosmtplib.SMTPNotSupported) or (
        isinstance(error, aiosmtplib.SMTPException) and command in {"STARTTLS", "AUTH"} and not _lost(error)
    ):
        return Retriable(f"the mail server does not support {command}", after=_WAIT_FOR_OPERATOR)
    certificate = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(certificate, ssl.SSLError):
        return Retriable(
            f"the mail server's certificate or TLS cannot be used ({certificate.reason or type(certificate).__name__})",
            after=_WAIT_FOR_OPERATOR,
        )
    if isinstance(error, aiosmtplib.SMTPException | OSError | TimeoutError):
        return Retriable(f"the mail server cannot be reached ({command}: {type(error).__name__})", away=True)
    return error


def _lost(error: BaseException) -> bool:
    return isinstance(error, ConnectionError | TimeoutError)


def _refused(command: str, error: aiosmtplib.SMTPResponseException) -> SendError:
    if error.code in _PASSING:
        return Retriable(f"the mail server puts it off ({command}: {error.code})")
    if command == "RCPT":
        return Permanent(f"the mail server refuses the address ({error.code})")
    return Permanent(f"the mail server refuses it ({command}: {error.code})")
