"""Slack's Block Kit blocks as safe HTML, as Slack would show them. Buttons and menus are pictures: they do nothing.

Knows the block types that our messages use; any other is named instead of shown.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup

from web.mrkdwn import mrkdwn, plain

Block = Mapping[str, Any]
"""A block as Slack's API takes it: https://docs.slack.dev/reference/block-kit/blocks"""


def render(blocks: Iterable[Block]) -> Markup:
    """The blocks, one after the other."""
    return Markup("\n").join(_BLOCKS.get(block["type"], _unknown)(block) for block in blocks)


def _text(text: Block) -> Markup:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else plain(text["text"])


def _header(block: Block) -> Markup:
    # Not a heading element: it is the message's, not the page's.
    return Markup('<p class="slack-header">{}</p>').format(_text(block["text"]))


def _section(block: Block) -> Markup:
    html = Markup()
    if "text" in block:
        html += Markup('<div class="slack-text">{}</div>').format(_text(block["text"]))
    if "fields" in block:
        fields = Markup().join(Markup('<div class="slack-text">{}</div>').format(_text(f)) for f in block["fields"])
        html += Markup('<div class="slack-fields">{}</div>').format(fields)
    if "accessory" in block:
        html += _element(block["accessory"])
    return Markup('<div class="slack-section">{}</div>').format(html)


def _actions(block: Block) -> Markup:
    return Markup('<div class="slack-actions">{}</div>').format(Markup().join(map(_element, block["elements"])))


def _context(block: Block) -> Markup:
    elements = (Markup("<span>{}</span>").format(_text(e)) for e in block["elements"] if e["type"] != "image")
    return Markup('<div class="slack-context">{}</div>').format(Markup().join(elements))


def _divider(_: Block) -> Markup:
    return Markup('<hr class="slack-divider">')


def _unknown(block: Block) -> Markup:
    return Markup('<p class="slack-unknown">A block of the type “{}” is not shown here.</p>').format(block["type"])


def _element(element: Block) -> Markup:
    if element["type"] == "button":
        style = {"primary": " is-primary", "danger": " is-danger"}.get(element.get("style", ""), "")
        return Markup('<span class="slack-button{}">{}</span>').format(style, _text(element["text"]))
    if element["type"] == "overflow":
        options = Markup().join(Markup("<li>{}</li>").format(_text(option["text"])) for option in element["options"])
        return Markup(
            '<details class="slack-overflow">'
            '<summary class="slack-button" aria-label="More actions in Slack">⋯</summary>'
            "<ul>{}</ul></details>"
        ).format(options)
    return _unknown(element)


_BLOCKS: Mapping[str, Callable[[Block], Markup]] = {
    "header": _header,
    "section": _section,
    "actions": _actions,
    "context": _context,
    "divider": _divider,
}
