"""A JSON Schema as tables for people: a row a field, a table an object."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]
_WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null", "object": "object"}
_READABLE = 32  # characters of a regular expression; a longer one is for the schema alone
_SHORT = 60  # characters of a default
_UUID = "[0-9a-fA-F]{8}-"
_FORMATS = {"date-time": "time", "date": "date", "time": "time of day", "uuid": "UUID"}


def objects(schema: Node) -> Mapping[str, Node]:
    """The named objects in a schema, by name; not the texts that are one of a few."""
    return {name: node for name, node in schema.get("$defs", {}).items() if "properties" in node}


def table(schema: Node, node: Node, *, always: str = "") -> Iterator[str]:
    """The lines of a Markdown table of the node's fields; `always` heads a column of what must be there, if given."""
    needed = set(node.get("required", ()))
    yield f"| field | value | {always or 'default'} | |"
    yield "|---|---|---|---|"
    for name, each in node["properties"].items():
        third = ("yes" if name in needed else "") if always else _default(each, needed=name in needed)
        yield f"| `{name}` | {value(schema, each)} | {third} | {cell(words(schema, each))} |"


def section(schema: Node, name: str, node: Node, *, level: int = 2, always: str = "") -> Iterator[str]:
    """A heading, what the object is, and its table."""
    yield f"{'#' * level} {name}\n"
    yield f"{node.get('description', '')}".strip() + "\n"
    yield "\n".join(table(schema, node, always=always)) + "\n"


def value(schema: Node, node: Node) -> str:
    """What may stand there, with links to objects below."""
    return cell(" or ".join(dict.fromkeys(_values(schema, node))) or "anything")


def words(schema: Node, node: Node) -> str:
    """What it means; where the field does not say, what its object says."""
    own = str(node.get("description", ""))
    if own or not (ref := _ref(node)):
        return own
    return str(schema["$defs"][ref].get("description", ""))


def cell(text: str) -> str:
    """The text as it can stand in a table."""
    return " ".join(text.replace("|", "\\|").split())


def link(name: str) -> str:
    """To the heading of an object."""
    return f"[{name}](#{name.lower()})"


def _values(schema: Node, node: Node) -> Iterator[str]:
    if ref := node.get("$ref"):
        name = ref.rpartition("/")[2]
        target = schema["$defs"][name]
        yield from [link(name)] if "properties" in target else _values(schema, target)
        return
    for union in ("anyOf", "oneOf"):
        if union in node:
            for each in node[union]:
                yield from (said for said in _values(schema, each) if said != "null")
            return
    if "const" in node or "enum" in node:
        yield from (f"`{each}`" for each in node.get("enum", [node.get("const")]))
        return
    yield _typed(schema, node)


def _typed(schema: Node, node: Node) -> str:
    kind: str | list[str] = node.get("type", "")
    if isinstance(kind, list):
        return " or ".join(_WORDS.get(each, each) for each in kind if each != "null")
    if kind == "array":
        return _list(schema, node)
    if kind == "object" and isinstance(rest := node.get("additionalProperties"), Mapping):
        return f"object of {' or '.join(_values(schema, rest))}"
    if kind == "string" and (found := _FORMATS.get(node.get("format", ""))):
        return found
    if _UUID in node.get("pattern", ""):
        return "UUID"
    return " ".join([_WORDS.get(kind, kind), *_bounds(node)]).strip()


def _list(schema: Node, node: Node) -> str:
    places: Sequence[Node] = node.get("prefixItems", ())
    inside: Iterable[str] = [said for each in places for said in _values(schema, each)]
    if isinstance(node.get("items"), Mapping):
        inside = _values(schema, node["items"])
    return f"list of {' or '.join(dict.fromkeys(inside)) or 'anything'}"


def _bounds(node: Node) -> Iterator[str]:
    low, high = node.get("minimum"), node.get("maximum")
    if "exclusiveMinimum" in node:
        yield f"above {node['exclusiveMinimum']:,}"
    if low is not None:
        yield f"from {low:,}"
    if high is not None:
        yield f"{'up ' if low is None else ''}to {high:,}"
    if "exclusiveMaximum" in node:
        yield f"below {node['exclusiveMaximum']:,}"
    if "maxLength" in node:
        yield f"up to {node['maxLength']:,} characters"
    if len(node.get("pattern", "")) in range(1, _READABLE):
        yield f"like `{node['pattern']}`"


def _default(node: Node, *, needed: bool) -> str:
    if needed:
        return "must be there"
    given = node.get("default")
    if given is None:
        return ""
    text = json.dumps(given, ensure_ascii=False)
    return f"`{cell(text)}`" if given not in ({}, []) and len(text) <= _SHORT else ""


def _ref(node: Node) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]
