from datetime import UTC, datetime
from uuid import UUID

from markupsafe import Markup

from schemas.event import Contact
from sinks.slack import modals
from web.forms import Field, page_form

_PURPOSE = modals.Purpose(
    alert_id=str(UUID(int=1)),
    to=Contact(name="Dana & Wu", email="dana@example.com"),
    draft_id=UUID(int=2),
    draft_version=3,
    time_zone="Europe/Berlin",
)
_AT = datetime(2026, 1, 26, 9, tzinfo=UTC)
_SLOTS = [(_AT, "Mon 26 Jan, 10:00")]


def _fields(view: dict[str, object], **more: dict[str, str]) -> dict[str, Field]:
    return {part.name: part for part in page_form(view, **more).parts if isinstance(part, Field)}


def test_a_draft_is_asked_with_its_words() -> None:
    form = page_form(modals.email_form(_PURPOSE, subject="Your case", body="Hello,\n\nMaria"))
    assert (form.title, form.submit, form.version) == ("Follow-Up Email", "Send", 3)
    head, *fields = form.parts
    assert head == Markup("To: Dana &amp; Wu (dana@example.com)")
    assert [(each.name, each.kind, each.value) for each in fields if isinstance(each, Field)] == [
        ("subject", "text", "Your case"),
        ("body", "lines", "Hello,\n\nMaria"),
    ]


def test_a_form_that_cannot_be_sent_has_no_way_to() -> None:
    form = page_form(modals.email_form(_PURPOSE, subject="Your case", body="Hello", why_not="No mail server."))
    assert form.submit is None
    assert not any(isinstance(part, Field) for part in form.parts)
    assert any("No mail server." in str(part) for part in form.parts)


def test_times_lengths_days_and_choices() -> None:
    call = _fields(modals.call_form(_PURPOSE, slots=_SLOTS, minutes=[15, 30], subject="Your case"))
    assert (call["starts_at"].kind, call["starts_at"].options) == ("select", [(_AT.isoformat(), "Mon 26 Jan, 10:00")])
    assert (call["minutes"].value, call["place"].optional) == ("30", True)
    snooze = _fields(modals.snooze_form(_PURPOSE))
    assert (snooze["until"].kind, snooze["until"].value, snooze["date"].kind) == ("radio", "4h", "date")
    assert _fields(modals.useful_form(_PURPOSE))["useful"].value == "no"


def test_what_was_sent_stays_and_what_is_wrong_with_it_is_said() -> None:
    view = modals.email_form(_PURPOSE, subject="Your case", body="Hello")
    fields = _fields(view, given={"body": "Mine"}, errors={"subject": "Write a subject."})
    assert (fields["subject"].value, fields["subject"].error) == ("", "Write a subject.")
    assert (fields["body"].value, fields["body"].error) == ("Mine", None)
