"""The policy: when to alert, how severe it is, what is kept. One typed YAML file with a version."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.alert import Severity
from schemas.yaml_file import load

Days = Annotated[int, Field(gt=0, le=3650)]


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
    model_config = ConfigDict(frozen=True, extra="forbid")


class PoorRating(_Part):
    """When a single rating alerts."""

    at_most: Annotated[int, Field(ge=1, le=4)] = 2


class DecliningTrend(_Part):
    """When an average has fallen enough to alert."""

    drop: Annotated[float, Field(gt=0, lt=1)] = 0.20
    recent_days: Days = 30
    recent_min: Annotated[int, Field(ge=1)] = 3
    baseline_days: Days = 90
    baseline_min: Annotated[int, Field(ge=1)] = 5
    at_most_every_days: Days = 7
    resolved_below: Annotated[float, Field(ge=0, lt=1)] = 0.10
    """A firing trend is resolved once the drop is at most this: the gap to `drop` keeps it from flapping."""

    @model_validator(mode="after")
    def _resolves_below_firing(self) -> Self:
        if self.resolved_below >= self.drop:
            msg = f"resolved_below is {self.resolved_below}, drop is {self.drop}: set resolved_below lower than drop"
            raise ValueError(msg)
        return self


class Band(_Part):
    """A range of annual recurring revenue, up to the next band."""

    name: str
    at_least: Annotated[float, Field(ge=0)]


class SeverityTable(_Part):
    """Severity by what was said and what is at stake; a column a band, and one for an unknown ARR."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    rates: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[float, Field(gt=0)]] = {}
    """What one unit of another currency is worth in `currency`. One that is not here is compared as unknown."""
    bands: tuple[Band, ...]
    poor_rating: dict[int, dict[str, Severity]]
    declining_trend: dict[str, Severity]
    raise_from_low_ratings: Annotated[int, Field(ge=2)] = 2
    """This many poor ratings in 30 days raise the severity by one step."""
    raise_on_broken_sla: bool = True
    suggest_call_from: Severity = Severity.HIGH

    @model_validator(mode="after")
    def _table_is_whole(self) -> Self:
        if not self.bands or [b.at_least for b in self.bands] != sorted({b.at_least for b in self.bands}, reverse=True):
            msg = "severity.bands must be listed from the highest at_least to the lowest, each once"
            raise ValueError(msg)
        wanted = {b.name for b in self.bands} | {"unknown"}
        rows: dict[str, Mapping[str, Severity]] = {f"poor_rating.{r}": row for r, row in self.poor_rating.items()}
        rows["declining_trend"] = self.declining_trend
        for name, row in rows.items():
            if set(row) != wanted:
                msg = f"severity.{name} has the columns {sorted(row)}: it needs {sorted(wanted)}"
                raise ValueError(msg)
        return self


class WeeklyDigest(_Part):
    """When each CSM gets the digest of the week, and how much is in it."""

    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    hour: Annotated[int, Field(ge=0, le=23)] = 9
    time_zone: TimeZone = "UTC"
    time_zones: dict[str, TimeZone] = {}
    """Of the CSMs, by e-mail, who live by another one. An account's own zone is where the customer is: it says nothing
    of when the CSM works."""
    when_empty: Literal["nothing", "one_line"] = "nothing"
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


class Policy(_Part):
    """Everything that decides about alerts."""

    policy: str
    version: Annotated[str, Field(coerce_numbers_to_str=True)]
    window_days: Days = 120
    silent_after_days: Days = 7
    """An answer older than this when it arrives is recorded and not acted on."""
    poor_rating: PoorRating = PoorRating()
    declining_trend: DecliningTrend = DecliningTrend()
    severity: SeverityTable
    digest: WeeklyDigest = WeeklyDigest()

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        needed = self.declining_trend.recent_days + self.declining_trend.baseline_days
        if needed > self.window_days:
            msg = (
                f"window_days is {self.window_days}, and recent_days + baseline_days is {needed}: "
                f"set window_days to at least {needed}"
            )
            raise ValueError(msg)
        missing = [r for r in range(1, self.poor_rating.at_most + 1) if r not in self.severity.poor_rating]
        if missing:
            msg = (
                f"severity.poor_rating has no row for rating {missing[0]}, which poor_rating.at_most makes poor: add it"
            )
            raise ValueError(msg)
        return self

    @property
    def window(self) -> timedelta:
        """How long a rating counts, behind the customer's newest."""
        return timedelta(days=self.window_days)


def load_policy(path: Path | None) -> Policy:
    """The policy in `path`, or the one that ships. Raises `schemas.yaml_file.BadFile`, which names place and fix."""
    if path is None:
        return load(Policy, files("schemas") / "policy.yaml")
    return load(Policy, path)
