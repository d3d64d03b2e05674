"""Reads a typed YAML file, and says by line what is wrong with it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from schemas.part import Location, details

_ENUM = re.compile(r"<\w+\.\w+: ('[^']*')>")  # how pydantic shows what a field may be
_SAID = {
    "Field required": "is missing: add it",
    "Extra inputs are not permitted": "is not a field here: check its spelling, or remove it",
    "Input should be a valid tuple": "must be a list",
    "Input should be a valid list": "must be a list",
    "Input should be a valid string": "must be text: put it into quotes",
    "Input should be a valid boolean": "must be true or false",
    "Input should be a valid dictionary": "must be a mapping: fields with their values",
    "Input should be a valid number, unable to parse string as a number": "must be a number",
    "Input should be a valid integer, unable to parse string as an integer": "must be a whole number",
    "Input should be a valid integer, got a number with a fractional part": "must be a whole number",
}
_PLAIN = (("Input should be ", "must be "), ("String should ", "must "), ("List should ", "must "))
_TOO_FEW = re.compile(r"(?:Tuple|List|Dictionary) should have at least (\d+) items? after validation, not \d+")
_MAPPING = re.compile(r"Input should be a valid dictionary or instance of \w+")
_SHOWN = (str, int, float, bool, type(None))

Model = TypeVar("Model", bound=BaseModel)


class BadFile(Exception):
    """A file of the user's that cannot be used; the text names the file, the line, the field, the value and the fix."""


@dataclass(frozen=True, slots=True)
class Document(Generic[Model]):
    """A file that was read.

    Attributes:
        value: what it says.
        name: what stands for it in messages.
    """

    value: Model
    name: str
    _tree: yaml.Node | None

    def mistake(self, place: Location, text: str) -> str:
        """A line on what is wrong at `place`: file, line, the way there, and `text`."""
        return _at(self._tree, self.name, place, text)


def load(model: type[Model], path: Path | Traversable) -> Model:
    """The file at `path` as a `model`. Raises `BadFile`."""
    return read(model, path).value


def read(model: type[Model], path: Path | Traversable, *, tags: frozenset[str] = frozenset()) -> Document[Model]:
    """The file at `path` as a `model`, whose places can still be named. Raises `BadFile`.

    `tags`: the names of the members of the model's unions, which stand in no file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"{path}: cannot be read: {reason}"
        raise BadFile(msg) from None
    return _parse(model, text, str(path), tags)


def parse(model: type[Model], text: str, name: str) -> Model:
    """`text` as a `model`; `name` stands for it in messages. Raises `BadFile`."""
    return _parse(model, text, name, frozenset()).value


def _parse(model: type[Model], text: str, name: str, tags: frozenset[str]) -> Document[Model]:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = list(_twice(tree))
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        msg = f"{place}: not valid YAML: {error.problem or error.context}"
        raise BadFile(msg) from None
    except yaml.YAMLError:
        msg = f"{name}: not valid YAML: it holds a character that YAML does not allow"
        raise BadFile(msg) from None
    except ValueError:
        # A date such as 2026-13-45, of which PyYAML does not say where it stands.
        msg = f"{name}: not valid YAML: a date or a number in it does not exist: put it into quotes"
        raise BadFile(msg) from None
    if twice:
        raise BadFile("\n".join(f"{name}:{line}: {key}: is there twice: remove one" for line, key in sorted(twice)))
    try:
        return Document(model.model_validate(data), name, tree)
    except ValidationError as error:
        raise BadFile("\n".join(explained(error, tree, name, tags=tags))) from None


def explained(
    error: ValidationError,
    tree: yaml.Node | None,
    name: str,
    below: Location = (),
    *,
    tags: Iterable[str] = (),
) -> Iterator[str]:
    """A line a mistake of `error`, which is about what stands `below` a place of the file."""
    known = frozenset(tags)
    for each in details(error):
        place = (*below, *(part for part in each["loc"] if part not in known))
        shown = each["type"] != "missing" and isinstance(each["input"], _SHOWN)
        yield _at(tree, name, place, words(each["msg"]) + (f" (it is {each['input']!r:.80})" if shown else ""))


def explain(document: Document[Any], error: ValidationError, below: Location) -> list[str]:
    """The same for what stands `below` a place of a file that was read."""
    return list(explained(error, document._tree, document.name, below))  # noqa: SLF001 (this file's own)


def _at(tree: yaml.Node | None, name: str, place: Location, text: str) -> str:
    line, way = _found(tree, place)
    return f"{name}:{line}: {way or 'the file'}: {text}"


def words(message: str) -> str:
    """What pydantic says, in the words of this program."""
    if _MAPPING.fullmatch(message):
        return "must be a mapping: fields with their values"
    if few := _TOO_FEW.fullmatch(message):
        return f"must have at least {few[1]} {'entry' if few[1] == '1' else 'entries'}"
    if message in _SAID:
        return _SAID[message]
    for theirs, ours in _PLAIN:
        if message.startswith(theirs):
            message = ours + message.removeprefix(theirs)
    return _ENUM.sub(r"\1", message.removeprefix("Value error, "))


def _found(node: yaml.Node | None, place: Location) -> tuple[int, str]:
    """The line of `place`, and the way there, list entries by their id or name.

    What is missing has no line of its own, so that of the mapping around it stands in.
    """
    line = node.start_mark.line + 1 if node else 1
    way: list[str] = []
    for part in place:
        if part == "[key]":  # so pydantic says that the key itself is the mistake
            continue
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            way.append(_called(node) or str(part))
            continue
        way.append(str(part))
        found = [(k, v) for k, v in node.value if k.value == str(part)] if isinstance(node, yaml.MappingNode) else []
        if found:
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        else:
            node = None
    return line, ".".join(way)


def _called(node: yaml.Node) -> str | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in {"id", "name"} and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return None


def _twice(tree: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that a mapping has twice, each with the line of the second: YAML's readers silently take one of them."""
    waiting, visited = [tree], set()
    while waiting:
        node = waiting.pop()
        # By an alias a node can stand in many places, in itself too.
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        yield key.start_mark.line + 1, key.value
                    seen.add(key.value)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
