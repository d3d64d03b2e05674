"""Numbers and times in the pages' words."""

import re
from datetime import UTC, date, datetime

from markupsafe import Markup, escape

from sinks.slack import wording as slack

_DAYS_FROM = 72  # hours
_MOMENT = re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2} UTC\b", re.ASCII)
_FORMAT = "%d %b %Y, %H:%M UTC"


def money(amount: float | None, currency: str | None) -> str | None:
    """As in the Slack message beside it, `$175,000`; None where the amount is unknown."""
    return None if amount is None else slack.money(amount, currency)


def percent(share: float) -> str:
    """A share in whole percent, as in the Slack message."""
    return slack.percent(share)


def moment(time: datetime) -> str:
    """`24 Nov 2026, 09:30 UTC`; the browser puts its own time zone in place of it."""
    return f"{time.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def timed(text: str) -> Markup:
    """A text of ours in which each `moment` is marked as one, so that the browser shows it in its own time zone too."""
    return Markup(_MOMENT.sub(_marked, str(escape(text))))  # noqa: S704 - escaped, and what is put in is ours


def _marked(found: re.Match[str]) -> str:
    try:
        at = datetime.strptime(found[0], _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return found[0]
    return f'<time datetime="{at.isoformat()}">{found[0]}</time>'


def day(time: datetime) -> str:
    """`24 Nov 2026`, in UTC."""
    return f"{time.astimezone(UTC):%-d %b %Y}"


def average(value: float | None) -> str:
    """`4.2`; a dash where there is none."""
    return "–" if value is None else f"{value:.1f}"  # noqa: RUF001 - a dash that stands for "none"


def hours(value: float | None) -> str | None:
    """`72 h`, `1.5 h`; None where it is unknown."""
    return None if value is None else f"{round(value, 1):g} h"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 rating`, `2 ratings`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """`83 %`; a dash where there is nothing to be a share of."""
    return f"{round(100 * part / whole)} %" if whole else "–"  # noqa: RUF001 - a dash that stands for "none"


def mean(total: float, number: int) -> float | None:
    """None where there is nothing."""
    return total / number if number else None


def duration(hours: float | None) -> str:
    """`40 min`, `5 h`, `3 days`; a dash where there is none."""
    if hours is None:
        return "–"  # noqa: RUF001 - a dash that stands for "none"
    if hours < 1:
        return f"{round(hours * 60)} min"
    if hours < _DAYS_FROM:
        return f"{hours:.1f}".removesuffix(".0") + " h"
    return f"{hours / 24:.1f}".removesuffix(".0") + " days"


def month(first: date) -> str:
    """`November 2026`."""
    return f"{first:%B %Y}"
