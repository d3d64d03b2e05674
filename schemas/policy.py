"""The policy: when to alert, how severe it is, who is told, what is kept. One typed YAML file with a version."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from schemas.alert import Severity
from schemas.event import Category
from schemas.notify import Notify
from schemas.record import Identifier, ShortText
from schemas.yaml_file import load

Days = Annotated[int, Field(gt=0, le=3650)]


def _known_form(currency: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", currency):
        msg = "is no code of a currency: write its three capital letters, like USD"
        raise ValueError(msg)
    return currency


def _uuid(customer_id: str) -> str:
    try:
        return str(UUID(customer_id))
    except ValueError:
        msg = "is no customer's id: write the UUID by which the events name the customer"
        raise ValueError(msg) from None


Currency = Annotated[str, AfterValidator(_known_form), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]
CustomerUuid = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
Level = Annotated[float, Field(ge=1, le=5)]
Share = Annotated[float, Field(gt=0, le=1)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no name of a zone at all, such as ../x; a directory
        msg = "is no zone of the IANA time zone database: write one like Europe/Berlin, America/New_York or UTC"
        raise ValueError(msg) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class _Part(BaseModel):
    # Closed: a misspelt threshold must not silently leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PoorRating(_Part):
    """When a single rating alerts."""

    at_most: Annotated[int, Field(ge=1, le=4, examples=[2])] = 2
    """A rating of this or less is poor."""


class AllCustomers(_Part):
    """What the ratings of all customers are, for those who have given few of them."""

    shares: tuple[Share, Share, Share, Share, Share] = (0.07, 0.05, 0.08, 0.20, 0.60)
    """Of the ratings 1, 2, 3, 4 and 5, in this order. None is zero: what never came may come."""
    weight: Annotated[float, Field(ge=1, le=100)] = 10
    """So many ratings' worth of their mean goes into each customer's own."""


class DecliningTrend(_Part):
    """When an average has fallen enough, and surely enough, to alert."""

    drop: Annotated[float, Field(gt=0, lt=1, examples=[0.2])] = 0.20
    """The share of the customer's own baseline that must be lost: 0.2 alerts on more than a fifth."""
    recent_days: Days = 30
    """Days behind the customer's newest rating whose mean is compared."""
    recent_min: Annotated[int, Field(ge=1)] = 3
    """Ratings that these days must hold."""
    baseline_days: Days = 90
    """Days before the recent ones whose mean it is compared with."""
    baseline_min: Annotated[int, Field(ge=1)] = 5
    """Ratings that the baseline must hold."""
    at_most_every_days: Days = 7
    """Days of event time between two alerts on one customer's trend, at least."""
    resolved_below: Annotated[float, Field(ge=0, lt=1)] = 0.10
    """A firing trend is resolved once the drop is at most this: the gap to `drop` keeps it from flapping."""
    threshold: Annotated[float, Field(gt=0, le=100)] = 6.5
    """What the evidence must reach to be strong. Lower finds more and sooner, and is wrong more often; `csatwatch fit`
    sets it so that 4 % of customers without any change have an alert within 52 ratings."""
    learned_from: Annotated[int, Field(ge=2, le=100)] = 20
    """Ratings from which a customer's level is known: before, only stronger evidence fires."""
    all_customers: AllCustomers = AllCustomers()
    """Constants that `csatwatch fit` works out of a history."""

    @model_validator(mode="after")
    def _resolves_below_firing(self) -> Self:
        if self.resolved_below >= self.drop:
            _wrong(
                f"must be lower than drop, which is {self.drop}, or a trend would fire and be resolved at once",
                self.resolved_below,
                "resolved_below",
            )
        return self


class Band(_Part):
    """A range of annual recurring revenue, up to the next band."""

    name: Annotated[str, Field(min_length=1, examples=["enterprise"])]
    """The name of its column in the tables."""
    at_least: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Where it begins, in the table's currency."""


