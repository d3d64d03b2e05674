"""The sink of what a person asked to be mailed: follow-up e-mails and invitations to calls, each sent once."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.event import Contact
from schemas.template import BadTemplate
from sinks import invitation
from sinks.actions import EMAILS
from sinks.base import Delivery, Permanent, Receipt, Unknown
from sinks.calendar import invitation as event
from sinks.invitation import Call
from sinks.letter import BadAddress, Letter, Mailbox, addr_spec, compose
from sinks.smtp import Smtp

DESTINATION = "mail"
_IN_TIME = timedelta(hours=24)

Remember = Callable[[Delivery, str, str | None], Awaitable[bool]]
"""Notes in the ledger that the message is about to go; False where the claim is lost to another worker."""


class NoMail:
    """In place of `Mail` while no mail server is set."""

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Raises Permanent."""
        del delivery
        raise Permanent("no mail server is set up (CSATWATCH_SMTP_URL)")


class Mail:
    """Sends what `csm-actions` asked for; the request is the delivery's configuration.

    Args:
        smtp: the mail server.
        sender: the address that mail comes from, with answers to the CSM; None: the CSM's own.
        remember: see `Remember`.
    """

    def __init__(self, smtp: Smtp, *, sender: str | None, remember: Remember) -> None:
        self._smtp = smtp
        self._sender = sender
        self._remember = remember

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Send it, unless an earlier try may have: then it ends as Unknown. See `sinks.base.Sink`.

        A request that could not be carried out within a day is not carried out any more: its time has passed.
        """
        if delivery.restored:
            raise Unknown("it was asked for before the database was restored, and may have been sent since")
        if delivery.uncertain and delivery.destination is not None:
            raise Unknown("the sending was cut off before the mail server's answer was on record")
        try:
            request = Action.model_validate(delivery.config)
        except ValidationError:
            raise Permanent("the request cannot be read") from None
        if delivery.claimed_at - request.at > _IN_TIME:
            raise Permanent("it could not be sent within a day of being asked for")
        try:
            letter = _letter(request, delivery.about_customer, self._sender, delivery.claimed_at)
            message, sender, to = compose(letter), addr_spec(letter.sender), addr_spec(letter.to)
            copies = [addr_spec(letter.copy)] if letter.copy is not None else []
        except BadAddress as error:
            raise Permanent(f"the sender's or the recipient's address {error}") from None

        async def about_to() -> bool:
            return await self._remember(delivery, DESTINATION, None)

        await self._smtp.send(message, sender=sender, to=to, copies=copies, about_to=about_to)
        return Receipt(DESTINATION, letter.message_id)


def _letter(request: Action, alert: Alert, sender: str | None, now: datetime) -> Letter:
    """What the request asks for. Raises Permanent and `BadAddress`."""
    csm = alert.customer.csm if alert.customer else None
    if sender is None and csm is None:
        raise Permanent("the customer has no CSM to send it from, and CSATWATCH_SMTP_SENDER is not set")
    to = _mailbox(request.to)
    name = csm.name if csm is not None else request.by_name
    own = Mailbox(csm.email, csm.name) if csm is not None else None
    source = Mailbox(sender, name) if sender is not None else own
    assert source is not None  # noqa: S101 (one of the two is there, as was just seen)
    letter = Letter(
        request.action_id,
        now,
        source,
        to,
        request.subject or "",
        request.body or "",
        reply_to=own if sender is not None else None,
        answers=alert.ticket.message_id,
    )
    if request.kind in EMAILS:
        return letter
    if request.kind is not ActionKind.CALL_REQUESTED or request.starts_at is None or request.minutes is None:
        raise Permanent(f"{request.kind} is nothing to be mailed")
    organizer = own or source
    at, zone = _local(request.starts_at, request.time_zone)
    call = Call(at, zone, request.minutes, request.place, request.body, organizer.name)
    try:
        words = invitation.words(alert, request.to, call)
    except BadTemplate as bad:
        raise Permanent(f"the invitation's template: {bad}") from None
    calendar = event(
        request.action_id,
        made_at=now,
        starts_at=request.starts_at,
        minutes=request.minutes,
        title=request.subject or "",
        description=words,
        place=request.place,
        organizer=organizer,
        attendee=to,
    )
    # The organizer's own calendar has to hear of it too.
    return replace(letter, body=words, copy=organizer, calendar=calendar)


def _mailbox(contact: Contact | None) -> Mailbox:
    if contact is None or contact.email is None:
        raise Permanent("the recipient has no address")
    return Mailbox(contact.email, contact.name)


def _local(at: datetime, zone: str | None) -> tuple[datetime, str]:
    """The time by the clock of that zone, and the zone's name; of UTC where it is none."""
    try:
        found = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found = ZoneInfo("UTC")
    return at.astimezone(found), found.key
