"""Customers' text in Slack's mrkdwn: shown as written, and without effect.

https://docs.slack.dev/messaging/formatting-message-text: `&`, `<` and `>` are the control characters; escaped, no
mention or link can be made of them.
"""

import re

from sinks.safe_text import clean, one_line

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BROADCAST = re.compile(r"@(?=channel\b|here\b|everyone\b)", re.IGNORECASE)
_LOOKALIKES = str.maketrans(
    {"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"}
)
_ADDRESS = re.compile(r"https?://[^\s<>|]{1,2000}")
_JOINER = "\N{WORD JOINER}"
_NOTE_ROOM = 48


def mrkdwn(text: str, most: int) -> str:
    """`text` escaped, in at most `most` characters as Slack counts them; a note says how many are cut."""
    text = _disarmed(clean(text)).strip()
    sizes = [len(_ENTITIES.get(character, character)) for character in text]
    end = len(text)
    if sum(sizes) > most:
        end, used = 0, 0
        while used + sizes[end] <= most - _NOTE_ROOM:
            used += sizes[end]
            end += 1
    shown = "".join(_ENTITIES.get(character, character) for character in text[:end])
    return shown if end == len(text) else f"{shown.rstrip()}… (cut: {len(text) - end:,} more characters)"


def mrkdwn_line(text: str, most: int) -> str:
    """As `mrkdwn`, on one line."""
    return mrkdwn(one_line(text), most)


def link(url: str, words: str) -> str:
    """`words` as a link to `url`, or nothing where that is no address that can stand in mrkdwn."""
    return f"<{url}|{words}>" if _ADDRESS.fullmatch(url) else ""


def plain(text: str) -> str:
    """`text` on one line for a `plain_text` object, which is not said to undo escapes: brackets become look-alikes."""
    return _disarmed(one_line(text)).translate(_LOOKALIKES)


def unescape(text: str) -> str:
    """The text that Slack shows for escaped mrkdwn."""
    for character, entity in reversed(_ENTITIES.items()):
        text = text.replace(entity, character)
    return text


def _disarmed(text: str) -> str:
    return _BROADCAST.sub(f"@{_JOINER}", text)