class SeverityTable(_Part):
    """Severity by what was said and what is at stake; a column a band, and one for an unknown ARR."""

    currency: Currency = "USD"
    """The bands are in it."""
    rates: dict[Currency, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default={}, examples=[{"EUR": 1.1}]
    )
    """What one unit of another currency is worth in `currency`. One that is not here is compared as unknown."""
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    """From the highest to the lowest."""
    poor_rating: dict[Annotated[int, Field(ge=1, le=5)], dict[str, Severity]]
    """A row a poor rating, a column a band."""
    declining_trend: dict[str, Severity]
    """A column a band."""
    raise_from_low_ratings: Annotated[int, Field(ge=2)] = 2
    """This many poor ratings in 30 days raise the severity by one step."""
    raise_on_broken_sla: bool = True
    """A ticket that took longer than promised raises it by one step."""
    raise_on_escalation: bool = True
    """A ticket that was escalated, before the rating or after it, raises it by one step."""
    raise_on_renewal_within_days: Annotated[int, Field(ge=1, le=3650)] | None = 90
    """A renewal within so many days after the rating raises it by one step; null: never."""
    suggest_call_from: Severity = Severity.HIGH
    """An alert of this severity or a higher one suggests a call."""

    @model_validator(mode="after")
    def _table_is_whole(self) -> Self:
        for i, (higher, lower) in enumerate(zip(self.bands, self.bands[1:], strict=False), 1):
            if lower.at_least >= higher.at_least:
                _wrong(
                    f"must be lower than that of {higher.name}, the band before: list the highest band first",
                    lower.at_least,
                    "bands",
                    i,
                    "at_least",
                )
        names = [band.name for band in self.bands] + ["unknown"]
        if double := next((name for name in names if names.count(name) > 1), None):
            _wrong("is the name of another column too: give each band a name of its own", double, "bands")
        for place, row in self._rows():
            if missing := [name for name in names if name not in row]:
                _wrong(f"has no column for {missing[0]}: add it", list(row), *place)
            if extra := [name for name in row if name not in names]:
                _wrong(f"is no band: it must be one of {', '.join(names)}", extra[0], *place, extra[0])
        return self

    def _rows(self) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Severity]]]:
        for rating, row in self.poor_rating.items():
            yield ("poor_rating", rating), row
        yield ("declining_trend",), self.declining_trend


class UsualLevels(_Part):
    """What is usual among all customers: mean ratings, 1 to 5, for an alert's reasons to compare with.

    They decide nothing. `csatwatch fit` works them out of a history; as constants of the policy they are the same for
    a replay, a backtest and any number of workers.
    """

    overall: Level | None = None
    """Over all tickets."""
    categories: dict[Category, Level] = Field(default={}, examples=[{"Billing": 4.1, "Technical Issue": 3.8}])
    """By the ticket's category, written as in the events."""


class Told(StrEnum):
    """How an alert reaches people."""

    DM = "dm"
    CHANNEL = "channel"
    DIGEST = "digest"


class Routing(_Part):
    """Who gets what, by severity.

    `dm`: the account's CSM, directly. `channel`: the Slack channel named here instead. `digest`: nobody at once; no
    step of a workflow is run, and the weekly digest lists it.
    """

    critical: Told = Told.DM
    high: Told = Told.DM
    medium: Told = Told.DM
    low: Told = Told.DM
    channel: Identifier | None = Field(default=None, examples=["C0123456789"])
    """The id of the Slack channel for the severities that say `channel`."""

    @model_validator(mode="after")
    def _channel_is_named(self) -> Self:
        for severity in Severity:
            if self.of(severity) is Told.CHANNEL and self.channel is None:
                _wrong("says channel, and none is named: add routing.channel with its id", "channel", severity.value)
        return self

    def of(self, severity: Severity) -> Told:
        """How an alert of this severity reaches people."""
        told: Told = getattr(self, severity)
        return told


class WeeklyDigest(_Part):
    """When each CSM gets the digest of the week, and how much is in it."""

    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    """On which it is made."""
    hour: Annotated[int, Field(ge=0, le=23)] = 9
    """On the clock of the zone; the next valid one where summer time skips it."""
    time_zone: TimeZone = Field(default="UTC", examples=["Europe/Berlin"])
    """A zone of the IANA time zone database."""
    time_zones: dict[str, TimeZone] = Field(default={}, examples=[{"ana@example.com": "America/New_York"}])
    """Of the CSMs, by e-mail, who live by another one. An account's own zone is where the customer is: it says nothing
    of when the CSM works."""
    when_empty: Literal["nothing", "one_line"] = "nothing"
    """What a CSM gets in a week without anything to say."""
    most: Annotated[int, Field(ge=1, le=100)] = 10
    """Accounts in each part. Those that are falling are all in the record, and the message shows as many as fit."""
    renewal_days: Days = 90
    """Of two falling accounts, one that renews so soon counts as if twice as much were at stake."""
    open_days: Days = 30
    """An alert that nobody answered is left out when it is older, unless its task is still open."""
    unanswered_days: Days = 7
    """So long after a follow-up without a new rating, it counts as unanswered."""
    quiet_days: Days = 60
    """So long without a rating, an account is quiet."""


