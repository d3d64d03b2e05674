"""Survey sources: who is believed, and what of what they say is what of an event. YAML files, one source each."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from schemas.part import Location, Part, mistakes
from schemas.policy import TimeZone
from schemas.scale import SCALES, key


def _like(pattern: str, shape: str) -> AfterValidator:
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if not matches(value):
            raise ValueError(shape)
        return value

    return AfterValidator(check)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


Name = Annotated[
    str,
    _like(r"[a-z][a-z0-9_]{0,39}", "must be small letters, digits and _, as it is in addresses and names of settings"),
]
"""Of a source; it also stands before the ids of its answers."""

Path = Annotated[
    str,
    _like(r"[^.\s]([^.]*[^.\s])?(\.[^.\s]([^.]*[^.\s])?)*", "must be keys with dots between, like contacts.0.email"),
]
"""Where a value stands: a key that is a number is a place in a list."""

Paths = Annotated[
    tuple[Path, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=Path | Sequence[Path])
]
"""The first of these that holds something is taken; one alone needs no list."""

ANY = "any"

Values = Annotated[
    tuple[str | int | bool, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=str | int | bool | Sequence[str | int | bool]),
]
"""What a value may be; one alone needs no list, and `any` is whatever is not empty."""

Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$"), AfterValidator(str.lower)]


class StandardWebhooks(Part):
    """Signed as https://www.standardwebhooks.com has it; the secret is `whsec_…`."""

    scheme: Literal["standard_webhooks"]


class Hmac(Part):
    """An HMAC over the raw body, in a header.

    Attributes:
        header: the signature's; `prefix` stands before it.
        timestamp: the header with the time of signing, in seconds since 1970 or RFC 3339, which is signed too; without
            one an old message cannot be told from a new one.
        join: what is between that time and the body.
    """

    scheme: Literal["hmac"]
    header: Header
    digest: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp: Header | None = None
    join: str = ""


class SharedSecret(Part):
    """The secret itself, in a header: for senders that sign nothing. Only over TLS."""

    scheme: Literal["shared_secret"]
    header: Header


Signature = Annotated[StandardWebhooks | Hmac | SharedSecret, Field(discriminator="scheme")]


def _as_key(raw: object) -> object:
    if isinstance(raw, bool):
        raise ValueError("must be in quotes: YAML takes yes and no for true and false")  # noqa: TRY004 (for pydantic)
    return key(raw) if isinstance(raw, str | int | float) else raw


class OwnScale(Part):
    """A scale of the source's own: `values` gives each raw value's rating from 1 to 5."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    values: Annotated[
        dict[Annotated[str, BeforeValidator(_as_key)], Annotated[int, Field(strict=True, ge=1, le=5)]],
        Field(min_length=2),
    ]


def _known_scale(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in SCALES:
        raise ValueError(f"must be one of {', '.join(SCALES)}, or have a name and values of its own")
    return {"name": value, "values": SCALES[value]}


Scale = Annotated[OwnScale, BeforeValidator(_known_scale, json_schema_input_type=Literal[tuple(SCALES)] | OwnScale)]
"""One that is known by its name, or one of the source's own."""


class Rating(Part):
    """Where the rating stands, and on which scale it is."""

    path: Paths
    scale: Scale


class ContactFields(Part):
    """Who answered."""

    id: Paths | None = None
    name: Paths | None = None
    email: Paths | None = None
    locale: Paths | None = None


class Fields(Part):
    """Where the fields of `support_csat_received` stand, each under its own name.

    Attributes:
        response: what is one and the same however often the answer is changed.
        customer: the customer's UUID, where the source knows it.
    """

    response: Paths
    ticket_id: Paths
    responded_at: Paths | None = None
    customer: Paths | None = None
    ticket_subject: Paths | None = None
    ticket_category: Paths | None = None
    ticket_url: Paths | None = None
    feedback: Paths | None = None
    resolution_time_hours: Paths | None = None
    sla_hours: Paths | None = None
    survey_sent_at: Paths | None = None
    assignee: Paths | None = None
    message_id: Paths | None = None
    contact: ContactFields = ContactFields()


class Shape(Part):
    """One form in which a source says its answers.

    Attributes:
        each: where a list of answers stands; without it, what is a list holds several, and anything else is one.
        when: what must be so, by path, for it to be an answer; anything else is left alone.
        time_zone: of times that do not say theirs, as `UTC` or `Europe/Berlin`.
    """

    each: Path | None = None
    when: dict[Path, Values] = Field(default_factory=dict)
    time_zone: TimeZone | None = None
    rating: Rating
    fields: Fields


class Example(Part):
    """A test: what is made of `given`, in the order in which it stands there; `expect` names the fields that matter."""

    name: str
    shape: Literal["webhook", "record", "csv"] = "webhook"
    given: Any
    expect: list[dict[str, Any]]


class Source(Part):
    """A survey tool or help desk that says what customers answered.

    Attributes:
        signature: how its webhooks prove that they are its own; None: it has none.
        webhook, record, csv: the forms of its webhooks, of its API and JSON exports, of its CSV exports.
    """

    source: Name
    version: Annotated[
        str, BeforeValidator(str, json_schema_input_type=str | float), StringConstraints(min_length=1, max_length=100)
    ]
    signature: Signature | None = None
    webhook: Shape | None = None
    record: Shape | None = None
    csv: Shape | None = None
    tests: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (error := mistakes(self._wrong())) is not None:
            raise error
        return self

    def _wrong(self) -> Iterator[tuple[Location, str, Any]]:
        if self.webhook is None and self.record is None and self.csv is None:
            yield ("webhook",), "is missing, and so are record and csv: say one of them", {}
        if (self.webhook is None) != (self.signature is None):
            absent = "webhook" if self.webhook is None else "signature"
            yield (absent,), "is missing: signature and webhook go together", {}
        for place, test in enumerate(self.tests):
            if self.shape(test.shape) is None:
                yield (
                    ("tests", place, "shape"),
                    f"the source has no {test.shape}: say which of its forms it is",
                    test.shape,
                )

    def shape(self, name: Literal["webhook", "record", "csv"]) -> Shape | None:
        """The form of that name; None: it has none."""
        match name:
            case "webhook":
                return self.webhook
            case "record":
                return self.record
            case "csv":
                return self.csv
