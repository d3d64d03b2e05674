"""What the parts of a file of the user's share: frozen, closed, and each mistake at its own place."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Location = tuple[int | str, ...]
"""Where something stands in a file: keys of mappings and places in lists, from the outside inwards."""


class Part(BaseModel):
    """Base of everything in a workflow file. An unknown key is a mistake: a misspelt one must not go unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


def mistakes(found: Iterable[tuple[Location, str, Any]]) -> ValidationError | None:
    """One error of all that was `found` (place below the model, what to say, the value); None where that is nothing.

    A validator of a model raises it, and each mistake keeps its place.
    """
    details = [
        InitErrorDetails(type=PydanticCustomError("mistake", "{text}", {"text": text}), loc=place, input=value)
        for place, text, value in found
    ]
    return ValidationError.from_exception_data("mistakes", details) if details else None


def details(error: ValidationError) -> Sequence[ErrorDetails]:
    """The mistakes in `error`, without that a list is too short because its entries are mistakes themselves."""
    found = error.errors(include_url=False)
    return [
        each
        for each in found
        if each["type"] != "too_short"
        or not any(other["loc"][: len(each["loc"])] == each["loc"] != other["loc"] for other in found)
    ]