class Holdout(_Part):
    """Alerts that are recorded and not delivered, by lot, so that what came of the others can be compared with them.

    Only falling averages of small accounts, which the weekly digest still lists.
    """

    share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Of these alerts; 0: none is held out."""
    below_arr: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 25_000
    """In the severity table's currency. An account whose ARR is not known is never held out."""


class OutcomeRules(_Part):
    """How it is found out whether alerts help."""

    holdout: Holdout = Holdout()


@dataclass(frozen=True)
class _PartOf:
    """JSON Schema: any of the part's fields, as it has them."""

    part: type[_Part]

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler.resolve_ref_schema(handler(self.part.__pydantic_core_schema__))
        fields = {name: {k: v for k, v in f.items() if k != "default"} for name, f in whole["properties"].items()}
        return {"type": "object", "additionalProperties": False, "properties": fields}


Fields = dict[str, Any]


class Override(_Part):
    """Other values for the accounts of a tier, or for one customer; what it leaves out stays as it is.

    Where several fit a customer all of them apply, a later one over an earlier one.
    """

    tier: ShortText | None = Field(default=None, examples=["enterprise"])
    """The accounts of this tier, as the account records name it."""
    customer: CustomerUuid | None = None
    """The customer of this id."""
    silent_after_days: Days | None = None
    """An answer older than this when it arrives is recorded and not acted on."""
    poor_rating: Annotated[Fields, _PartOf(PoorRating)] = {}
    """When a single rating alerts."""
    declining_trend: Annotated[Fields, _PartOf(DecliningTrend)] = {}
    """When an average has fallen enough to alert."""
    severity: Annotated[Fields, _PartOf(SeverityTable)] = {}
    """Severity by what was said and what is at stake."""
    routing: Annotated[Fields, _PartOf(Routing)] = {}
    """Who gets what, by severity."""

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if self.tier is None and self.customer is None:
            _wrong("is for nobody: add the tier or the customer that it is for", self.values())
        if self.tier is not None and self.customer is not None:
            _wrong("names a tier and a customer: make two overrides of it", self.values())
        return self

    @property
    def whom(self) -> str:
        """For whom it is, in words."""
        return f"customer {self.customer}" if self.tier is None else f"tier {self.tier}"

    def values(self) -> dict[str, Any]:
        """What it sets."""
        return self.model_dump(exclude_unset=True, exclude={"tier", "customer"})


