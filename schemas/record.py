"""What all records share: frozen, tolerant of unknown fields, plain JSON with RFC 3339 times."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints


class Record(BaseModel):
    """Base of every value on a topic. Unknown fields are dropped: a newer producer must not stop an older consumer."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True, use_attribute_docstrings=True
    )

    @classmethod
    def from_json(cls, value: bytes | str) -> Self:
        """The record in `value`. Raises `pydantic.ValidationError`."""
        return cls.model_validate_json(value)

    def to_json(self) -> bytes:
        """UTF-8 JSON; fields without a value are left out, so that readers see one form of "unknown"."""
        return self.model_dump_json(exclude_none=True).encode()


def _without_nul(value: object) -> object:
    # Postgres text cannot hold U+0000, and a customer's answer must not be lost over one.
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def _text_or_instant(value: object) -> object:
    # A bare number would be read as seconds or milliseconds by its size: a guess that the contract does not make.
    if isinstance(value, str | datetime):
        return value
    msg = "a time must be RFC 3339 text with an offset, like 2026-01-31T09:30:00Z"
    raise ValueError(msg)


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "a time must be in the years 1 to 9999 in UTC too"
        raise ValueError(msg) from None


NoNul = BeforeValidator(_without_nul)
Time = Annotated[AwareDatetime, BeforeValidator(_text_or_instant), AfterValidator(_utc)]
"""An instant. RFC 3339 with an offset on the wire, aware UTC in memory."""
Identifier = Annotated[str, NoNul, StringConstraints(min_length=1, max_length=200, strict=True)]
CustomerId = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        to_lower=True,
        strict=True,
    ),
]
"""UUID text, lower case: also the key of its records, and what decides their partition."""
ShortText = Annotated[str, NoNul, StringConstraints(max_length=200, strict=True)]
Url = Annotated[str, NoNul, StringConstraints(max_length=2000, pattern=r"^https?://", strict=True)]
Email = Annotated[str, NoNul, StringConstraints(max_length=320, pattern=r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+$", strict=True)]
