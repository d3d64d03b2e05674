"""The message of a weekly digest: as many accounts as Slack takes, and how many more there are."""

from collections.abc import Iterator, Sequence

from slack_sdk.models.blocks import Block

from schemas.digest import Digest, Item, Part
from sinks.slack.blocks import note, section
from sinks.slack.escape import mrkdwn_line
from sinks.slack.texts import texts
from sinks.slack.wording import money

# Slack takes 50 blocks of 3,000 characters, and asks for less than 10,000 in all.
_ROOM = 8_000
_SECTION = 2_900
_NAME = 200
_WORDS = 900
_REST = 300  # characters kept free for each part that follows: its title, and how many it has


def weekly(digest: Digest) -> tuple[str, list[Block]]:
    """Title and blocks."""
    title = texts().words("digest_title", week=digest.week)
    if not digest.items:
        return title, [section(texts().words("digest_nothing"))]
    blocks: list[Block] = []
    room = _ROOM
    parts = [part for part in Part if any(item.part is part for item in digest.items)]
    for left, part in reversed(list(enumerate(reversed(parts)))):
        items = [item for item in digest.items if item.part is part]
        lines = _lines(part, items, digest.more.get(part, 0), room - left * _REST)
        room -= sum(len(line) + 1 for line in lines)
        blocks += [section(text) for text in _sections(lines)]
    blocks += [note(mrkdwn_line(reason, _WORDS)) for reason in digest.reasons[1:]]
    return title, blocks


def summary(digest: Digest) -> str:
    """The digest in a line, such as "2 falling, 1 recovered"; "nothing to report"."""
    counts = {part: sum(item.part is part for item in digest.items) + digest.more.get(part, 0) for part in Part}
    said = [texts().words(f"digest_short_{part}", count=f"{count:,}") for part, count in counts.items() if count]
    return ", ".join(said) or texts().words("digest_short_nothing")


def _lines(part: Part, items: Sequence[Item], more: int, room: int) -> list[str]:
    """The title, an item a line while there is room, and how many are left out."""
    words = texts().words
    lines = [words("digest_part", part=words(f"digest_{part}"), count=f"{len(items) + more:,}")]
    used = len(lines[0])
    for place, item in enumerate(items):
        line = words("digest_item", account=_name(item), words=mrkdwn_line(item.words, _WORDS))
        used += len(line) + 1
        if used > room:
            more += len(items) - place
            break
        lines.append(line)
    if more:
        lines.append(words("digest_more", count=f"{more:,}"))
    return lines


def _sections(lines: Sequence[str]) -> Iterator[str]:
    text = ""
    for line in lines:
        if text and len(text) + 1 + len(line) > _SECTION:
            yield text
            text = line
        else:
            text = f"{text}\n{line}" if text else line
    yield text


def _name(item: Item) -> str:
    name = mrkdwn_line(item.name or "", _NAME) or f"Customer {item.customer_id[:8]}…"
    return name if item.arr is None else f"{name} ({money(item.arr, item.currency)})"
