from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.delivery import Sink
from schemas.event import Contact
from schemas.yaml_file import BadFile
from sinks import invitation
from sinks.base import Delivery, Permanent, Retriable, Unknown
from sinks.mail import DESTINATION, Mail, NoMail
from sinks.smtp import Smtp
from tests.alerts import AT, CUSTOMER, TICKET, alert
from tests.deliveries import delivery

ID = UUID("11111111-2222-3333-4444-555555555555")
PAT = Contact(name="Pat Lee", email="pat@globaltech.example")


@dataclass
class FakeSmtp:
    """Takes everything down."""

    sent: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str, Sequence[str]]] = field(default_factory=list)

    async def send(
        self, message: bytes, *, sender: str, to: str, copies: Sequence[str], about_to: Callable[[], Awaitable[bool]]
    ) -> None:
        if not await about_to():
            raise Retriable("the claim is lost to another worker")
        self.envelopes.append((sender, to, copies))
        self.sent.append(message_from_bytes(message, policy=policy.default))


def request(**changes: Any) -> Action:
    fields: dict[str, Any] = {
        "action_id": ID,
        "alert_id": alert().alert_id,
        "customer_id": CUSTOMER.customer_id,
        "kind": ActionKind.EMAIL_REQUESTED,
        "by": "ana@example.com",
        "at": AT,
        "to": PAT,
        "subject": "Your ticket",
        "body": "Hello Pat",
    }
    return Action(**fields | changes)


def asked(what: Action | None = None, of: Alert | None = None, **changes: Any) -> Delivery:
    config = (what or request()).model_dump(mode="json", exclude_none=True)
    fields = {"sink": Sink.MAIL, "step": f"request/{ID}", "config": config, "claimed_at": AT + timedelta(minutes=1)}
    return delivery(of, **fields | changes)


def words(smtp: FakeSmtp) -> str:
    """The plain text of the mail that was sent last."""
    body = smtp.sent[-1].get_body(("plain",))
    assert body is not None
    found: str = body.get_content()
    return found.replace("\r\n", "\n")


def mail(smtp: FakeSmtp, *, sender: str | None = None, holds: bool = True) -> Mail:
    async def remember(_: Delivery, destination: str, __: str | None) -> bool:
        assert destination == DESTINATION
        return holds

    return Mail(cast("Smtp", smtp), sender=sender, remember=remember)


async def test_it_comes_from_the_csm_and_its_id_follows_from_the_request() -> None:
    smtp = FakeSmtp()
    receipt = await mail(smtp).send(asked())
    assert receipt is not None
    assert (receipt.destination, receipt.external_id) == ("mail", f"<{ID}@example.com>")
    assert smtp.envelopes == [("ana@example.com", "pat@globaltech.example", [])]
    assert smtp.sent[0]["Message-ID"] == receipt.external_id
    assert smtp.sent[0]["Reply-To"] is None


async def test_a_sender_of_its_own_leads_answers_to_the_csm() -> None:
    smtp = FakeSmtp()
    await mail(smtp, sender="care@example.com").send(asked())
    assert smtp.envelopes[0][0] == "care@example.com"
    assert smtp.sent[0]["From"] == "Ana Diaz <care@example.com>"
    assert smtp.sent[0]["Reply-To"] == "Ana Diaz <ana@example.com>"


async def test_it_answers_in_the_tickets_thread() -> None:
    smtp = FakeSmtp()
    threaded = alert(ticket=TICKET.model_copy(update={"message_id": "abc@support.example.com"}))
    await mail(smtp).send(asked(of=threaded))
    assert smtp.sent[0]["In-Reply-To"] == smtp.sent[0]["References"] == "<abc@support.example.com>"


async def test_a_sending_whose_outcome_is_not_known_is_never_repeated() -> None:
    smtp = FakeSmtp()
    with pytest.raises(Unknown):
        await mail(smtp).send(asked(uncertain=True, destination=DESTINATION))
    assert smtp.sent == []


async def test_what_may_have_been_sent_before_a_restore_is_not_known() -> None:
    smtp = FakeSmtp()
    with pytest.raises(Unknown, match="before the database was restored"):
        await mail(smtp).send(asked(restored=True))
    assert smtp.sent == []


async def test_a_claim_that_was_left_before_the_message_went_is_sent() -> None:
    smtp = FakeSmtp()
    await mail(smtp).send(asked(uncertain=True))
    assert len(smtp.sent) == 1


