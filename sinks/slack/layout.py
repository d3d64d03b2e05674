"""The message of an alert, in Block Kit. Pure: the same alert, the same message."""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from urllib.parse import urlsplit

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    HeaderBlock,
    InteractiveElement,
    Option,
    OverflowMenuElement,
    PlainTextObject,
)

from schemas.alert import Alert, Kind
from schemas.digest import Digest
from schemas.life import Life
from schemas.template import render
from sinks.safe_text import cut
from sinks.slack import action_ids, deeds
from sinks.slack.blocks import note, section
from sinks.slack.digest import summary, weekly
from sinks.slack.escape import mrkdwn_line, plain
from sinks.slack.message import Message
from sinks.slack.texts import texts
from sinks.slack.values import in_header, in_text

_HEADER = 150  # characters that Slack takes
_SECTION = 3000
_SECTIONS = 40  # Slack takes 50 blocks in a message
_BODY = 8000  # of all sections together: Slack takes about 10,000 in a message, notes and buttons included
_NOTE = 1200
_BUTTON = 75
_ENTITY = len("&amp;")
_GAP = re.compile(r"\n[ \t]*\n")
_LINE_END = "\ue000"  # of a value's own, while paragraphs are told apart: a character without a meaning


def message(
    alert: Alert | Digest,
    *,
    template: str | None = None,
    include_ticket_context: bool = True,
    changed: bool = False,
    audience: str | None = None,
    life: Life | None = None,
) -> Message:
    """The message that shows this revision.

    Args:
        alert: the revision.
        template: one of `templates`; None takes the one that fits the alert's kind.
        include_ticket_context: with the ticket and the customer's words.
        changed: an earlier revision was shown in its place, so it says that it was updated.
        audience: whom it was meant for and why it is not with them, where it goes to somebody else instead.
        life: what people have done with it.
    """
    if isinstance(alert, Digest):
        title, blocks = weekly(alert)
    else:
        title, blocks = _filled(alert, template or _BY_KIND[alert.kind], with_ticket=include_ticket_context)
    shown: list[Block] = [HeaderBlock(text=PlainTextObject(text=cut(title, _HEADER), emoji=True)), *blocks]
    if changed and alert.status.open:
        shown.append(note(texts().words("updated", at=deeds.moment(alert.detected_at))))
    if audience and (words := mrkdwn_line(audience, _NOTE)):
        shown.append(note(words))
    if life and (done := deeds.lines(life)):
        shown.append(note("\n".join(done)))
    if isinstance(alert, Alert):
        shown.append(ActionsBlock(elements=list(_actions(alert))))
    return Message(tuple(block for block in shown if not _empty(block)), _fallback(title, alert))


_BY_KIND = {Kind.POOR_RATING: "support_satisfaction_drop", Kind.DECLINING_TREND: "support_trend_declined"}
_WEEKLY = "support_weekly_digest"


def templates(kind: Kind) -> Collection[str]:
    """What a step's `message_template` can name for alerts of this kind."""
    return (_WEEKLY,) if kind is Kind.WEEKLY_DIGEST else texts().names


def _filled(alert: Alert, name: str, *, with_ticket: bool) -> tuple[str, list[Block]]:
    """The title and the paragraphs that the template makes of the alert."""
    text = texts().template(name)
    title = render(text, alert, in_header(alert, with_ticket=with_ticket)).strip().partition("\n")[0]
    values = in_text(alert, with_ticket=with_ticket)
    # An empty line of the customer's is no end of a paragraph.
    kept = {key: each.replace("\n", _LINE_END) if isinstance(each, str) else each for key, each in values.items()}
    body = render(text, alert, kept).strip().partition("\n")[2]
    paragraphs = (each.strip("\n") for each in _GAP.split(body))
    shown = _sections(each.replace(_LINE_END, "\n") for each in paragraphs if each.strip())
    return plain(title), list(islice(shown, _SECTIONS))


def _sections(paragraphs: Iterable[str]) -> Iterator[Block]:
    room = _BODY
    for each in paragraphs:
        shown = _cut(each, min(_SECTION, room))
        room -= len(shown)
        if shown:
            yield section(shown)


def _cut(text: str, most: int) -> str:
    """Escaped text in at most `most` characters, without half of an entity at its end."""
    if len(text) <= most:
        return text
    shown = text[: max(most - 1, 0)]
    begun = shown.rfind("&", -_ENTITY, None)
    return (shown[:begun] if begun >= 0 and ";" not in shown[begun:] else shown).rstrip() + "…" if most > 0 else ""


def _actions(alert: Alert) -> Iterator[InteractiveElement]:
    if alert.status.open:
        yield _button(alert, action_ids.SEND_EMAIL, style="primary")
    if (url := alert.ticket.ticket_url) and _usable(url):
        yield _button(alert, action_ids.VIEW_TICKET, url=url)
    if alert.status.open:
        yield _button(alert, action_ids.COORDINATE)
        yield OverflowMenuElement(
            action_id=action_ids.action_id(action_ids.MORE, alert.alert_id),
            options=[
                Option(text=_words(name), value=action_ids.action_id(name, alert.alert_id)) for name in action_ids.MENU
            ],
        )


def _button(alert: Alert, name: str, *, url: str | None = None, style: str | None = None) -> ButtonElement:
    return ButtonElement(
        text=_words(name),
        action_id=action_ids.action_id(name, alert.alert_id),
        value=str(alert.alert_id),
        url=url,
        style=style,
    )


def _words(name: str) -> PlainTextObject:
    return PlainTextObject(text=cut(plain(texts().words(name)), _BUTTON))


def _usable(url: str) -> bool:
    # Slack refuses the whole message over one address that it cannot use.
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and url.isprintable() and " " not in url


def _fallback(title: str, alert: Alert | Digest) -> str:
    words = title.partition(": ")[2] if title.startswith(":") and ": " in title else title
    if isinstance(alert, Digest):
        return mrkdwn_line(f"{words}: {summary(alert)}", _NOTE)
    rating = f", rated {alert.rating}/5" if alert.kind is Kind.POOR_RATING and alert.status.open else ""
    return mrkdwn_line(f"{words}{rating}", _NOTE)


def _empty(block: Block) -> bool:
    return isinstance(block, ActionsBlock) and not block.elements
