"""Filters on an alert: what its fields must be for a workflow, a step or a variant to apply."""

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas import alert_fields
from schemas.alert_fields import Kind, Shape
from schemas.part import Location, Part, details, mistakes

Mistake = tuple[Location, str, Any]
"""Where, what to say, and the value."""


def _scalar(value: object) -> object:
    if isinstance(value, str | bool | int | float):
        return value
    if value is None:
        raise ValueError("has no value: write one, or ask for an unknown field by {exists: false}")
    if isinstance(value, datetime):
        raise ValueError("is a time: compare times by lt, lte, gt and gte")  # noqa: TRY004 (pydantic wants this class)
    raise ValueError("must be one text, number, true or false")


def _limit(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a number, or a time like 2026-01-31T09:30:00Z") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("is a time without an offset: end it in Z, or in one like +01:00")
        return value
    raise ValueError("must be a number, or a time like 2026-01-31T09:30:00Z")


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""What a value is compared with: text, number or flag."""
Limit = Annotated[Any, BeforeValidator(_limit), WithJsonSchema({"type": ["number", "string"]})]
"""What a value must be above or below: a number, or an aware time."""

_WORDS = frozenset({"and", "or", "any", "not"})
LIMITS = ("lt", "lte", "gt", "gte")


class Condition(Part):
    """What a field must be; all that is given must hold.

    A value that is not known fulfils `exists: false` alone, and what `not` makes of the rest. In a list one value that
    fulfils the comparisons is enough.
    """

    eq: Annotated[Scalar, Field(description="equal to this")] = None
    ne: Annotated[Scalar, Field(description="known, and another than this")] = None
    lt: Annotated[Limit, Field(description="below this")] = None
    lte: Annotated[Limit, Field(description="at most this")] = None
    gt: Annotated[Limit, Field(description="above this")] = None
    gte: Annotated[Limit, Field(description="at least this")] = None
    in_: Annotated[tuple[Scalar, ...] | None, Field(alias="in", min_length=1, description="one of these")] = None
    exists: Annotated[bool | None, Field(strict=True, description="known (true), or not (false)")] = None
    not_: Annotated["Condition | None", Field(alias="not", description="this must not hold")] = None
    and_: Annotated[
        "tuple[Condition, ...] | None", Field(alias="and", min_length=1, description="all of these hold")
    ] = None
    or_: Annotated[
        "tuple[Condition, ...] | None", Field(alias="or", min_length=1, description="one of these holds")
    ] = None
    any_: Annotated["tuple[Condition, ...] | None", Field(alias="any", min_length=1, description="the same as or")] = (
        None
    )

    @model_validator(mode="before")
    @classmethod
    def _is_asking(cls, value: object) -> object:
        if isinstance(value, Mapping) and value:
            return value
        if isinstance(value, Condition):
            return value
        shown = f"{{eq: {value}}}" if isinstance(value, str | int | float) else "{eq: …} or {exists: true}"
        raise ValueError(f"must say what is asked of the field: write {shown}")

    def parts(self) -> Iterator[tuple[Location, "Condition"]]:
        """The conditions in this one, each with its place."""
        for name, inner in (("and", self.and_), ("or", self.or_), ("any", self.any_)):
            for place, each in enumerate(inner or ()):
                yield (name, place), each
        if self.not_ is not None:
            yield ("not",), self.not_


class Filter(Part):
    """Fields of an alert by their dotted names, such as `rating` or `customer.tier`, each with its condition.

    All of them must hold; `and`, `or` (also `any`) and `not` take filters in turn. An empty filter always holds.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=False)
    __pydantic_extra__: dict[str, Condition]

    and_: Annotated["tuple[Filter, ...] | None", Field(alias="and", min_length=1, description="all of these hold")] = (
        None
    )
    or_: Annotated["tuple[Filter, ...] | None", Field(alias="or", min_length=1, description="one of these holds")] = (
        None
    )
    any_: Annotated["tuple[Filter, ...] | None", Field(alias="any", min_length=1, description="the same as or")] = None
    not_: Annotated["Filter | None", Field(alias="not", description="this must not hold")] = None

    @property
    def fields(self) -> Mapping[str, Condition]:
        """The conditions by the dotted names of their fields."""
        return self.__pydantic_extra__

    @model_validator(mode="wrap")
    @classmethod
    def _fits_an_alert(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 (any YAML)
        try:
            asked = handler(value)
        except ValidationError as error:
            # What the fields are asked comes first; with it the names that are none.
            said = [(each["loc"], each["msg"], each["input"]) for each in details(error)]
            known = {place for place, _, _ in said}
            raise mistakes([*(each for each in _strange(value) if each[0] not in known), *said]) or error from None
        if wrong := mistakes([*_strange(asked.fields), *_unfit(asked)]):
            raise wrong
        return asked

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Names every field, so that an editor can offer them."""
        made = handler(core)
        found = handler.resolve_ref_schema(made)
        condition = found.get("additionalProperties", {})
        found["properties"] |= dict.fromkeys(sorted(alert_fields.shapes()), condition)
        found["additionalProperties"] = False
        return made


def _strange(value: object) -> Iterator[Mistake]:
    """The names in a filter that are no fields."""
    for name in value if isinstance(value, Mapping) else ():
        if name not in _WORDS:
            try:
                alert_fields.check(str(name), listed=True)
            except alert_fields.UnknownField as unknown:
                yield (str(name),), str(unknown), {}


def _unfit(asked: Filter) -> Iterator[Mistake]:
    for name, condition in asked.fields.items():
        if shape := alert_fields.shapes().get(name):
            for place, text, value in _misfits(shape, condition):
                yield (name, *place), text, value


def _misfits(shape: Shape, condition: Condition) -> Iterator[Mistake]:
    """Comparisons that this field never fulfils, whatever its value."""
    for name in LIMITS:
        limit = getattr(condition, name)
        if limit is None:
            continue
        wanted = Kind.TIME if isinstance(limit, datetime) else Kind.NUMBER
        if shape.kind is not wanted:
            fix = "compare it by eq, ne or in" if shape.kind in (Kind.TEXT, Kind.FLAG) else f"write {shape.kind}"
            yield (name,), f"the field is {shape.kind}: {fix}", limit
    for name in ("eq", "ne"):
        if (value := getattr(condition, name)) is not None and (text := _alien(shape, value)):
            yield (name,), text, value
    for place, value in enumerate(condition.in_ or ()):
        if text := _alien(shape, value):
            yield ("in", place), text, value
    for way, inner in condition.parts():
        for deeper, text, value in _misfits(shape, inner):
            yield (*way, *deeper), text, value


def _alien(shape: Shape, value: object) -> str | None:
    """Why the field is never equal to `value`; None: it can be."""
    if shape.kind is Kind.TIME:
        return "the field is a time: compare it by lt, lte, gt or gte"
    is_flag, is_text = isinstance(value, bool), isinstance(value, str)
    kind = Kind.FLAG if is_flag else Kind.TEXT if is_text else Kind.NUMBER
    if kind is not shape.kind:
        fix = "put the value into quotes" if shape.kind is Kind.TEXT else "take the quotes away" if is_text else None
        return f"the field is {shape.kind}: {fix or f'write {shape.kind}'}"
    if shape.choices and value not in shape.choices:
        near = difflib.get_close_matches(str(value), shape.choices, n=1)
        return f"did you mean {near[0]}?" if near else f"write {', '.join(shape.choices[:-1])} or {shape.choices[-1]}"
    return None
