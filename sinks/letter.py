"""An e-mail as it goes over the wire (RFC 5322): from values, and nothing in them can become a header. Pure."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import groupby
from uuid import UUID

from sinks.safe_text import clean, one_line

_MESSAGE_ID = re.compile(r"<[\x21-\x3b=\x3f-\x7e]+@[\x21-\x3b=\x3f-\x7e]+>")
_LONGEST_ID = 900  # characters; a line may have 998
_QUOTE = "> "


def _policy() -> HeaderRegistry:
    # As plain text, a long Message-ID would be folded into encoded words, and no mail program would find its thread.
    registry = HeaderRegistry()
    for name in ("in-reply-to", "references"):
        registry.map_to_type(name, MessageIDHeader)  # type: ignore[arg-type]  # it is mixed into one
    return registry


_POLICY = SMTP.clone(header_factory=_policy())


class BadAddress(ValueError):
    """An address that mail cannot go to or come from. The text does not quote it."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name, where known, and an address."""

    email: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be said, by whom and to whom.

    Attributes:
        id: the same id gives the same Message-ID.
        reply_to: where answers go, if not to the sender.
        copy: who gets it too.
        answers: the Message-ID of the mail that this one answers, as the ticket system gave it; one that is none is
            left out.
        calendar: an invitation (RFC 5545) that goes with it.
    """

    id: UUID
    at: datetime
    sender: Mailbox
    to: Mailbox
    subject: str
    body: str
    reply_to: Mailbox | None = None
    copy: Mailbox | None = None
    answers: str | None = None
    calendar: bytes | None = None

    @property
    def message_id(self) -> str:
        """In angle brackets."""
        return f"<{self.id}@{_address(self.sender).domain}>"


def addr_spec(mailbox: Mailbox) -> str:
    """The address as SMTP's commands take it. Raises `BadAddress`."""
    return _address(mailbox).addr_spec


def compose(letter: Letter) -> bytes:
    """The message: plain text, the same as HTML, and the invitation both inside and attached. Raises `BadAddress`."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _address(letter.sender)
    message["To"] = _address(letter.to)
    if letter.copy is not None:
        message["Cc"] = _address(letter.copy)
    if letter.reply_to is not None:
        message["Reply-To"] = _address(letter.reply_to)
    message["Subject"] = _words(letter.subject)
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = letter.message_id
    if (answered := thread(letter.answers)) is not None:
        message["In-Reply-To"] = answered
        message["References"] = answered
    body = clean(letter.body).strip() + "\n"
    message.set_content(body, cte="quoted-printable")
    message.add_alternative(as_html(body), subtype="html", cte="quoted-printable")
    if letter.calendar is not None:
        text = letter.calendar.decode()
        # Inside for programs that offer to accept it, attached for those that only open files.
        message.add_alternative(text, subtype="calendar", params={"method": "REQUEST"}, cte="base64")
        message.add_attachment(
            letter.calendar, maintype="application", subtype="ics", filename="invite.ics", params={"name": "invite.ics"}
        )
    return message.as_bytes()


def thread(message_id: str | None) -> str | None:
    """A Message-ID in its angle brackets; None where the text is none."""
    if not message_id:
        return None
    bare = message_id.strip()
    found = bare if bare.startswith("<") else f"<{bare}>"
    return found if len(found) <= _LONGEST_ID and _MESSAGE_ID.fullmatch(found) else None


def as_html(text: str) -> str:
    """The same words with paragraphs, and quotes set off."""
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{"".join(_blocks(text))}</body></html>\n'


def _blocks(text: str) -> Iterator[str]:
    for quoted, lines in groupby(text.splitlines(), key=lambda line: line.startswith(_QUOTE.strip())):
        if quoted:
            words = "<br>\n".join(html.escape(line.removeprefix(">").removeprefix(" ")) for line in lines)
            yield f"<blockquote>{words}</blockquote>\n"
        else:
            for empty, paragraph in groupby(lines, key=lambda line: not line.strip()):
                if not empty:
                    yield f"<p>{'<br>'.join(html.escape(line) for line in paragraph)}</p>\n"


def _words(text: str) -> str:
    # Python's library takes what looks like an encoded word (RFC 2047) for one, and its line ends for line ends.
    return one_line(text).replace("=?", "= ?")


def _address(mailbox: Mailbox) -> Address:
    local, _, domain = mailbox.email.rpartition("@")
    try:
        host = domain.encode("idna").decode("ascii")
        found = Address(display_name=_words(mailbox.name or ""), addr_spec=f"{local}@{host}")
    except Exception:  # noqa: BLE001 (the parser of addresses fails in many ways)
        raise BadAddress("is no e-mail address") from None
    if not found.username.isascii() or not found.domain or found.username != local:
        raise BadAddress("is no e-mail address that every mail server takes")
    return found
