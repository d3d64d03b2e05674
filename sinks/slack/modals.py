"""The forms that open on a click, and what a person has put into them. Pure.

A form carries what it was opened for in its private metadata, which Slack hands back with the answers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    DatePickerElement,
    InputBlock,
    InputInteractiveElement,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from schemas.event import Contact
from schemas.record import Identifier, Record
from sinks.safe_text import cut
from sinks.slack.action_ids import NOT_USEFUL, SCHEDULE_CALL, SEND_EMAIL, SNOOZE, SNOOZES
from sinks.slack.escape import mrkdwn, plain

FORMS = frozenset({SEND_EMAIL, SCHEDULE_CALL, SNOOZE, NOT_USEFUL})
"""The callback ids: each form is named after what was clicked."""

SUBJECT, BODY = "subject", "body"
STARTS_AT, MINUTES, PLACE = "starts_at", "minutes", "place"
UNTIL, DATE = "until", "date"
USEFUL, NOTE = "useful", "note"

EDITABLE = 3000
"""Characters of a text that Slack lets people edit."""
_SUBJECT = 200
_NOTE = 2000
_SHOWN = 2900
_OPTION = 75
_NOBODY = (
    "No e-mail address is known: neither of the contact who answered nor of the customer's primary contact. "
    "It cannot be sent."
)


class Purpose(Record):
    """What a form was opened for.

    Attributes:
        channel: where the click was, for an answer that only its author sees.
    """

    alert_id: Identifier
    channel: Identifier | None = None
    to: Contact | None = None
    draft_id: UUID | None = None
    draft_version: int | None = None
    time_zone: str | None = None


def email_form(
    purpose: Purpose, *, subject: str, body: str, notes: Sequence[str] = (), why_not: str | None = None
) -> dict[str, Any]:
    """The draft, to be edited and sent; without a recipient, or with a reason against it, it is shown only.

    `notes`: what the person should know before, such as that one was sent already; mrkdwn.
    """
    obstacle = why_not or (None if purpose.to else _NOBODY)
    blocks: list[Block] = [_to(purpose.to)] if purpose.to else []
    blocks += [_note(note) for note in (*notes, *([obstacle] if obstacle else []))]
    if obstacle:
        words = mrkdwn(f"{subject}\n\n{body}", _SHOWN)
        return _view(SEND_EMAIL, "Follow-Up Email", purpose, [*blocks, *([_section(words)] if words else [])])
    blocks.append(_text(SUBJECT, "Subject", initial=cut(subject, _SUBJECT), most=_SUBJECT))
    if len(body) <= EDITABLE:
        blocks.append(_text(BODY, "Message", initial=body, most=EDITABLE, lines=True))
    else:
        blocks.append(_note("The draft is longer than what can be edited here, and is sent as it is:"))
        blocks.append(_section(mrkdwn(body, _SHOWN)))
    return _view(SEND_EMAIL, "Follow-Up Email", purpose, blocks, submit="Send")


def call_form(
    purpose: Purpose,
    *,
    slots: Sequence[tuple[datetime, str]],
    minutes: Sequence[int],
    subject: str,
    why_not: str | None = None,
) -> dict[str, Any]:
    """Times to choose from, each with its words in the zone of `purpose`."""
    obstacle = why_not or (None if purpose.to else _NOBODY) or (None if slots else "No time is free to be offered.")
    blocks: list[Block] = [_to(purpose.to)] if purpose.to else []
    if obstacle:
        return _view(SCHEDULE_CALL, "Schedule a Call", purpose, [*blocks, _note(obstacle)])
    lengths = [Option(value=str(each), label=f"{each} minutes") for each in minutes]
    times = [Option(value=at.isoformat(), label=cut(words, _OPTION)) for at, words in slots]
    blocks += [
        _input(STARTS_AT, f"When ({purpose.time_zone})", StaticSelectElement(action_id=STARTS_AT, options=times)),
        _input(
            MINUTES,
            "How long",
            StaticSelectElement(action_id=MINUTES, options=lengths, initial_option=lengths[min(1, len(lengths) - 1)]),
        ),
        _text(SUBJECT, "Subject", initial=cut(subject, _SUBJECT), most=_SUBJECT),
        _text(PLACE, "Where, such as a link to the meeting", most=_SUBJECT, optional=True),
        _text(NOTE, "Message", most=_NOTE, lines=True, optional=True),
    ]
    return _view(SCHEDULE_CALL, "Schedule a Call", purpose, blocks, submit="Invite")


def snooze_form(purpose: Purpose) -> dict[str, Any]:
    """For how long."""
    options = [Option(value=value, label=label) for value, label in SNOOZES.items()]
    return _view(
        SNOOZE,
        "Snooze",
        purpose,
        [
            _input(
                UNTIL,
                "For how long",
                RadioButtonsElement(action_id=UNTIL, options=options, initial_option=options[0]),
            ),
            _input(DATE, "Or until the morning of", DatePickerElement(action_id=DATE), optional=True),
        ],
        submit="Snooze",
    )


def useful_form(purpose: Purpose) -> dict[str, Any]:
    """Was it useful, and why?"""
    options = [Option(value="no", label="No, not useful"), Option(value="yes", label="Yes, useful")]
    return _view(
        NOT_USEFUL,
        "Was this useful?",
        purpose,
        [
            _input(
                USEFUL,
                "Was this alert useful?",
                RadioButtonsElement(action_id=USEFUL, options=options, initial_option=options[0]),
            ),
            _text(NOTE, "Why?", most=_NOTE, lines=True, optional=True),
        ],
        submit="Save",
    )


def answers(view: Mapping[str, Any]) -> dict[str, str]:
    """What was put in, by the names of this module; what was left empty is missing."""
    found: dict[str, str] = {}
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    for block in (values or {}).values():
        for name, element in block.items():
            chosen = element.get("selected_option")
            value = element.get("value") or element.get("selected_date") or (chosen or {}).get("value")
            if isinstance(value, str) and value.strip():
                found[name] = value
    return found


def _view(
    name: str, title: str, purpose: Purpose, blocks: Sequence[Block], *, submit: str | None = None
) -> dict[str, Any]:
    view = View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=title),
        submit=PlainTextObject(text=submit) if submit else None,
        close=PlainTextObject(text="Cancel" if submit else "Close"),
        private_metadata=purpose.to_json().decode(),
        blocks=list(blocks),
    )
    made: dict[str, Any] = view.to_dict()
    return made


def _to(contact: Contact) -> Block:
    who = f"{plain(contact.name)} ({contact.email})" if contact.name else str(contact.email)
    return SectionBlock(text=PlainTextObject(text=f"To: {who}", emoji=False))


def _section(text: str) -> Block:
    return SectionBlock(text=MarkdownTextObject(text=text, verbatim=True))


def _note(text: str) -> Block:
    return ContextBlock(elements=[MarkdownTextObject(text=text, verbatim=True)])


def _input(name: str, label: str, element: InputInteractiveElement, *, optional: bool = False) -> Block:
    return InputBlock(block_id=name, label=PlainTextObject(text=label), element=element, optional=optional)


def _text(
    name: str, label: str, *, most: int, initial: str | None = None, lines: bool = False, optional: bool = False
) -> Block:
    element = PlainTextInputElement(
        action_id=name, initial_value=initial or None, multiline=lines, max_length=most, min_length=0 if optional else 1
    )
    return _input(name, label, element, optional=optional)
