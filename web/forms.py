"""A form of Slack's as one of the pages: the same questions, with the same names. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sinks.slack.modals import Purpose
from web.mrkdwn import mrkdwn, plain

View = Mapping[str, Any]
"""As Slack's API takes it, see `sinks.slack.modals`: https://docs.slack.dev/reference/views/modal-views"""


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    Attributes:
        kind: `text`, `lines`, `select`, `radio` or `date`.
        value: the answer so far.
        options: values and words, of a select or a radio.
        most: characters, of a text.
        error: what is wrong with the answer.
    """

    name: str
    label: str
    kind: str
    value: str
    options: Sequence[tuple[str, str]] = ()
    optional: bool = False
    most: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form; without `submit` there is nothing to send.

    Attributes:
        parts: what stands between its head and its end: words as HTML, and fields.
        version: of the draft that is shown.
    """

    title: str
    parts: Sequence[Markup | Field]
    submit: str | None
    version: int | None = None


_KINDS = {
    "static_select": "select",
    "radio_buttons": "radio",
    "datepicker": "date",
}


def page_form(view: View, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None) -> PageForm:
    """The form of a view; `given` are answers that were sent already, and `errors` what is wrong with them."""
    parts = [part for block in view["blocks"] if (part := _part(block, given, errors or {})) is not None]
    submit = view.get("submit")
    version = Purpose.from_json(view["private_metadata"]).draft_version
    return PageForm(view["title"]["text"], parts, submit["text"] if submit else None, version)


def _part(block: View, given: Mapping[str, str] | None, errors: Mapping[str, str]) -> Markup | Field | None:
    match block["type"]:
        case "section":
            return _words(block["text"])
        case "context":
            return Markup(" ").join(_words(each) for each in block["elements"])
        case "input":
            return _field(block, given, errors)
        case _:
            return None


def _words(text: View) -> Markup:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else plain(text["text"])


def _field(block: View, given: Mapping[str, str] | None, errors: Mapping[str, str]) -> Field:
    element, name = block["element"], block["element"]["action_id"]
    kind = _KINDS.get(element["type"]) or ("lines" if element.get("multiline") else "text")
    first = element.get("initial_option")
    value = first["value"] if first else element.get("initial_value", "")
    return Field(
        name=name,
        label=block["label"]["text"],
        kind=kind,
        value=value if given is None else given.get(name, ""),
        options=[(option["value"], option["text"]["text"]) for option in element.get("options", ())],
        optional=bool(block.get("optional")),
        most=element.get("max_length"),
        error=errors.get(name),
    )
