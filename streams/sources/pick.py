"""Values out of what a source says, by the paths of its mapping."""

from collections.abc import Iterable, Iterator
from typing import Any

from schemas.source import ANY, Shape


def pick(said: Any, path: str) -> Any:  # noqa: ANN401 (any JSON)
    """What stands at `path`; None: nothing does."""
    for step in path.split("."):
        if isinstance(said, dict):
            said = said.get(step)
        elif isinstance(said, list) and step.isascii() and step.isdigit():
            said = said[int(step)] if int(step) < len(said) else None
        else:
            return None
    return said


def first(said: Any, paths: Iterable[str] | None) -> Any:  # noqa: ANN401 (the same)
    """The first of these that holds something; blank text is nothing."""
    for path in paths or ():
        found = pick(said, path)
        if found is not None and not (isinstance(found, str) and not found.strip()):
            return found
    return None


def items(shape: Shape, body: Any) -> Iterator[Any]:  # noqa: ANN401 (the same)
    """The answers that a body may hold, one by one."""
    listed = pick(body, shape.each) if shape.each is not None else None
    if not isinstance(listed, list):
        listed = body if isinstance(body, list) else [body]
    yield from listed


def meant(shape: Shape, item: Any) -> bool:  # noqa: ANN401 (the same)
    """Whether this is an answer at all, rather than something else that the source says."""
    for path, wanted in shape.when.items():
        found = first(item, (path,))
        if found is None or not any(each == ANY or _same(found, each) for each in wanted):
            return False
    return True


def _same(found: object, wanted: object) -> bool:
    # In Python True is 1, in what people write it is not.
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
