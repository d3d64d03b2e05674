"""The monthly report of an account: one page that needs nothing else, to read, to send on, to print."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.cards import card
from web.customers import CustomerPages, read_account
from web.database import Database
from web.months import Month, back, following, months, total
from web.preview import slack_message
from web.templates import Templates
from web.wording import mean, money

_STATIC = Path(__file__).parent / "static"
_BEFORE = 6  # months that are drawn, this one included
_RATINGS = 2000
_STARS = (5, 4, 3, 2, 1)
_POOR = (1, 2)
_HEAD = {"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A month in the chart: `height` in hundredths, None where nobody rated."""

    label: str
    average: float | None
    n: int
    height: float | None


class Reports:
    """One account, one month."""

    def __init__(self, database: Database, templates: Templates, customers: CustomerPages) -> None:
        self._database = database
        self._templates = templates
        self._customers = customers

    async def one(self, request: Request) -> Response:
        """`/customers/{customer_id}/report/{month}`, a month as 2026-11; with `?download=1` as a file."""
        now = datetime.now(UTC)
        first = _month(request.path_params["month"], now)
        row = await self._customers.figures(request, now)
        customer_id = row["customer_id"]
        begin, end = _begin(first), _begin(following(first))
        ratings = await self._database.rows("ratings_between", customer_id, begin, end, _RATINGS)
        alerts = await self._database.rows("alerts_between", customer_id, begin, end)
        rows = await self._database.rows("customer_months", customer_id, back(first, _BEFORE - 1), following(first))
        found = {each.month: each for each in months(rows)}
        counts = Counter(rating["rating"] for rating in ratings)
        style = _style()
        html = self._templates.render(
            "report.html",
            style=Markup(style),  # noqa: S704 - our own files
            customer=row["name"] or "Customer not known yet",
            csm=row["csm_name"],
            arr=money(row["arr"], row["currency"]),
            account=read_account(row["record"]),
            first=first,
            whole=end <= now,
            now=now,
            month=found.get(first, total(())),
            before=found.get(back(first, 1)),
            average=mean(sum(rating["rating"] for rating in ratings), len(ratings)),
            poor=sum(counts[each] for each in _POOR),
            bars=[_bar(back(first, ago), found) for ago in reversed(range(_BEFORE))],
            spread=[
                (stars, counts[stars], 100 * counts[stars] / max(1, max(counts.values(), default=0)))
                for stars in _STARS
            ],
            categories=_categories(ratings),
            ratings=ratings,
            cut=len(ratings) == _RATINGS,
            alerts=[_alert(each, row["name"]) for each in alerts],
        )
        headers = {"Content-Security-Policy": f"{_HEAD['Content-Security-Policy']}; style-src '{_hash(style)}'"}
        if request.query_params.get("download") == "1":
            headers["Content-Disposition"] = f'attachment; filename="support-satisfaction-{first:%Y-%m}.html"'
        return Response(html, media_type="text/html", headers=headers)


def _month(text: str, now: datetime) -> date:
    """The first day of the month. One that has not begun is an HTTP 404."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise HTTPException(404) from None
    if len(text) != len("2026-11") or first > now.date() or first.year < 1970:  # noqa: PLR2004 - before anybody rated
        raise HTTPException(404)
    return first


def _begin(first: date) -> datetime:
    return datetime.combine(first, time(), UTC)


def _bar(first: date, found: Mapping[date | None, Month]) -> Bar:
    month = found.get(first)
    average = month.average if month else None
    height = None if average is None else round(100 * (average - 1) / 4, 1)
    return Bar(f"{first:%b}", average, month.answers if month else 0, height)


def _categories(ratings: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, int, float | None, int]]:
    """Category, ratings, their mean, and how many are poor; the most rated first."""
    names = sorted({rating["ticket_category"] for rating in ratings})
    lines = []
    for name in names:
        given = [rating["rating"] for rating in ratings if rating["ticket_category"] == name]
        lines.append(
            (name or "no category", len(given), mean(sum(given), len(given)), sum(each in _POOR for each in given))
        )
    return sorted(lines, key=lambda line: (-line[1], line[0]))


def _alert(row: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    shown = card({**row, "customer_name": name, "customer_id": None}, (), slack_message)
    return {"card": shown, "handled_at": row["handled_at"], "followed_up_at": row["followed_up_at"]}


@cache
def _style() -> str:
    return "\n" + "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in ("csatwatch.css", "report.css"))


@cache
def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