class Policy(_Part):
    """Everything that decides about alerts."""

    policy: Annotated[str, Field(min_length=1, examples=["default"])]
    """Its name: each alert carries it."""
    version: Annotated[
        str,
        Field(
            coerce_numbers_to_str=True, min_length=1, examples=["1"], json_schema_extra={"type": ["string", "number"]}
        ),
    ]
    """Raise it with each change: each alert carries it."""
    window_days: Days = 120
    """How long a rating counts, in days behind the customer's newest."""
    silent_after_days: Days = 7
    """An answer older than this when it arrives is recorded and not acted on."""
    poor_rating: PoorRating = PoorRating()
    declining_trend: DecliningTrend = DecliningTrend()
    severity: SeverityTable
    routing: Routing = Routing()
    usual_levels: UsualLevels = UsualLevels()
    digest: WeeklyDigest = WeeklyDigest()
    notify: Notify = Notify()
    show_assignees: bool = False
    """Whether the page of support names who had the tickets with poor ratings. Who has the hard tickets has those."""
    keep_words_days: Annotated[int, Field(ge=1, le=36_500)] | None = 730
    """So long what people said is kept in Postgres; then only its figures are. None: for good."""
    outcomes: OutcomeRules = OutcomeRules()
    overrides: tuple[Override, ...] = ()
    """Other values for a tier or a customer."""

    _for: dict[tuple[str | None, str | None], "Policy"] = PrivateAttr(default_factory=dict)
    _overridden_for: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        self._overridden_for = (info.context or {}).get("for", ())
        trend = self.declining_trend
        needed = trend.recent_days + trend.baseline_days
        if needed > self.window_days:
            _wrong(
                f"must be at least {needed}, the sum of declining_trend.recent_days and baseline_days",
                self.window_days,
                "window_days",
            )
        missing = [r for r in range(1, self.poor_rating.at_most + 1) if r not in self.severity.poor_rating]
        if missing:
            _wrong(
                f"has no row for rating {missing[0]}, which poor_rating.at_most makes poor: add it",
                list(self.severity.poor_rating),
                "severity",
                "poor_rating",
            )
        bands = [band.name for band in self.severity.bands] + ["unknown"]
        if strange := [name for name in self.notify.escalation.after if name not in bands]:
            place = ("notify", "escalation", "after", strange[0])
            _wrong(f"is no band: it must be one of {', '.join(bands)}", strange[0], *place)
        for customer, tier in product(*self._selected()):
            self._for[customer, tier] = self._merged(customer, tier)
        return self

    def for_customer(self, customer_id: str, tier: str | None) -> "Policy":
        """The policy with all overrides for a customer of this tier; itself where there are none."""
        if not self._for:
            return self
        return self._for[self.selected_by(customer_id, tier)]

    def selected_by(self, customer_id: str, tier: str | None) -> tuple[str | None, str | None]:
        """What of a customer's id and tier the overrides ask for: customers with the same have the same policy."""
        return (customer_id if (customer_id, None) in self._for else None, tier if (None, tier) in self._for else None)

    @property
    def all_for(self) -> Mapping[tuple[str | None, str | None], "Policy"]:
        """The policy by what `selected_by` says, of all that differ."""
        return self._for or {(None, None): self}

    @cached_property
    def overridden_for(self) -> tuple[str, ...]:
        """Whose overrides are in it, in words."""
        return self._overridden_for

    @property
    def window(self) -> timedelta:
        """How long a rating counts, behind the customer's newest."""
        return timedelta(days=self.window_days)

    def _selected(self) -> tuple[list[str | None], list[str | None]]:
        if not self.overrides:
            return [], []
        return (
            [None, *dict.fromkeys(o.customer for o in self.overrides if o.customer)],
            [None, *dict.fromkeys(o.tier for o in self.overrides if o.tier)],
        )

    def _merged(self, customer: str | None, tier: str | None) -> "Policy":
        chosen = [
            (i, o)
            for i, o in enumerate(self.overrides)
            if (o.customer is not None and o.customer == customer) or (o.tier is not None and o.tier == tier)
        ]
        policy: Policy = self
        data = self.model_dump(exclude={"overrides"})
        whom: list[str] = []
        for i, override in chosen:
            data = _over(data, override.values())
            whom.append(override.whom)
            try:
                policy = Policy.model_validate(data, context={"for": tuple(whom)})
            except ValidationError as error:
                raise _inside(error, "overrides", i) from None
        return policy


def load_policy(path: Path | None) -> Policy:
    """The policy in `path`, or the one that ships. Raises `schemas.yaml_file.BadFile`, which names place and fix."""
    if path is None:
        return load(Policy, files("schemas") / "policy.yaml")
    return load(Policy, path)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the values of `above` in it, inside its objects too."""
    merged = dict(below)
    for name, value in above.items():
        held = merged.get(name)
        merged[name] = _over(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def _wrong(message: str, value: object, *place: str | int) -> NoReturn:
    """Say of a value at a place inside the part that is being validated what it must be."""
    # As a custom error the text is a template: a brace in it would be taken for a field.
    kind = PydanticCustomError("policy", "{text}", {"text": message})
    raise ValidationError.from_exception_data("policy", [InitErrorDetails(type=kind, loc=place, input=value)])


def _inside(error: ValidationError, *place: str | int) -> ValidationError:
    """The same mistakes, at `place`."""
    details: list[InitErrorDetails] = []
    for each in error.errors(include_url=False):
        kind = PydanticCustomError("policy", "{text}", {"text": each["msg"]})
        details.append(InitErrorDetails(type=kind, loc=(*place, *each["loc"]), input=each["input"]))
    return ValidationError.from_exception_data("policy", details)