async def test_a_claim_that_is_lost_sends_nothing() -> None:
    smtp = FakeSmtp()
    with pytest.raises(Retriable):
        await mail(smtp, holds=False).send(asked())
    assert smtp.sent == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (asked(claimed_at=AT + timedelta(hours=25)), "within a day"),
        (asked(request(to=Contact(name="Pat"))), "has no address"),
        (asked(request(to=Contact(email="pät@x.example"))), "address is no e-mail address"),
        (asked(of=alert(customer=None)), "no CSM"),
        (asked(config={"kind": "email_requested"}), "cannot be read"),
        (asked(request(kind=ActionKind.COORDINATE_REQUESTED)), "nothing to be mailed"),
    ],
)
async def test_what_cannot_be_sent_fails_with_the_reason_and_without_an_address(step: Delivery, words: str) -> None:
    smtp = FakeSmtp()
    with pytest.raises(Permanent, match=words) as raised:
        await mail(smtp).send(step)
    assert "example" not in str(raised.value)
    assert smtp.sent == []


async def test_without_a_csm_a_sender_of_its_own_will_do() -> None:
    smtp = FakeSmtp()
    await mail(smtp, sender="care@example.com").send(asked(request(by_name="Bo"), of=alert(customer=None)))
    assert smtp.sent[0]["From"] == "Bo <care@example.com>"


async def test_an_invitation_names_time_place_and_zone_and_goes_to_the_csm_too() -> None:
    smtp = FakeSmtp()
    call = request(
        kind=ActionKind.CALL_REQUESTED, starts_at=AT, minutes=30, time_zone="Europe/Berlin", place="https://meet.x/a"
    )
    await mail(smtp).send(asked(call))
    assert smtp.envelopes == [("ana@example.com", "pat@globaltech.example", ["ana@example.com"])]
    (sent,) = smtp.sent
    text = words(smtp)
    for part in ("Hello Pat Lee,", "Hello Pat", "When: Tuesday, 12 May 2026, 11:30 (Europe/Berlin), 30 minutes"):
        assert part in text
    assert "Where: https://meet.x/a" in text
    kinds = [each.get_content_type() for each in sent.walk() if not each.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]


async def test_an_invitation_is_in_the_customers_language() -> None:
    smtp = FakeSmtp()
    pat = Contact(name="Pat Lee", email="pat@globaltech.example", locale="de-AT")
    call = request(kind=ActionKind.CALL_REQUESTED, to=pat, starts_at=AT, minutes=30, time_zone="Europe/Vienna")
    await mail(smtp).send(asked(call))
    text = words(smtp)
    assert text.startswith("Guten Tag Pat Lee,\n")
    assert "Wann: Dienstag, 12.05.2026, 11:30 Uhr (Europe/Vienna), 30 Minuten\n" in text
    assert text.endswith("Mit freundlichen Grüßen\nAna Diaz\n")
    assert "Wo:" not in text


async def test_a_text_of_ones_own_for_invitations(tmp_path: Path) -> None:
    own = tmp_path / "calls"
    own.mkdir()
    try:
        (own / "invitation.txt").write_text("Let us talk at {{call.time}}, {{customer.name}}!\n")
        invitation.use(tmp_path)
        smtp = FakeSmtp()
        await mail(smtp).send(asked(request(kind=ActionKind.CALL_REQUESTED, starts_at=AT, minutes=30)))
        assert words(smtp) == "Let us talk at 09:30, GlobalTech!\n"
        (own / "invitation.txt").write_text("{{call.tme}}")
        with pytest.raises(BadFile, match=r"invitation\.txt: line 1: 'call\.tme' is not a field"):
            invitation.use(tmp_path)
        (own / "invitation.txt").rename(own / "invite.txt").write_text("x")
        with pytest.raises(BadFile, match=r"invite\.txt is no text of a call: write invitation\.txt"):
            invitation.use(tmp_path)
    finally:
        invitation.use(None)


async def test_a_zone_that_is_none_is_utc() -> None:
    smtp = FakeSmtp()
    for zone in ("Nowhere/Atall", "../etc/passwd", None):
        call = request(kind=ActionKind.CALL_REQUESTED, starts_at=AT, minutes=30, time_zone=zone)
        await mail(smtp).send(asked(call))
        assert "09:30 (UTC)" in words(smtp)


async def test_without_a_mail_server_it_fails_with_the_setting() -> None:
    with pytest.raises(Permanent, match="CSATWATCH_SMTP_URL"):
        await NoMail().send(asked())
