"""The fields of an alert by their dotted names, as filters and templates use them."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from schemas.alert import Alert
from schemas.digest import Digest


class UnknownField(ValueError):
    """A dotted name that no alert has; the text names it and what to write instead."""


class Kind(StrEnum):
    """What a field's value is."""

    TEXT = "text"
    NUMBER = "a number"
    FLAG = "true or false"
    TIME = "a time"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field can hold.

    Attributes:
        choices: all that it can be; empty where there is no list of them.
        listed: it stands in a list, and so may have several values.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    listed: bool = False


@cache
def names() -> frozenset[str]:
    """Every dotted name of a single value, such as `rating` or `customer.csm.email`."""
    return frozenset(name for name, shape in shapes().items() if not shape.listed)


@cache
def shapes() -> Mapping[str, Shape]:
    """Every field of an alert or a digest by its dotted name, those in lists too, such as `suggested_actions.kind`."""
    found: dict[str, Shape] = {}
    for model in (Alert, Digest):
        for name, shape in _shapes(model):
            known = found.get(name, shape)
            found[name] = replace(shape, choices=tuple(dict.fromkeys((*known.choices, *shape.choices))))
    return found


def check(name: str, *, listed: bool = False) -> None:
    """Raises `UnknownField` where no alert has a value of this name; with `listed` those in lists count too."""
    known = shapes() if listed else names()
    if name in known:
        return
    near = difflib.get_close_matches(name, sorted(known), n=1)
    inside = sorted(each for each in known if each.startswith(f"{name}."))
    fix = (
        f"did you mean {(inside or near)[0]}?" if inside or near else "name a field of the alert, such as customer.name"
    )
    raise UnknownField(f"{name!r} is not a field of an alert: {fix}")


def value(record: Mapping[str, Any], name: str) -> object:
    """The value of a dotted name in an alert's JSON form; None where it is not known, a list of those in a list."""
    return _value(record, name.split("."))


def _value(found: object, path: list[str]) -> object:
    for place, part in enumerate(path):
        if isinstance(found, list):
            return [_value(each, path[place:]) for each in found]
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _shapes(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Shape]]:
    for field, info in model.model_fields.items():
        name = prefix + (info.alias or field)
        for kind in _kinds(info.annotation):
            if get_origin(kind) is dict:
                continue  # its keys are no names of fields
            listed = get_origin(kind) is tuple
            for inner in _kinds(get_args(kind)[0]) if listed else (kind,):
                if isinstance(inner, type) and issubclass(inner, BaseModel):
                    for each, shape in _shapes(inner, f"{name}."):
                        yield each, replace(shape, listed=listed or shape.listed)
                else:
                    yield name, replace(_shape(inner), listed=listed)


def _shape(kind: Any) -> Shape:  # noqa: ANN401 (an annotation can be anything)
    if get_origin(kind) is Literal:
        values = get_args(kind)
        is_text = isinstance(values[0], str)
        return Shape(Kind.TEXT, tuple(str(each) for each in values)) if is_text else Shape(Kind.NUMBER)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Shape(Kind.TEXT, tuple(str(member.value) for member in kind))
    if kind is bool:
        return Shape(Kind.FLAG)
    if kind in (int, float):
        return Shape(Kind.NUMBER)
    if kind is AwareDatetime:
        return Shape(Kind.TIME)
    if kind in (str, UUID):
        return Shape(Kind.TEXT)
    raise TypeError(f"no shape for {kind!r}")


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
