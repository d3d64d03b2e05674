"""Numbers and times in the pages' words."""

from datetime import UTC, datetime

from sinks.slack import wording as slack


def money(amount: float | None, currency: str | None) -> str | None:
    """As in the Slack message beside it, `$175,000`; None where the amount is unknown."""
    return None if amount is None else slack.money(amount, currency)


def percent(share: float) -> str:
    """A share in whole percent, as in the Slack message."""
    return slack.percent(share)


def moment(time: datetime) -> str:
    """`24 Nov 2026, 09:30 UTC`; the browser puts its own time zone in place of it."""
    return f"{time.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def day(time: datetime) -> str:
    """`24 Nov 2026`, in UTC."""
    return f"{time.astimezone(UTC):%-d %b %Y}"


def average(value: float | None) -> str:
    """`4.2`; a dash where there is none."""
    return "–" if value is None else f"{value:.1f}"  # noqa: RUF001 - a dash that stands for "none"


def hours(value: float | None) -> str | None:
    """`72 h`, `1.5 h`; None where it is unknown."""
    return None if value is None else f"{value:g} h"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 rating`, `2 ratings`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
