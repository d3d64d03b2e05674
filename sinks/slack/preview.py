"""A message without Slack: as text, and in parts that a page can show. Both say what Slack would."""

from dataclasses import dataclass
from typing import Any, Literal

from sinks.slack.escape import unescape
from sinks.slack.message import Message


@dataclass(frozen=True, slots=True)
class Part:
    """One block.

    Attributes:
        text: as people read it; empty for actions.
        buttons: the words on each, and where it leads if that is an address.
        menu: the words of the overflow menu's options.
    """

    kind: Literal["header", "section", "note", "actions"]
    text: str = ""
    buttons: tuple[tuple[str, str | None], ...] = ()
    menu: tuple[str, ...] = ()


def as_parts(message: Message) -> tuple[Part, ...]:
    """The message, a part a block."""
    return tuple(_part(block) for block in message.as_json())


def as_text(message: Message) -> str:
    """The message as lines of text, its buttons in square brackets; the overflow menu is left out."""
    return "\n\n".join(
        " ".join(f"[{words}]" for words, _ in part.buttons) if part.kind == "actions" else part.text
        for part in as_parts(message)
    )


def _part(block: dict[str, Any]) -> Part:
    match block["type"]:
        case "header":
            return Part("header", block["text"]["text"])
        case "context":
            return Part("note", "\n".join(unescape(element["text"]) for element in block["elements"]))
        case "actions":
            elements = block["elements"]
            return Part(
                "actions",
                buttons=tuple((e["text"]["text"], e.get("url")) for e in elements if e["type"] == "button"),
                menu=tuple(o["text"]["text"] for e in elements if e["type"] == "overflow" for o in e["options"]),
            )
        case _:
            return Part("section", unescape(block["text"]["text"]))
