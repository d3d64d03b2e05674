"""The fields of an alert by their dotted names, as filters and templates use them."""

import difflib
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.alert import Alert


class UnknownField(ValueError):
    """A dotted name that no alert has; the text names it and what to write instead."""


@cache
def names() -> frozenset[str]:
    """Every dotted name of a single value, such as `rating` or `customer.csm.email`."""
    return frozenset(_names(Alert))


def check(name: str) -> None:
    """Raises `UnknownField` where no alert has a value of this name."""
    if name in names():
        return
    near = difflib.get_close_matches(name, sorted(names()), n=1)
    inside = sorted(known for known in names() if known.startswith(f"{name}."))
    fix = (
        f"did you mean {(inside or near)[0]}?" if inside or near else "name a field of the alert, such as customer.name"
    )
    raise UnknownField(f"{name!r} is not a field of an alert: {fix}")


def value(record: dict[str, Any], name: str) -> object:
    """The value of a dotted name in an alert's JSON form; None where it is not known."""
    found: object = record
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for field, info in model.model_fields.items():
        name = prefix + (info.alias or field)
        kinds = list(_kinds(info.annotation))
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in inner:
            yield from _names(kind, f"{name}.")
        if not inner and not any(get_origin(kind) is tuple for kind in kinds):
            yield name


def _kinds(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 (an annotation can be anything)
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            if part is not NoneType:
                yield from _kinds(part)
    else:
        yield annotation
