"""Reads a typed YAML file, and says by line what is wrong with it."""

import re
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

_ENUM = re.compile(r"<\w+\.\w+: ('[^']*')>")  # how pydantic shows what a field may be

Model = TypeVar("Model", bound=BaseModel)


class BadFile(Exception):
    """A file of the user's that cannot be used; the text names the file, the line, the field, the value and the fix."""


def load(model: type[Model], path: Path | Traversable) -> Model:
    """The file at `path` as a `model`. Raises `BadFile`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"{path}: cannot be read: {reason}"
        raise BadFile(msg) from None
    return parse(model, text, str(path))


def parse(model: type[Model], text: str, name: str) -> Model:
    """`text` as a `model`; `name` stands for it in messages. Raises `BadFile`."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        msg = f"{place}: not valid YAML: {error.problem or error.context}"
        raise BadFile(msg) from None
    except yaml.YAMLError:
        msg = f"{name}: not valid YAML: it holds a character that YAML does not allow"
        raise BadFile(msg) from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [
            f"{name}:{_line(tree, e['loc'])}: {'.'.join(str(p) for p in e['loc']) or 'the file'}: {_say(e['msg'])}"
            + (f" (it is {e['input']!r:.80})" if e["type"] != "missing" and not isinstance(e["input"], dict) else "")
            for e in error.errors(include_url=False)
        ]
        raise BadFile("\n".join(lines)) from None


def _say(message: str) -> str:
    return {
        "Field required": "is missing: add it",
        "Extra inputs are not permitted": "is not a field here: check its spelling, or remove it",
    }.get(message, _ENUM.sub(r"\1", message.removeprefix("Value error, ")))


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    # The nearest place in the text: a missing field has no line of its own, so its parent's stands in.
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
