"""Slack's text markup as safe HTML: what Slack would make of it, and nothing else.

Slack's own rules: https://docs.slack.dev/messaging/formatting-message-text
"""

import re

from markupsafe import Markup, escape

EMOJI = {
    "arrow_down": "⬇️",
    "arrow_up": "⬆️",
    "bell": "🔔",
    "calendar": "📅",
    "chart_with_downwards_trend": "📉",
    "chart_with_upwards_trend": "📈",
    "disappointed": "😞",
    "email": "📧",
    "fire": "🔥",
    "information_source": "ℹ️",  # noqa: RUF001 - the sign itself, not a letter i
    "large_blue_circle": "🔵",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "memo": "📝",
    "red_circle": "🔴",
    "rotating_light": "🚨",
    "slightly_frowning_face": "🙁",
    "speech_balloon": "💬",
    "telephone_receiver": "📞",
    "ticket": "🎫",
    "tada": "🎉",
    "warning": "⚠️",
    "white_check_mark": "✅",
}
"""The emoji that a message of ours may name; others stay as they are written."""

_EMOJI = re.compile(r":([a-z0-9_+-]+):")
_TOKEN = re.compile(
    r"```(?P<pre>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<link>https?://[^<>|\s]+|mailto:[^<>|\s]+)(?:\|(?P<label>[^<>\n]*))?>"
    r"|<(?P<mention>[@#!][^<>|\s]+)(?:\|(?P<named>[^<>\n]*))?>"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]+)~(?![\w~])",
    re.DOTALL,
)
_VERBATIM = {"pre": Markup("<pre>{}</pre>"), "code": Markup("<code>{}</code>")}
_STYLES = {
    "bold": Markup("<strong>{}</strong>"),
    "italic": Markup("<em>{}</em>"),
    "strike": Markup("<s>{}</s>"),
}
_QUOTE_ENDS = (("\n<blockquote>", Markup("<blockquote>")), ("</blockquote>\n", Markup("</blockquote>")))


def plain(text: str) -> Markup:
    """A `plain_text` object: its words, its emoji, its line ends."""
    return escape(_with_emoji(_unescape(text)))


def mrkdwn(text: str) -> Markup:
    """A `mrkdwn` object: bold, italic, strike, code, quotes, links, mentions, emoji."""
    html: list[Markup] = []
    quoted: list[Markup] = []
    for line in _lines(text):
        if line.startswith(("&gt; ", "> ")) or line in {"&gt;", ">"}:
            quoted.append(_inline(line.removeprefix("&gt;").removeprefix(">").removeprefix(" ")))
            continue
        _end_quote(quoted, html)
        html.append(_inline(line))
    _end_quote(quoted, html)
    joined = Markup("\n").join(html)
    # A quote is a block: the line ends around it would show as empty lines.
    for around, alone in _QUOTE_ENDS:
        joined = joined.replace(around, alone)
    return joined


def _lines(text: str) -> list[str]:
    """The lines of `text`, a preformatted part counting as one."""
    parts = re.split(r"(```.+?```)", text, flags=re.DOTALL)
    held = [part.replace("\n", "\x00") if part.startswith("```") else part for part in parts]
    return [line.replace("\x00", "\n") for line in "".join(held).split("\n")]


def _end_quote(quoted: list[Markup], html: list[Markup]) -> None:
    if quoted:
        html.append(Markup("<blockquote>{}</blockquote>").format(Markup("\n").join(quoted)))
        quoted.clear()


def _inline(text: str) -> Markup:
    html, end = Markup(), 0
    for token in _TOKEN.finditer(text):
        html += _words(text[end : token.start()]) + _token(token)
        end = token.end()
    return html + _words(text[end:])


def _token(token: re.Match[str]) -> Markup:
    if token["link"] is not None:
        # A preview leads nowhere: the address is shown, the link itself is in the message.
        label = token["label"] or token["link"]
        return Markup('<span class="slack-link" title="{}">{}</span>').format(_unescape(token["link"]), _words(label))
    if token["mention"] is not None:
        named = token["named"] or token["mention"].lstrip("#!@")
        sign = "#" if token["mention"].startswith("#") else "@"
        return Markup('<span class="slack-mention">{}{}</span>').format(sign, _words(named))
    for name, html in _VERBATIM.items():
        if token[name] is not None:
            return html.format(_unescape(token[name]).strip("\n"))
    name = next(name for name in _STYLES if token[name] is not None)
    return _STYLES[name].format(_inline(token[name]))


def _words(text: str) -> Markup:
    return escape(_with_emoji(_unescape(text)))


def _with_emoji(text: str) -> str:
    return _EMOJI.sub(lambda found: EMOJI.get(found[1], found[0]), text)


def _unescape(text: str) -> str:
    # Slack knows these three entities and no other; `&amp;` last, so that "&amp;lt;" stays the text "&lt;".
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
