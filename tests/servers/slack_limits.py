"""Would Slack take these blocks?

Limits: https://docs.slack.dev/reference/block-kit; the wording follows what Slack answers.
"""

from collections.abc import Collection, Iterator, Mapping, Sized
from typing import Any

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_TEXT = 40_000  # characters of the `text` argument
BLOCKS_TEXT = 10_000  # characters of all texts in the blocks together: msg_blocks_too_long
METADATA_BYTES = 8_000  # of the event payload as JSON

_BLOCK_TYPES = frozenset({"actions", "context", "divider", "header", "image", "input", "rich_text", "section"})
_TEXTS = frozenset({"plain_text", "mrkdwn"})
_PLAIN = frozenset({"plain_text"})
_BUTTON_STYLES = frozenset({"primary", "danger"})


def complaints(blocks: object, *, most: int = MESSAGE_BLOCKS, pointer: str = "/blocks") -> list[str]:
    """What is wrong with the blocks, each with its JSON pointer; empty when nothing is."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return [f"must provide an array of objects [json-pointer:{pointer}]"]
    found = [*_length(blocks, most, "items", pointer)]
    names: set[str] = set()
    for index, block in enumerate(blocks):
        here = f"{pointer}/{index}"
        found += _block(block, here)
        found += _unique(block, "block_id", here, names)
    return found


def text_length(blocks: object) -> int:
    """Characters of all texts in the blocks."""
    if isinstance(blocks, list):
        return sum(text_length(each) for each in blocks)
    if isinstance(blocks, dict):
        return sum(
            len(each) if key == "text" and isinstance(each, str) else text_length(each) for key, each in blocks.items()
        )
    return 0


def _block(block: Mapping[str, Any], here: str) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield from _text(block.get("text"), 150, f"{here}/text", kinds=_PLAIN)
        case "section":
            yield from _section(block, here)
        case "context":
            yield from _items(block, "elements", 10, here)
            for index, element in _each(block.get("elements")):
                if element.get("type") != "image":
                    yield from _text(element, 3000, f"{here}/elements/{index}")
        case "actions":
            yield from _items(block, "elements", 25, here)
            names: set[str] = set()
            for index, element in _each(block.get("elements")):
                yield from _element(element, f"{here}/elements/{index}")
                yield from _unique(element, "action_id", f"{here}/elements/{index}", names)
        case "input":
            yield from _text(block.get("label"), 2000, f"{here}/label", kinds=_PLAIN)
            yield from _element(block.get("element", {}), f"{here}/element")
        case kind if kind not in _BLOCK_TYPES:
            yield f"unsupported type: {kind} [json-pointer:{here}/type]"


def _section(block: Mapping[str, Any], here: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"missing required field: text or fields [json-pointer:{here}]"
    if "text" in block:
        yield from _text(block["text"], 3000, f"{here}/text")
    if "fields" in block:
        yield from _items(block, "fields", 10, here)
        for index, field in _each(block["fields"]):
            yield from _text(field, 2000, f"{here}/fields/{index}")
    if "accessory" in block:
        yield from _element(block["accessory"], f"{here}/accessory")
        yield from _unique(block["accessory"], "action_id", f"{here}/accessory", set())


def _element(element: Mapping[str, Any], here: str) -> Iterator[str]:
    match element.get("type"):
        case "button":
            yield from _text(element.get("text"), 75, f"{here}/text", kinds=_PLAIN)
            yield from _length(element.get("value", ""), 2000, "characters", f"{here}/value")
            yield from _length(element.get("url", ""), 3000, "characters", f"{here}/url")
            if element.get("style", "primary") not in _BUTTON_STYLES:
                yield f"must be one of primary, danger [json-pointer:{here}/style]"
        case "overflow":
            yield from _options(element, 5, here)
        case "static_select" | "multi_static_select" | "checkboxes" | "radio_buttons":
            yield from _options(element, 100 if str(element["type"]).endswith("select") else 10, here)
        case None:
            yield f"missing required field: type [json-pointer:{here}]"
        case _:
            pass


def _options(element: Mapping[str, Any], most: int, here: str) -> Iterator[str]:
    yield from _items(element, "options", most, here)
    for index, option in _each(element.get("options")):
        yield from _text(option.get("text"), 75, f"{here}/options/{index}/text")
        yield from _length(option.get("value", ""), 150, "characters", f"{here}/options/{index}/value")


def _text(text: object, most: int, here: str, *, kinds: Collection[str] = _TEXTS) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        yield f"must be a text object of type {' or '.join(sorted(kinds))} [json-pointer:{here}]"
    elif not text["text"]:
        yield f"must be more than 0 characters [json-pointer:{here}/text]"
    else:
        yield from _length(text["text"], most, "characters", f"{here}/text")


def _items(parent: Mapping[str, Any], field: str, most: int, here: str) -> Iterator[str]:
    if not parent.get(field):
        yield f"missing required field: {field} [json-pointer:{here}]"
    else:
        yield from _length(parent[field], most, "items", f"{here}/{field}")


def _each(items: object) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(items, list):
        yield from ((index, item) for index, item in enumerate(items) if isinstance(item, dict))


def _length(sized: Sized, most: int, unit: str, here: str) -> Iterator[str]:
    if len(sized) > most:
        yield f"must be less than {most + 1} {unit} [json-pointer:{here}]"


def _unique(item: Mapping[str, Any], field: str, here: str, seen: set[str]) -> Iterator[str]:
    if (name := item.get(field)) is None:
        return
    yield from _length(name, 255, "characters", f"{here}/{field}")
    if name in seen:
        yield f"{field} must be unique [json-pointer:{here}/{field}]"
    seen.add(name)
